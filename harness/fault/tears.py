"""What an interrupted operation leaves in its cells.

A program drives bits from 1 to 0, an erase from 0 to 1; interrupted, each cell that was to change may have changed or not.
So a torn state always lies between `old` and `new`, bit by bit. Which cells is drawn from a hash of the seed and the
fault: the same arguments give the same bytes on every machine. Cuts at a fraction of the duration follow `cells.py`.
"""

from __future__ import annotations

import hashlib

from harness.fault.cells import Torn, cut_at, cut_metastable
from harness.fault.faults import Fault, Tear
from harness.machine.protocol import Operation


def tear_operation(operation: Operation, fault: Fault, seed: int) -> Torn:
    """Return what `fault` leaves of `operation`, disturbed cells included.

    Args:
        seed: the campaign's seed.
    """
    tear = fault.tear  # asked in the order of how often each is made: most campaigns make millions of the first four
    if tear is Tear.NONE:
        return Torn(operation.old, fraction=0.0)
    if tear is Tear.ALL:
        return Torn(operation.new, fraction=1.0)
    if tear is Tear.SOME or tear is Tear.MOST:
        return Torn(_some_bits(operation.old, operation.new, fault, seed))
    if tear is Tear.FRACTION:
        return cut_at(operation, fault.thousandths, seed)
    if tear is Tear.METASTABLE:
        return cut_metastable(operation, seed, int.from_bytes(_draw(fault, seed, 4), "little"))
    return Torn(tear_cells(operation.old, operation.new, fault, seed))


def tear_cells(old: bytes, new: bytes, fault: Fault, seed: int) -> bytes:
    """Return the cells that an operation leaves which one of the five tears without a moment in time interrupted.

    Args:
        old, new: equally long contents before and after the whole operation.
        fault: names the tear and feeds the draw.
        seed: the campaign's seed.

    Returns:
        As many bytes as `old`. With at least two changing bits, `some` and `most` differ from both `old` and `new`;
        with a single changing bit there is nothing in between, and they equal `old` and `new`.
    """
    if len(old) != len(new):
        raise ValueError(f"old has {len(old)} bytes and new has {len(new)}")
    match fault.tear:
        case Tear.NONE:
            return old
        case Tear.ALL:
            return new
        case Tear.HALF_PAGE:
            return _half(old, new, fault, seed)
        case Tear.SOME | Tear.MOST:
            return _some_bits(old, new, fault, seed)
        case Tear.METASTABLE | Tear.FRACTION:
            raise ValueError(f"the tear {fault.tear.value} depends on the operation, not on its bytes alone")


def _draw(fault: Fault, seed: int, length: int) -> bytes:
    return hashlib.shake_128(f"{seed}:{fault}".encode()).digest(length)


def _half(old: bytes, new: bytes, fault: Fault, seed: int) -> bytes:
    middle = len(old) // 2
    first_done = _draw(fault, seed, 1)[0] & 1
    return new[:middle] + old[middle:] if first_done else old[:middle] + new[middle:]


def _some_bits(old: bytes, new: bytes, fault: Fault, seed: int) -> bytes:
    length = len(old)
    before = int.from_bytes(old, "little")
    changing = before ^ int.from_bytes(new, "little")
    few = fault.tear is Tear.SOME
    lowest = changing & -changing
    if changing == lowest:
        return old if few else new
    draw = _draw(fault, seed, 2 * length)
    one, other = int.from_bytes(draw[:length], "little"), int.from_bytes(draw[length:], "little")
    # A quarter of the cells for `some`, three quarters for `most`; never none of them and never all.
    changed = changing & ((one & other) if few else (one | other))
    if changed in (0, changing):
        changed = lowest if few else changing ^ lowest
    return (before ^ changed).to_bytes(length, "little")
