"""Times of a run: until the application runs, over all boots that it took, and of a start that updates nothing."""

from __future__ import annotations

import dataclasses

from harness.machine.protocol import CallTimes, End, Entry
from harness.oracle.times import TimeRange, longest_boot, longest_verification, time_until_application, watchdog_margin_percent
from tests.oracle.runs import BASE, PAGE, make_run, make_trace

MS = 10**9
IN_BOOTLOADER = Entry("bootloader", BASE, 0, 0)
APPLICATION = Entry("application", BASE + PAGE + 8, 0, 40 * MS, 30 * MS, 60 * MS)
STARTED = make_trace(entries=(IN_BOOTLOADER, APPLICATION), time_ps=99 * MS)
RESET = make_trace(end=End.RESET, domain="bootloader", pc=BASE, entries=(IN_BOOTLOADER,), time_ps=10 * MS, time_low_ps=9 * MS, time_high_ps=12 * MS)


def test_the_boots_before_the_last_count_in_full() -> None:
    """What the application does after its entry does not count."""
    assert time_until_application(make_run(RESET, STARTED)) == TimeRange(us=50_000, low_us=39_000, high_us=72_000)


def test_without_an_application_there_is_no_time() -> None:
    """A run that never gets there has no time, not zero."""
    assert time_until_application(make_run(RESET)) is None
    assert longest_boot(make_run(RESET)) is None


def test_a_boot_that_erases_is_no_plain_start() -> None:
    """Updates have a budget of their own."""
    assert longest_boot(make_run(STARTED)) == TimeRange(us=40_000, low_us=30_000, high_us=60_000)
    assert longest_boot(make_run(make_trace(entries=STARTED.entries, erases=bytes([0, 1, 0])))) is None


def test_verification_is_the_most_of_one_boot() -> None:
    """Calls of a boot count together, boots do not; None where nothing was verified."""
    first, second = (dataclasses.replace(STARTED, watched=CallTimes(2, time * MS, time * MS, 2 * time * MS)) for time in (60, 50))
    assert longest_verification(make_run(first, second)) == TimeRange(60_000, 60_000, 120_000)
    assert longest_verification(make_run(STARTED)) is None


def test_the_margin_is_what_is_left_of_the_period() -> None:
    """Fed after 30 of 40 ms: a quarter; None where no watchdog ran."""
    assert watchdog_margin_percent(make_trace(watchdog_longest_ps=30 * MS, watchdog_period_ps=40 * MS)) == 25
    assert watchdog_margin_percent(make_trace()) is None
