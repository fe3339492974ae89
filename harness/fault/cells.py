"""How far each cell has come when power is lost part of the way through an operation.

docs/SPEC.md, "Flash physics of a cut", tells the model and its sources. Every cell has thresholds drawn from the seed and
its address, so a later cut finds every cell at least as far as an earlier one, and the same cells are slow each time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness.device.memory import CellState, DisturbedCells
from harness.machine.protocol import Operation, OperationKind

_RESOLUTION_BITS = 16
_RESOLUTION = 1 << _RESOLUTION_BITS
_HALF_WAY = 1 / 8
"""Assumption: cells within this part of the distribution on both sides of the cut are half way."""
_READS_ERASED_POWER = 3
_HOLDS_POWER = 4
"""Assumptions: an erase does little early on, and the margin that makes a cell hold comes last."""


@dataclass(frozen=True, slots=True)
class Torn:
    """What an interrupted operation leaves.

    Attributes:
        cells: as many bytes as the operation changes.
        disturbed: cells that are neither properly erased nor properly programmed.
        fraction: how much of the operation's duration had passed; None where the tear does not say.
    """

    cells: bytes
    disturbed: tuple[DisturbedCells, ...] = ()
    fraction: float | None = None


class Thresholds:
    """A number from 0 up to 1 for each cell of a range, in steps of 1/65536, drawn from the seed.

    Args:
        purpose: what the numbers decide; different purposes draw independently.
    """

    def __init__(self, seed: int, address: int, length_bytes: int, purpose: str) -> None:
        draw = hashlib.shake_128(f"{seed}:{address:#x}:{purpose}".encode()).digest(_RESOLUTION_BITS * length_bytes)
        # Held as one number a binary digit, least significant first, so that all cells are compared at once.
        self._digits = [int.from_bytes(draw[start : start + length_bytes], "little") for start in range(0, len(draw), length_bytes)]
        self._every_cell = (1 << 8 * length_bytes) - 1

    def below(self, part: float) -> int:
        """Return the cells, one bit each, whose number is below `part`."""
        level = round(part * _RESOLUTION)
        if level <= 0:
            return 0
        if level >= _RESOLUTION:
            return self._every_cell
        below = 0
        for place, digit in enumerate(self._digits):
            zero = self._every_cell ^ digit
            below = below | zero if level >> place & 1 else below & zero
        return below


def cut_at(operation: Operation, thousandths: int, seed: int) -> Torn:
    """Cut an operation at a fraction of its duration.

    Args:
        thousandths: 1..999.
    """
    return _cut(operation, thousandths, seed, metastable=False)


def cut_metastable(operation: Operation, seed: int, draw: int) -> Torn:
    """Cut an operation where `draw` says, and leave some of the cells that are half way metastable.

    Args:
        draw: 0..2**32-1; places the cut so that any part of the cells may have changed.
    """
    part = draw / 2**32
    fraction = _speed(seed, operation.address) * part ** (1 / _READS_ERASED_POWER) if operation.kind.is_erase else part
    return _cut(operation, min(max(round(1000 * fraction), 1), 999), seed, metastable=True)


def _cut(operation: Operation, thousandths: int, seed: int, *, metastable: bool) -> Torn:
    length = operation.size_bytes
    fraction = thousandths / 1000
    before = int.from_bytes(operation.old, "little")
    changing = before ^ int.from_bytes(operation.new, "little")
    thresholds = Thresholds(seed, operation.address, length, "changes")
    part = _part_changed(operation, fraction, seed)
    after = before ^ changing & thresholds.below(part)
    disturbed = []
    if metastable and changing:
        near = changing & thresholds.below(part + _HALF_WAY) & ~thresholds.below(part - _HALF_WAY)
        disturbed.append((CellState.METASTABLE, _some_of(near or changing, seed, operation)))
    if operation.kind.is_erase:
        # A part of an erase leaves no cell with the margin that the whole gives.
        whole = operation.kind is not OperationKind.PARTIAL_ERASE
        held = Thresholds(seed, operation.address, length, "holds").below(fraction**_HOLDS_POWER) if whole else 0
        disturbed.append((CellState.WEAK, after & ~held))
    found = tuple(DisturbedCells(operation.address, mask.to_bytes(length, "little"), state) for state, mask in disturbed if mask)
    return Torn(after.to_bytes(length, "little"), found, fraction)


def _part_changed(operation: Operation, fraction: float, seed: int) -> float:
    """Return which part of the changing cells reads the new value after `fraction` of the duration."""
    if not operation.kind.is_erase:
        return fraction
    return (fraction / _speed(seed, operation.address)) ** _READS_ERASED_POWER


def _speed(seed: int, address: int) -> float:
    """Return the fraction of its erase, from a half up to 1, after which a whole range reads erased: pages differ, and wear slows them."""
    (draw,) = hashlib.shake_128(f"{seed}:{address:#x}:speed".encode()).digest(1)
    return 0.5 + draw / 512


def _some_of(cells: int, seed: int, operation: Operation) -> int:
    """Return about a half of `cells`, and at least one."""
    drawn = hashlib.shake_128(f"{seed}:{operation.address:#x}:metastable".encode()).digest(operation.size_bytes)
    return cells & int.from_bytes(drawn, "little") or cells & -cells
