"""Compile and link steps, cached by the content of everything that goes into them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.build.cache import cache_path, cached_file
from harness.build.toolchain import Toolchain
from harness.errors import EngineError, InputError

# -Werror: zig prints a warning once, and then takes the object from its own cache in silence.
_WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef", "-Werror")


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A folder of C sources.

    Attributes:
        path: where it is. prefix: what debug information and cache keys say instead, so that neither depends on the place.
        headers_digest: of everything in it that its sources may include.
        foreign: somebody else's code: its warnings are not ours to mend.
    """

    path: Path
    prefix: str
    headers_digest: str
    foreign: bool


@dataclass(frozen=True, slots=True)
class Source:
    """One C source: its tree, and its path in it."""

    tree: SourceTree
    file: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.tree.path / self.file


class RegionOverflowError(Exception):
    """The linked image is larger than its region, by `excess_bytes`."""

    def __init__(self, excess_bytes: int) -> None:
        super().__init__(excess_bytes)
        self.excess_bytes = excess_bytes


class Compiler:
    """A toolchain with the flags of one image.

    Args:
        core: as device.toml names it.
        trees: every tree that sources and headers come from.
        include: folders with headers, in the order of search.
    """

    def __init__(self, toolchain: Toolchain, core: str, trees: Sequence[SourceTree], include: Sequence[Path]) -> None:
        self._toolchain = toolchain
        self._core = core
        self._trees = tuple(trees)
        hidden = [(toolchain.folder, f"/{toolchain.name}"), *((tree.path, tree.prefix) for tree in trees)]
        self._hidden = [(str(path), prefix) for path, prefix in hidden]
        self._target = toolchain.core_flags(core)
        ours = tuple(tree.path for tree in trees if not tree.foreign)
        self._include = [f"-I{folder}" if folder.is_relative_to(ours[0]) else f"-isystem{folder}" for folder in include]

    def compile_all(self, sources: Sequence[Source], defines: Mapping[str, str], jobs: int) -> list[Path]:
        """Compile sources at `jobs` at a time and return their objects, in order.

        Raises:
            InputError: a source does not compile.
        """
        with ThreadPoolExecutor(jobs) as executor:
            return list(executor.map(lambda source: self._compile(source, defines), sources))

    def linker_script(self, source: Source, defines: Mapping[str, str]) -> Path:
        """Run a linker script through the C preprocessor and return the result.

        Raises:
            InputError: the preprocessor refuses it.
        """
        arguments = [*self._target, "-E", "-P", "-x", "c", *_macros(defines), source.file]
        return self._cached("scripts", ".ld", source, arguments, lambda fresh: self._run(arguments, fresh, source))

    def link(self, objects: Sequence[Path], script: Path, name: str) -> Path:
        """Link objects and return the ELF file, called `name`.

        Raises:
            RegionOverflowError: the image does not fit in the script's region IMAGE.
            InputError: it does not link.
        """
        flags = [*self._target, *self._toolchain.link_flags]
        key = _digest([self._toolchain.title, flags, script.name, [path.name for path in objects]])

        def make(fresh: Path) -> None:
            inputs = [*map(str, objects), self._toolchain.helpers(self._core), "-T", str(script)]
            result = self._toolchain.run([*flags, *inputs, "-o", str(fresh)], script.parent)
            if result.returncode != 0:
                overflows = re.findall(r"region [`']IMAGE'[^\n]*overflowed by (\d+) bytes", result.stderr)
                if overflows:
                    raise RegionOverflowError(max(map(int, overflows)))
                raise InputError(f"does not link with {self._toolchain.title}:\n{self._shown(result.stderr)}", source=name, remedy="Correct the sources.")

        return cached_file(cache_path("firmware", key, name), make)

    def _compile(self, source: Source, defines: Mapping[str, str]) -> Path:
        hide = [f"-ffile-prefix-map={path}={prefix}" for path, prefix in self._hidden]
        warnings = ["-w"] if source.tree.foreign else _WARNINGS
        flags = [*self._target, *self._toolchain.compile_flags, *warnings, *self._include, *hide, *_macros(defines)]
        arguments = [*flags, "-c", source.file]
        return self._cached("objects", ".o", source, arguments, lambda fresh: self._run(arguments, fresh, source))

    def _cached(self, kind: str, suffix: str, source: Source, arguments: Sequence[str], make: Callable[[Path], None]) -> Path:
        headers = [tree.headers_digest for tree in self._trees]
        content = hashlib.sha256(source.path.read_bytes()).hexdigest()
        key = _digest([self._toolchain.title, self._visible(arguments), source.tree.prefix, headers, content])
        return cached_file(cache_path(kind, f"{key}{suffix}"), make)

    def _run(self, arguments: Sequence[str], output: Path, source: Source) -> None:
        result = self._toolchain.run([*arguments, "-o", str(output)], source.tree.path)
        if result.returncode == 0:
            return
        text = self._shown(result.stderr)
        if "error:" not in text:
            raise EngineError(f"{self._toolchain.title} failed on {source.file}: {text}")
        raise InputError(f"does not compile with {self._toolchain.title}:\n{text}", source=f"{source.tree.prefix[1:]}/{source.file}", remedy="Correct it.")

    def _visible(self, arguments: Sequence[str]) -> list[str]:
        """Return arguments with every path that is hidden from the output hidden here too."""
        shown = list(arguments)
        # Reversed, as compilers do it: a library may lie inside the toolchain's folder.
        for path, prefix in reversed(self._hidden):
            shown = [argument.replace(path, prefix) for argument in shown]
        return shown

    def _shown(self, text: str, lines: int = 20) -> str:
        """Return the beginning of a compiler's messages, with paths as debug information has them."""
        return "\n".join(self._visible(text.strip().splitlines()[:lines]))


def _macros(defines: Mapping[str, str]) -> list[str]:
    return [f"-D{name}={value}" for name, value in defines.items()]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]
