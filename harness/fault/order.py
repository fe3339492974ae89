"""Which of two sequences of faults is the better one to look at: fewer cuts, then earlier ones, then simpler tears."""

from __future__ import annotations

from collections.abc import Iterable

from harness.fault.faults import ERASE_TEARS, Fault, Faults, Tear, tears_of
from harness.machine.protocol import OperationKind

SIMPLEST_FIRST = (Tear.NONE, Tear.ALL, Tear.HALF_PAGE, Tear.SOME, Tear.MOST, Tear.FRACTION, Tear.METASTABLE)
"""Cuts between operations, then those that leave whole cells, then those whose cells differ from boot to boot."""

Order = tuple[int, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


def order_of(faults: Faults) -> Order:
    """Return what sequences are sorted by: number of cuts; their places, the first cut's first; their tears, the first cut's first."""
    return len(faults), tuple(map(place_of, faults)), tuple(map(_simplicity, faults))


def place_of(fault: Fault) -> tuple[int, int]:
    """Return where a fault hits: boot and operation."""
    return fault.boot, fault.operation


def faults_at(boot: int, operation: int, kind: OperationKind, tears: Iterable[Tear] = ERASE_TEARS, others: Faults = ()) -> list[Fault]:
    """Return the faults that an operation may have, the simplest tear first: with the `tears` that it can have, and those of `others`."""
    half = Tear.HALF_PAGE
    possible = {*tears_of(kind), Tear.METASTABLE}
    made = {(tear, 0) for tear in tears if tear in possible} | {(fault.tear, fault.thousandths) for fault in others if fault.tear is not half or kind.is_erase}
    return sorted((Fault(boot, operation, tear, thousandths) for tear, thousandths in made), key=_simplicity)


def _simplicity(fault: Fault) -> tuple[int, int]:
    return SIMPLEST_FIRST.index(fault.tear), fault.thousandths
