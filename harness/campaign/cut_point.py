"""What a moment of virtual time in a clean run means as a fault."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import InputError
from harness.fault.faults import Fault, Tear
from harness.machine.protocol import Operation
from harness.oracle.run import Run


@dataclass(frozen=True, slots=True)
class CutPoint:
    """A moment at which power goes.

    Attributes:
        fault: leaves the cells as a cut at this moment does.
        time_ps: since the reset of the first boot.
        boot: which boot of the clean run it lies in, from 0.
        operation: the one in progress; None: the CPU was between operations, so no cell changes.
    """

    fault: Fault
    time_ps: int
    boot: int
    operation: Operation | None


def find_cut_point(run: Run, time_ps: int) -> CutPoint:
    """Find what the device did at `time_ps` of a clean run.

    Inside an operation the cut lies at a fraction of its duration, to a thousandth. Between operations it is a cut before
    the next one, or after the last one where none follows.

    Args:
        time_ps: virtual time since the reset of the first boot; boots follow each other without a pause.

    Raises:
        InputError: the run has ended by then, or has no operation at all.
    """
    total_ps = sum(trace.time_ps for trace in run.traces)
    if time_ps > total_ps:
        raise InputError(
            f"{time_ps / 1e9:,.6f} ms is past the end of case {run.case.name}",
            source="--cut-at",
            remedy=f"Its clean run ends after {total_ps / 1e9:,.6f} ms.",
        )
    here = _boot_at(run, time_ps)
    last: Fault | None = None
    for boot, boot_start_ps, operation in _operations_of(run):
        begins_ps = boot_start_ps + operation.start_ps
        if time_ps <= begins_ps:
            return CutPoint(Fault(boot, operation.index, Tear.NONE), time_ps, here, None)
        passed_ps = time_ps - begins_ps
        if passed_ps < operation.duration_ps and boot == here:
            thousandths = min(max(round(1000 * passed_ps / operation.duration_ps), 1), 999)
            return CutPoint(Fault(boot, operation.index, Tear.FRACTION, thousandths), time_ps, here, operation)
        last = Fault(boot, operation.index, Tear.ALL)
    if last is None:
        raise InputError(f"case {run.case.name} has no flash operation", source="--cut-at", remedy="Choose a case that writes to the flash.")
    return CutPoint(last, time_ps, here, None)


def _boot_at(run: Run, time_ps: int) -> int:
    starts_ps = itertools.accumulate((trace.time_ps for trace in run.traces[:-1]), initial=0)
    return max(boot for boot, start_ps in enumerate(starts_ps) if start_ps <= time_ps)


def _operations_of(run: Run) -> Iterator[tuple[int, int, Operation]]:
    """Yield (boot, virtual time at which that boot started, operation) in order."""
    start_ps = 0
    for boot, trace in enumerate(run.traces):
        for index in range(len(trace.operations)):
            yield boot, start_ps, trace.operations[index]
        start_ps += trace.time_ps
