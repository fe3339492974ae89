"""What a device remembers without power, and the ranges that code may run in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CellState(StrEnum):
    """What an interrupted operation did to a cell beyond the bit that it reads (docs/SPEC.md, flash physics of a cut)."""

    METASTABLE = "metastable"
    """Reads 0 in one boot and 1 in another, until it is erased or driven to 0."""
    WEAK = "weak"
    """Reads erased, but may lose at any later power-up what is programmed into it, until its page is erased in full."""


@dataclass(frozen=True, slots=True)
class DisturbedCells:
    """Cells of one range that are neither properly erased nor properly programmed.

    Attributes:
        address: first byte of the range.
        mask: one bit a cell, set where it is disturbed; as long as the range.
    """

    address: int
    mask: bytes
    state: CellState

    @property
    def count(self) -> int:
        """How many cells are disturbed."""
        return int.from_bytes(self.mask, "little").bit_count()


@dataclass(frozen=True, slots=True)
class NonVolatile:
    """Everything that survives a loss of power: the flash array, the option bytes, and what reading them does not show."""

    flash: bytes
    option_bytes: bytes = b""
    """Empty: the device's delivery state."""
    disturbed: tuple[DisturbedCells, ...] = ()
    """What interrupted operations left. An engine ignores it: it boots states whose cells are drawn (`harness/fault/disturbed.py`)."""
    writes: tuple[tuple[int, int], ...] = ()
    """(address, writes since the erase) of the words whose content does not tell it, in order: see `harness/fault/write_count.py`."""
    partial_erases: tuple[tuple[int, int], ...] = ()
    """(page, milliseconds) of the pages that are erased in part, in order."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A named range of addresses that code may run in.

    Attributes:
        settles_after_ps: a boot ends this long after it first enters the domain, whatever the code does then; 0: it goes on.
    """

    name: str
    address: int
    size_bytes: int
    settles_after_ps: int = 0
