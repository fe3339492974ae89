"""Renode itself, loaded into this process through pyrenode3: start it, compile our models, carry bytes over."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from harness.bundled import bundled_path
from harness.errors import EngineError, InputError
from harness.machine.capability import Probe

OLDEST = (1, 16)
"""The first version whose external MMU asks before it refuses, which is how changes of domain are seen."""

_SETTINGS = ("PYRENODE_BIN", "PYRENODE_PKG", "PYRENODE_BUILD_DIR")
_REMEDY = (
    "Install Renode 1.16 or newer (renode.io); `pip install boot-harness[renode]`; install pyrenode3 from github.com/antmicro/pyrenode3; then set "
    "PYRENODE_BIN to a portable Renode, PYRENODE_PKG to its package, or PYRENODE_BUILD_DIR to a build of its sources, and PYRENODE_RUNTIME to coreclr or mono."
)
_FLASH_MODELS = tuple(f"renode/{name}.cs" for name in ("flash_operations", "flash_controller", "flash_regions", "core_windows"))
_CHIP_MODELS = {"stm32f103": ("stm32f103/clocks.cs", "stm32f103/fpec.cs"), "nrf52840": ("nrf52840/nvmc.cs",)}
BOARD_MODELS = {device: (*_FLASH_MODELS, *models) for device, models in _CHIP_MODELS.items()}
"""By device: what its board needs compiled, in platforms/."""

_RECORDER_MODELS = tuple(f"renode/{name}.cs" for name in ("boot_recorder", "boot_events", "boot_results", "boot_debugger"))
_MODELS = (*_FLASH_MODELS, *_RECORDER_MODELS, *(model for models in _CHIP_MODELS.values() for model in models))
"""Compiled together and once a process: Renode refuses a type that it has already."""


class _MissingError(Exception):
    """Renode, or what it needs, is not there."""


def probe() -> Probe:
    """Return whether Renode is usable here. It is loaded for that."""
    try:
        found = version()
    except _MissingError as error:
        return Probe(usable=False, remedy=f"{error}. {_REMEDY}")
    if _numbers(found) < OLDEST:
        return Probe(usable=False, version=found, remedy=f"It is too old. {_REMEDY}")
    return Probe(usable=True, version=found)


def version() -> str:
    """Return the version that the loaded Renode carries."""
    _monitor()
    from System import AppDomain, Environment

    names = [assembly.GetName() for assembly in AppDomain.CurrentDomain.GetAssemblies()]
    found = next((str(name.Version) for name in names if name.Name == "Renode"), "")
    return f"{found} ({'Mono' if _on_mono() else '.NET'} {Environment.Version})"


def _on_mono() -> bool:
    from System import Type

    return Type.GetType("Mono.Runtime") is not None


def execute(command: str) -> str:
    """Have Renode's monitor carry out a command; return what it printed.

    Raises:
        EngineError: it refused.
    """
    printed, error = _monitor().execute(command)
    if error.strip():
        raise EngineError(f"Renode refused `{command}`: {error.strip()}")
    return str(printed).strip()


@functools.cache
def models() -> Any:
    """Compile our models; return the namespace that holds them.

    Raises:
        InputError: Renode is not usable here.
        EngineError: it refuses them.
    """
    found = probe()
    if not found.usable:
        raise InputError("the renode engine is not usable here", source="--engine", field="renode", remedy=found.remedy)
    folder = bundled_path("platforms")
    execute("include " + " ".join(f"@{folder / name}" for name in _MODELS))
    from Antmicro.Renode.Peripherals import BootHarness

    return BootHarness


def to_net(data: bytes) -> Any:
    """Return bytes as a .NET array."""
    from System import Array, Byte, IntPtr
    from System.Runtime.InteropServices import Marshal

    array = Array.CreateInstance(Byte, len(data))
    if data:
        Marshal.Copy(IntPtr(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value), array, 0, len(data))
    return array


def from_net(array: Any) -> bytes:
    """Return a .NET array of bytes."""
    from System import IntPtr
    from System.Runtime.InteropServices import Marshal

    buffer = ctypes.create_string_buffer(max(1, array.Length))
    Marshal.Copy(array, 0, IntPtr(ctypes.addressof(buffer)), array.Length)
    return buffer.raw[: array.Length]


def words_to_net(words: Sequence[int]) -> Any:
    """Return numbers as a .NET array of 32-bit words."""
    from System import Array, UInt32

    return Array[UInt32](list(words))


def numbers_to_net(numbers: Sequence[int]) -> Any:
    """Return numbers as a .NET array of 64-bit words."""
    from System import Array, UInt64

    return Array[UInt64](list(numbers))


@functools.cache
def _monitor() -> Any:
    with _quiet():
        try:
            from pyrenode3.wrappers import Monitor
        except ImportError as error:
            raise _MissingError(_first_line(error)) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a runtime or a folder that is not there comes as almost anything
            raise _MissingError(f"Renode does not load: {_first_line(error)}") from None
        return Monitor()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyrenode3's remarks about its own configuration off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines() or [type(error).__name__]
    settings = ", ".join(f"{name}={os.environ[name]}" for name in _SETTINGS if name in os.environ)
    return text[0].split(". ")[0].rstrip(".") + (f" ({settings})" if settings else "")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(" ")[0].split(".") if part.isdigit())
