"""What takes the space of a bootloader: its flash by what the code is for, and the RAM of its variables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness.build.elf import ElfFile

_PURPOSES = (
    ("/monocypher/", "Ed25519 (Monocypher)"),
    ("/bearssl/", "SHA-512 (BearSSL)"),
    ("delta/", "log, scratch pages, rebuilding"),
    ("patch/", "reader of patches, heatshrink"),
    ("hal/", "chip: start-up, flash controller, UART"),
)
_REST = "images, keys, flash, console, order of a boot"
_CONSTANTS = "constants, texts, alignment"


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


def space_of(elf: ElfFile) -> Space:
    """Return what an ELF file of this project takes: code by the source that it comes from, wherever it was inlined; the rest is constants."""
    counted: Counter[str] = Counter()
    for file, size in elf.code_bytes_by_file().items():
        counted[next((purpose for part, purpose in _PURPOSES if part in file), _REST)] += size
    counted[_CONSTANTS] = sum(len(piece) for _, piece in elf.pieces()) - sum(counted.values())
    variables = elf.symbol("data_end") - elf.symbol("data_start") + elf.symbol("bss_end") - elf.symbol("bss_start")
    return Space(tuple(counted.most_common()), variables)
