"""What a firmware's bookkeeping may say while some of its cells read differently from boot to boot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from itertools import islice

from harness.device.memory import CellState, DisturbedCells
from harness.scenario.prepared import Meaning

_TRIED = 16
"""Most readings of one group of cells that are tried: of four cells, all there are."""
_VARIANTS = 4
"""States that differ only in cells that matter are booted apart up to so many times: each boot draws what they read."""

Reading = tuple[bytes, tuple[bool, ...]]
"""What the bookkeeping says, and which of its logs then have another number of free places."""


class Readings:
    """Finds the disturbed cells that decide what the bookkeeping says.

    Args:
        flash_address: first address of the flash. page_at: number of the page that holds an address. bookkeeping: numbers of its pages.
        meaning: reads the bookkeeping of a flash.
    """

    def __init__(self, flash_address: int, page_at: Callable[[int], int], bookkeeping: Collection[int], meaning: Callable[[bytearray], Meaning]) -> None:
        self._flash_address = flash_address
        self._page_at = page_at
        self._bookkeeping = bookkeeping
        self._meaning = meaning

    def meaning(self, flash: bytearray, disturbed: tuple[DisturbedCells, ...], silent: Collection[DisturbedCells]) -> Meaning:
        """Return what the bookkeeping says where every metastable cell reads 1, and what else it may say.

        Args:
            silent: cells that are known to decide nothing.
        """
        inside = [cells for cells in disturbed if self._page_at(cells.address) in self._bookkeeping]
        base = self._all_ones(flash, inside)
        said = self._meaning(base)
        pages = {self._page_at(free.stop - 1) for free in said.free}
        telling = sorted({tuple(sorted(others)) for cells in inside if cells not in silent and (others := self._others(base, cells, said))})
        weak = [cells for cells in inside if cells.state is CellState.WEAK and self._page_at(cells.address) in pages]
        if not telling and not weak:
            return said
        variant = hashlib.blake2b(repr(inside).encode(), digest_size=1).digest()[0] % _VARIANTS
        return replace(said, says=said.says + repr((telling, weak, variant)).encode())

    def silent(self, flash: bytearray, disturbed: tuple[DisturbedCells, ...]) -> frozenset[DisturbedCells]:
        """Return the cells of the bookkeeping that decide nothing, whatever they read."""
        inside = [cells for cells in disturbed if self._page_at(cells.address) in self._bookkeeping]
        base = self._all_ones(flash, inside)
        said = self._meaning(base)
        return frozenset(cells for cells in inside if not self._others(base, cells, said))

    def _all_ones(self, flash: bytearray, disturbed: list[DisturbedCells]) -> bytearray:
        base = bytearray(flash)
        for cells in disturbed:
            if cells.state is CellState.METASTABLE:
                self._put(base, cells, int.from_bytes(cells.mask, "little"))
        return base

    def _others(self, base: bytearray, cells: DisturbedCells, said: Meaning) -> set[Reading]:
        """Return what else the bookkeeping says under some reading of these cells, the others left as they are."""
        if cells.state is not CellState.METASTABLE:
            return set()
        tried = set()
        for bits in _readings(int.from_bytes(cells.mask, "little")):
            self._put(base, cells, bits)
            meaning = self._meaning(base)
            tried.add((meaning.says, tuple(room != before for room, before in zip(meaning.rooms, said.rooms, strict=True))))
        self._put(base, cells, int.from_bytes(cells.mask, "little"))
        return tried - {(said.says, (False,) * len(said.rooms))}

    def _put(self, flash: bytearray, cells: DisturbedCells, bits: int) -> None:
        start = cells.address - self._flash_address
        span = slice(start, start + len(cells.mask))
        stable = int.from_bytes(flash[span], "little") & ~int.from_bytes(cells.mask, "little")
        flash[span] = (stable | bits).to_bytes(len(cells.mask), "little")


def _readings(mask: int) -> Iterator[int]:
    """Yield what the cells of a mask can read: everything where they are few; else all 0, and so many drawn."""
    if mask.bit_count() <= (_TRIED - 1).bit_length():
        bits = mask
        for _ in range(1 << mask.bit_count()):
            bits = (bits - 1) & mask
            yield bits
        return
    yield 0
    length = (mask.bit_length() + 7) // 8
    drawn = (hashlib.shake_128(number.to_bytes(1, "little")).digest(length) for number in range(_TRIED))
    yield from islice((int.from_bytes(draw, "little") & mask for draw in drawn), _TRIED - 1)
