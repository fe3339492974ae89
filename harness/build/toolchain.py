"""Cross-compilers: zig from the package index, pinned, or the machine's own arm-none-eabi-gcc."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from harness.build.cache import cache_path, cached_file
from harness.errors import EngineError, InputError

TOOLCHAINS = ("zig", "gcc")
"""The names that `choose_toolchain` takes; the first is the default."""

_GCC = "arm-none-eabi-gcc"

# Where flash starts at 0, a pointer to its first byte is a good one: no check of it may be left out.
_COMPILE = ("-std=c11", "-g", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-fno-common", "-fno-delete-null-pointer-checks")
# No unwinder runs on the device, and its tables would be linked with each function.
_NO_UNWIND = ("-fno-unwind-tables", "-fno-asynchronous-unwind-tables")
# The default page size of 64 KiB would place the ELF headers below the image.
_LINK = ("-nostdlib", "-Wl,--gc-sections", "-Wl,-e,Reset_Handler", "-Wl,-z,max-page-size=4")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A cross-compiler for bare-metal Cortex-M.

    Attributes:
        name: one of `TOOLCHAINS`. version: what it says of itself; part of every cache key.
        folder: where it is installed; kept out of what it makes.
        executable: its program. driver: the arguments that make it a C compiler for the target.
        compile_flags, link_flags: for every compile, for every link.
    """

    name: str
    version: str
    folder: Path
    executable: str
    driver: tuple[str, ...]
    compile_flags: tuple[str, ...]
    link_flags: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    def core_flags(self, core: str) -> tuple[str, ...]:
        """Return the flags for a core, named as in device.toml ("cortex-m3").

        A core's FPU stays unused: it is off after reset, and what is built here has no floating-point numbers.
        """
        # zig's cortex_m4 has no FPU; to gcc it is one of the core's own extensions, which this switches off.
        return (f"-mcpu={core.replace('-', '_')}",) if self.name == "zig" else (f"-mcpu={core}", "-mthumb", "-mfloat-abi=soft")

    def position_independent(self, entry: str) -> Toolchain:
        """Return the same toolchain with the flags for a program that runs at any address and starts at the function `entry`."""
        # Everything is of one memory: pages that are read-only after relocation would only pull the sections apart.
        link = ("-nostdlib", "-pie", "-Wl,--gc-sections", f"-Wl,-e,{entry}", "-Wl,-z,max-page-size=4", "-Wl,-z,norelro")
        return replace(self, compile_flags=(*self.compile_flags, "-fPIC", "-fvisibility=hidden"), link_flags=link)

    def run(self, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the C compiler in `folder`.

        Raises:
            EngineError: it can't be started.
        """
        return self._invoke([*self.driver, *arguments], folder)

    def helpers(self, core: str) -> str:
        """Return the link argument for the compiler's own helpers, 64-bit division among them; `-nostdlib` leaves them out.

        Raises:
            EngineError: they can't be compiled.
        """
        if self.name == "gcc":
            return "-lgcc"
        # zig would link its own copy, with debug information that names the folders of zig and of its cache.
        flags = ["-fstrip", "-OReleaseSmall", *self.driver[1:], *self.core_flags(core), "-ffunction-sections", "-fno-stack-check", "-fno-builtin"]

        def make(fresh: Path) -> None:
            arguments = ["build-obj", *flags, "--name", "helpers", f"-femit-bin={fresh}", str(self.folder / "lib" / "compiler_rt.zig")]
            result = self._invoke(arguments, fresh.parent)
            if result.returncode != 0:
                raise EngineError(f"{self.title} can't compile its helpers: {result.stderr.strip()[:500]}")

        return str(cached_file(cache_path("helpers", f"{self.name}-{self.version}-{core}.o"), make))

    def _invoke(self, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C"}
        if self.name == "zig":
            environment["ZIG_GLOBAL_CACHE_DIR"] = str(cache_path("zig", "global"))
            environment["ZIG_LOCAL_CACHE_DIR"] = str(cache_path("zig", "local"))
        return _run([self.executable, *arguments], folder, environment)


def choose_toolchain(name: str) -> Toolchain:
    """Return a toolchain that is installed.

    Raises:
        InputError: there is no such toolchain, or this machine lacks it.
    """
    if name == "zig":
        return _zig()
    if name == "gcc":
        return _gcc()
    raise InputError("no such toolchain", source="--toolchain", field=name, remedy=f"Known toolchains: {', '.join(TOOLCHAINS)}.")


def _zig() -> Toolchain:
    package = find_spec("ziglang")
    if package is None or package.origin is None:
        raise InputError("the package ziglang is not installed", source="--toolchain", field="zig", remedy="Install boot-harness with its dependencies.")
    folder = Path(package.origin).resolve().parent
    executable = folder / ("zig.exe" if os.name == "nt" else "zig")
    return Toolchain(
        name="zig",
        version=_version([str(executable), "version"]),
        folder=folder,
        executable=str(executable),
        driver=("cc", "-target", "thumb-freestanding-eabi"),
        # zig quietly turns -Oz into -Os; passed on with -Xclang it is kept.
        compile_flags=(*_COMPILE, *_NO_UNWIND, "-Os", "-Xclang", "-Oz"),
        link_flags=_LINK,
    )


def _gcc() -> Toolchain:
    executable = shutil.which(_GCC)
    if executable is None:
        raise InputError(f"{_GCC} is not on the PATH", source="--toolchain", field="gcc", remedy="Install gcc-arm-none-eabi, or use --toolchain zig.")
    return Toolchain(
        name="gcc",
        version=_version([executable, "-dumpfullversion"]),
        folder=Path(executable).resolve().parent.parent,
        executable=executable,
        driver=(),
        compile_flags=(*_COMPILE, *_NO_UNWIND, "-Os"),
        link_flags=_LINK,
    )


def _version(command: list[str]) -> str:
    result = _run(command, None, dict(os.environ))
    if result.returncode != 0:
        raise EngineError(f"{command[0]} does not tell its version: {result.stderr.strip()}")
    return result.stdout.strip()


def _run(command: list[str], folder: Path | None, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise EngineError(f"{command[0]} can't be run: {error.strerror or error}") from error
