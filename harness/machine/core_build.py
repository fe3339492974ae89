"""Compiles the C core into a shared library; standard library only, so that the packaging hook can load it by path."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

LIBRARY_NAME = "_core.dylib" if sys.platform == "darwin" else "_core.so"
"""File name of the compiled core, beside `embedded.py`."""

_CORE = Path(__file__).resolve().parent / "core"
_FLAGS = ("-O2", "-shared", "-fPIC", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g0")
_COMPILERS = ("cc", "gcc", "clang")


class CoreBuildError(Exception):
    """The core could not be compiled; the message says why and what to do."""


def compiler_command() -> list[str]:
    """Return the command of the C compiler: $CC, else the first of cc, gcc and clang, else zig from PyPI.

    Raises:
        CoreBuildError: there is none.
    """
    chosen = os.environ.get("CC", "").split()
    if chosen:
        return chosen
    for name in _COMPILERS:
        if shutil.which(name):
            return [name]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise CoreBuildError("there is no C compiler. Install gcc or clang, or run `pip install ziglang`, or set CC.")


def unicorn_include() -> Path:
    """Return the folder of Unicorn's C headers, which its wheel carries.

    Raises:
        CoreBuildError: Unicorn is not installed, or its wheel has no headers.
    """
    spec = importlib.util.find_spec("unicorn")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        include = Path(folder) / "include"
        if (include / "unicorn" / "unicorn.h").is_file():
            return include
    raise CoreBuildError("the headers of Unicorn are not installed. Run `pip install unicorn`.")


def source_digest() -> str | None:
    """Return the SHA-256 of the core's sources; None where they are not installed."""
    sources = sorted([*_CORE.glob("*.c"), *_CORE.glob("*.h")])
    digest = hashlib.sha256()
    for path in sources:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest() if sources else None


def compile_core(output: Path) -> None:
    """Compile the C core.

    Args:
        output: the shared library to write; replaced in one step, so that a machine that runs keeps the old one.

    Raises:
        CoreBuildError: no compiler, no headers, or the compiler reported errors.
    """
    linker = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    defines = [f'-DCORE_SOURCE_DIGEST="{source_digest()}"']
    partial = output.with_name(f"{output.name}.{os.getpid()}")
    sources = sorted(str(path) for path in _CORE.glob("*.c"))
    command = [*compiler_command(), *_FLAGS, *defines, f"-I{unicorn_include()}", *linker, "-o", str(partial), *sources]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise CoreBuildError(f"the C core does not compile with {command[0]}:\n{result.stderr.strip()}")
        partial.replace(output)
    except OSError as error:
        raise CoreBuildError(f"the C core could not be compiled with {command[0]}: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    compile_core(Path(__file__).resolve().parent / LIBRARY_NAME)
