"""The speck bootloader on the nRF52840: every case uninterrupted, and cuts where the flash is written."""

from __future__ import annotations

import pytest

from harness.build.bugs import SeededBug, load_bugs
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.oracle.run import Outcome
from harness.scenario.model import ExpectedEnd
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

ENDS = {ExpectedEnd.NEW: Outcome.NEW_VERSION, ExpectedEnd.OLD: Outcome.OLD_VERSION, ExpectedEnd.RECOVERY: Outcome.RECOVERY}


@pytest.fixture(scope="module")
def scenario() -> PreparedScenario:
    """The bundled scenario, built."""
    return prepare("nrf52840/speck-full", PrepareOptions())


def test_every_clean_run_ends_where_its_case_says(scenario: PreparedScenario) -> None:
    """Uninterrupted, each case reaches its end, and no rule is broken."""
    result = sweep(scenario, SweepOptions(operations=(0, 0)))

    assert [verdict.violations for verdict in result.clean] == [()] * len(scenario.cases)
    assert {verdict.case: verdict.outcome for verdict in result.clean} == {case.name: ENDS[case.end] for case in scenario.cases}


def test_no_word_is_written_twice_between_erases(scenario: PreparedScenario) -> None:
    """The controller allows two writes of a word; the bootloader needs one, wherever its records lie (SPEC section 2)."""
    page_bytes = scenario.device.flash.page_bytes.value
    for run in run_clean(scenario, SweepOptions()):
        written: set[int] = set()
        logs = [trace.operations for trace in run.traces]
        for operation in (log[index] for log in logs for index in range(len(log))):
            if operation.kind.is_erase:
                written -= set(range(operation.address, operation.address + page_bytes))
            else:
                assert operation.address not in written, f"{run.case.name}: {operation.address:#010x}"
                assert operation.size_bytes == 4
                written.add(operation.address)


SLICES = {
    "the first record of an update, an erase and the first words": ("update", (0, 6)),
    "the erase and the words where the copy goes on to its second page": ("update", (1026, 1034)),
    "the last words, `copied`, the counter and `closed`": ("update", (1062, 1073)),
    "the refusal of a forged image": ("forged", (0, 1)),
    "the counter's move to its other page": ("counter-rotation", (1068, 1074)),
    "the journal's move to its other page": ("journal-rotation", (1026, 1040)),
}


@pytest.mark.parametrize(("case", "operations"), SLICES.values(), ids=SLICES)
def test_cuts_are_survived(scenario: PreparedScenario, case: str, operations: tuple[int, int]) -> None:
    """Every planned cut fires, crash images from the log equal those made live, and the good bootloader breaks no rule."""
    result = sweep(scenario, SweepOptions(only_case=case, operations=operations))

    assert result.planned == len(result.verdicts) == result.fired > 0
    assert result.live_checked > 0
    assert not result.violating


OWN = [
    bug
    for bug in load_bugs()
    if bug.name == "journal-header-first" or "nrf52840" in (*bug.chips, *bug.rules, *(chip for edit in bug.edit for chip in edit.chips))
]
"""The bugs that this chip has in its own way, and one that shows only if the journal moves before the last page of two is copied.

`harness selftest --scenario nrf52840/speck-full` sweeps all."""


@pytest.mark.parametrize("bug", OWN, ids=lambda bug: bug.name)
def test_a_bug_is_found_by_the_rule_that_it_breaks_on_this_chip(bug: SeededBug) -> None:
    """A broken rule of the controller is told as such; where the controller is silent, another rule speaks."""
    result = sweep_bug(bug, "nrf52840/speck-full", PrepareOptions(), SweepOptions())

    assert result.intended_rule in result.rules
