"""Runs with disturbed cells: more power cycles after the run has settled, each judged as a recovery of its own."""

from __future__ import annotations

import dataclasses

from harness.device import NonVolatile
from harness.machine.protocol import End
from harness.oracle.rules import judge
from harness.oracle.run import Run
from tests.oracle.runs import BASE, make_flash, make_run, make_trace

BUSY = make_trace(end=End.RESET, pc=BASE, domain="bootloader", entries=())


def rules_broken(run: Run) -> set[str]:
    """Return the names of the rules that a run breaks."""
    return {violation.rule for violation in judge(run)}


def test_power_cycles_after_settling_use_no_boot_budget() -> None:
    """Three boots that each settle at once are three recoveries of one boot."""
    run = make_run(make_trace(), make_trace(), make_trace())

    assert [len(group) for group in run.recoveries] == [1, 1, 1]
    assert rules_broken(run) == set()


def test_a_later_recovery_is_held_to_the_budgets_too() -> None:
    """A power cycle after settling that needs two boots breaks the same rule as a first one does."""
    run = make_run(make_trace(), BUSY, make_trace())

    assert [len(group) for group in run.recoveries] == [1, 2]
    assert rules_broken(run) == {"boot_budget", "stable"}


def test_erases_count_by_recovery() -> None:
    """One erase in each of two recoveries is within a budget of one; two in one recovery are not."""
    erased = make_trace(erases=bytes([0, 1, 0, 0]))

    assert rules_broken(make_run(erased, erased)) == set()
    assert rules_broken(make_run(dataclasses.replace(BUSY, erases=bytes([0, 1, 0, 0])), erased)) >= {"erase_budget"}


def test_the_counter_is_judged_as_each_boot_read_it() -> None:
    """A counter that one boot reads as 2 and the next as 1 fell, though nobody wrote it in between."""
    run = make_run(make_trace(), make_trace())
    read = tuple(NonVolatile(make_flash(counter=counter)) for counter in (2, 1))

    assert rules_broken(run) == set()
    assert rules_broken(dataclasses.replace(run, starts=read)) == {"no_downgrade"}
