"""Which of two sequences of faults is the better one to look at."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness.fault.faults import NAMED_TEARS, Fault, Tear
from harness.fault.order import SIMPLEST_FIRST, faults_at, order_of
from harness.fault.replay_id import fault_of
from harness.machine.protocol import OperationKind


def test_fewer_cuts_come_first_then_earlier_ones_then_simpler_tears() -> None:
    """In this order, and the first cut decides before the second."""
    sequences = [tuple(map(fault_of, text.split("/"))) for text in ("9metastable", "0all/0none", "0all/0all", "0some/0none", "0none/5none", "0none/1.0some")]

    assert all(order_of(one) < order_of(other) for one, other in pairwise(sequences))


def test_every_tear_has_a_place() -> None:
    """A tear that is added later must be given one."""
    assert set(SIMPLEST_FIRST) == set(Tear)
    assert set(NAMED_TEARS) < set(SIMPLEST_FIRST)


@pytest.mark.parametrize(
    ("kind", "tears"),
    [
        (OperationKind.PROGRAM, [Tear.NONE, Tear.ALL, Tear.SOME, Tear.MOST, Tear.METASTABLE]),
        (OperationKind.PAGE_ERASE, [Tear.NONE, Tear.ALL, Tear.HALF_PAGE, Tear.SOME, Tear.MOST, Tear.METASTABLE]),
    ],
)
def test_an_operation_has_the_tears_of_a_sweep_and_those_of_the_sequence(kind: OperationKind, tears: list[Tear]) -> None:
    """Simplest first; half a page only of an erase."""
    others = (Fault(0, 1, Tear.METASTABLE), Fault(0, 2, Tear.HALF_PAGE))

    assert [fault.tear for fault in faults_at(0, 7, kind, others=others)] == tears
