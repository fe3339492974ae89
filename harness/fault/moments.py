"""When, in a run, a cut leaves what a fault leaves."""

from __future__ import annotations

from collections.abc import Sequence

from harness.fault.faults import Fault, Tear
from harness.machine.protocol import Operation


def moments_of(operation: Operation, faults: Sequence[Fault], since_ps: int) -> list[tuple[int, int]]:
    """Return, for each fault of one operation, the stretch of time in which a cut leaves what it leaves, in picoseconds since the reset.

    Before the operation that is `none`. The duration is shared evenly by the tears inside, in the order given: an assumption, like the tears
    themselves. `all` has no time of its own: what follows is `none` of the next operation.

    Args:
        since_ps: end of the operation before, 0 for the first.
    """
    inside = sum(fault.tear not in (Tear.NONE, Tear.ALL) for fault in faults)
    begins_ps = operation.start_ps
    share_ps = operation.duration_ps // inside if inside else 0
    moments = []
    for fault in faults:
        if fault.tear is Tear.NONE:
            moments.append((min(since_ps, operation.start_ps), operation.start_ps))
        elif fault.tear is Tear.ALL:
            ends_ps = operation.start_ps + operation.duration_ps
            moments.append((ends_ps, ends_ps))
        else:
            moments.append((begins_ps, begins_ps + share_ps))
            begins_ps += share_ps
    return moments
