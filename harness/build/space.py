"""What takes the space of a firmware: its flash by what the code is for, and the RAM of its variables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

from harness.build.elf import ElfFile

_LIBRARIES = (("/monocypher/", "Ed25519 (Monocypher)"), ("/bearssl/", "SHA-512 (BearSSL)"))
_CHIP = ("hal/", "chip: start-up, flash controller, UART")
BOOTLOADER_PURPOSES = (
    *_LIBRARIES,
    ("delta/", "log, scratch pages, rebuilding"),
    ("patch/", "reader of patches, heatshrink"),
    _CHIP,
    ("", "images, keys, flash, console, order of a boot"),
)
"""Of the one that applies patches: a part of a source file's path, and what the code in it is for; the first that fits counts."""
DOWNLOAD_PURPOSES = (
    *_LIBRARIES,
    ("speck/", "the API: slot, chunks, validation, mark"),
    ("delta/", "log of the bootloader, read and marked"),
    ("patch/", "reader of patches, heatshrink"),
    ("download/", "XMODEM, console"),
    _CHIP,
    ("", "images, keys, flash"),
)
"""Of the application that takes updates over the UART."""
MODULE_PURPOSES = (
    *_LIBRARIES,
    ("module/", "modules: loader, store"),
    ("delta/", "log of the modules"),
    ("module_host/", "console, functions for modules"),
    _CHIP,
    ("", "images, keys, flash"),
)
"""Of the application that loads modules."""
_CONSTANTS = "constants, texts, alignment"
Purposes: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Space:
    """The memory of a firmware.

    Attributes:
        flash: bytes by purpose, largest first. static_ram_bytes: variables, the stack not counted.
    """

    flash: tuple[tuple[str, int], ...]
    static_ram_bytes: int

    @property
    def flash_bytes(self) -> int:
        """All of it."""
        return sum(size for _, size in self.flash)


def space_of(elf: ElfFile, purposes: Purposes) -> Space:
    """Return what an ELF file of this project takes: code by the source that it comes from, wherever it was inlined; the rest is constants.

    Args:
        purposes: parts of paths, and what is told of the code in them; the last fits every path.
    """
    counted: Counter[str] = Counter()
    for file, size in elf.code_bytes_by_file().items():
        counted[next(purpose for part, purpose in purposes if part in file)] += size
    counted[_CONSTANTS] = sum(len(piece) for _, piece in elf.pieces()) - sum(counted.values())
    variables = elf.symbol("data_end") - elf.symbol("data_start") + elf.symbol("bss_end") - elf.symbol("bss_start")
    return Space(tuple(counted.most_common()), variables)
