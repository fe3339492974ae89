"""Moments: each moment of a run belongs to one fault."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.fault.faults import Tear
from harness.fault.moments import moments_of
from harness.fault.plan import FIVE_TEARS
from harness.machine.protocol import Operation, OperationKind

KINDS = st.sampled_from([OperationKind.PROGRAM, OperationKind.PAGE_ERASE])


@given(KINDS, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(6, 10**6))
def test_the_faults_of_an_operation_share_the_time_up_to_its_end(kind: OperationKind, since_ps: int, pause_ps: int, duration_ps: int) -> None:
    """From the end of the operation before to its own: first `none`, then the tears inside in equal parts, `all` at the end without length."""
    operation = Operation(3, kind, 0, b"\xff", b"\0", since_ps + pause_ps, duration_ps, 0, 0)
    faults = FIVE_TEARS.faults(0, operation, 1)

    moments = moments_of(operation, faults, since_ps)

    stretches = dict(zip((fault.tear for fault in faults), moments, strict=True))
    assert stretches[Tear.NONE] == (since_ps, operation.start_ps)
    assert stretches[Tear.ALL] == (operation.start_ps + duration_ps,) * 2
    inside = [stretch for tear, stretch in stretches.items() if tear not in (Tear.NONE, Tear.ALL)]
    assert inside[0][0] == operation.start_ps
    assert all(before[1] == after[0] for before, after in itertools.pairwise(inside))
    assert 0 <= operation.start_ps + duration_ps - inside[-1][1] < len(inside)
