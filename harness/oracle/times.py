"""How long a run took, in virtual time: until an application ran, and how long a start takes that updates nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.machine.protocol import Entry, Trace
from harness.oracle.run import Run, is_settled
from harness.quick_pickle import quickly_pickled
from harness.scenario.prepared import APPLICATION_DOMAIN


@quickly_pickled
@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """A virtual time: what the clock of the device counted, and the range that it stands for.

    Attributes:
        us: microseconds, from the middle of the range of cycles.
        low_us, high_us: with every overlap that the core's manual allows; with none, and every wait state of the flash.
    """

    us: float
    low_us: float
    high_us: float


def time_until_application(run: Run) -> TimeRange | None:
    """Return the longest time from power-on until the application ran for good; None where it did not, or where the engine does not model time.

    A run has more than one such time where cells that a cut left disturbed called for more power cycles.
    """
    times = [_sum_until_entry(traces) for traces in run.recoveries if is_settled(traces[-1])]
    return max((time for time in times if time is not None), default=None)


def boot_times(run: Run) -> Iterator[tuple[int, TimeRange]]:
    """Yield (boot, time from reset to the application) of every boot that erased no page: it started and updated nothing."""
    for boot, trace in enumerate(run.traces):
        if is_settled(trace) and not any(trace.erases):
            time = _sum_until_entry([trace])
            if time is not None:
                yield boot, time


def longest_boot(run: Run) -> TimeRange | None:
    """Return the longest of `boot_times`, None where there is none."""
    return max((time for _, time in boot_times(run)), default=None)


def longest_verification(run: Run) -> TimeRange | None:
    """Return the longest time that one boot spent verifying, all of its calls together; None where it verified nothing."""
    watched = [trace.watched for trace in run.traces if trace.watched.calls]
    return max((TimeRange(calls.time_ps / 1e6, calls.time_low_ps / 1e6, calls.time_high_ps / 1e6) for calls in watched), default=None)


def watchdog_margin_percent(trace: Trace) -> float | None:
    """Return what was left of the watchdog's period at the feeding that came closest to its end; None where none ran."""
    if trace.watchdog_period_ps == 0:
        return None
    return 100 - 100 * trace.watchdog_longest_ps / trace.watchdog_period_ps


def _sum_until_entry(traces: Sequence[Trace]) -> TimeRange | None:
    entry = _last_entry(traces[-1])
    if entry is None:
        return None
    parts: list[Trace | Entry] = [*traces[:-1], entry]
    if not all(part.time_high_ps for part in parts):
        return None  # the engine does not model time
    return TimeRange(
        us=sum(part.time_ps for part in parts) / 1e6,
        low_us=sum(part.time_low_ps for part in parts) / 1e6,
        high_us=sum(part.time_high_ps for part in parts) / 1e6,
    )


def _last_entry(trace: Trace) -> Entry | None:
    entered = [entry for entry in trace.entries if entry.domain == APPLICATION_DOMAIN]
    return entered[-1] if entered else None
