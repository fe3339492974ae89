"""Disturbed cells over boots: what they read at a power-up, and which of them an operation put right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from harness.device.memory import CellState, DisturbedCells, NonVolatile
from harness.fault.flash_map import FlashMap
from harness.machine.protocol import Operation, OperationKind


def read_at_power_up(state: NonVolatile, flash_map: FlashMap, seed: int) -> NonVolatile:
    """Return `state` with each disturbed cell at the bit that it reads in one boot.

    A metastable cell reads either. A weak cell that holds a 0 keeps it or loses it; one that reads 1 stays so.

    Args:
        seed: of this boot; equal arguments read equally.
    """
    for cells in state.disturbed:
        content = flash_map.read(state, cells.address, len(cells.mask))
        mask = int.from_bytes(cells.mask, "little")
        drawn = hashlib.shake_128(f"{seed}:{cells.address:#x}:{cells.state.value}".encode()).digest(len(cells.mask))
        stable = int.from_bytes(content, "little")
        if cells.state is CellState.METASTABLE:
            stable &= ~mask
        bits = stable | mask & int.from_bytes(drawn, "little")
        state = flash_map.replace(state, cells.address, bits.to_bytes(len(content), "little"))
    return state


def still_disturbed(disturbed: tuple[DisturbedCells, ...], operations: Iterable[Operation]) -> tuple[DisturbedCells, ...]:
    """Return what is left of `disturbed` after finished operations, in order.

    A whole erase puts every cell of its range right, a part of one none; a program drives metastable cells to 0 where it writes a 0.
    """
    if not disturbed:
        return ()
    for operation in operations:
        disturbed = tuple(left for cells in disturbed if (left := _after(cells, operation)) is not None)
    return disturbed


def _after(cells: DisturbedCells, operation: Operation) -> DisturbedCells | None:
    start = max(cells.address, operation.address)
    end = min(cells.address + len(cells.mask), operation.address + operation.size_bytes)
    untouched = start >= end or operation.kind is OperationKind.PARTIAL_ERASE
    if untouched or not (operation.kind.is_erase or cells.state is CellState.METASTABLE):
        return cells
    new = operation.new[start - operation.address : end - operation.address]
    kept = bytes(len(new)) if operation.kind.is_erase else new
    first, last = start - cells.address, end - cells.address
    mask = cells.mask[:first] + bytes(a & b for a, b in zip(cells.mask[first:last], kept, strict=True)) + cells.mask[last:]
    return replace(cells, mask=mask) if any(mask) else None
