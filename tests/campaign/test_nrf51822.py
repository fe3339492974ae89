"""The speck bootloader on the nRF51822: every case uninterrupted, cuts where the flash is written, and two bugs of its driver."""

from __future__ import annotations

import pytest

from harness.build.bugs import load_bug
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.oracle.run import Outcome
from harness.oracle.verdict import verdict_of
from harness.scenario.model import ExpectedEnd
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

ENDS = {ExpectedEnd.NEW: Outcome.NEW_VERSION, ExpectedEnd.OLD: Outcome.OLD_VERSION, ExpectedEnd.RECOVERY: Outcome.RECOVERY}


@pytest.fixture(scope="module")
def scenario() -> PreparedScenario:
    """The bundled scenario, built."""
    return prepare("nrf51822/speck-full", PrepareOptions())


def test_every_clean_run_ends_where_its_case_says(scenario: PreparedScenario) -> None:
    """Uninterrupted, each case reaches its end, and no rule is broken."""
    verdicts = [verdict_of(run) for run in run_clean(scenario, SweepOptions())]

    assert {verdict.case: verdict.outcome for verdict in verdicts} == {case.name: ENDS[case.end] for case in scenario.cases}
    assert not any(verdict.violations for verdict in verdicts)


@pytest.mark.parametrize("operations", [(1, 3), (258, 259), (1078, 1082)], ids=["an erase and first words", "the second page", "the last words"])
def test_cuts_are_survived(scenario: PreparedScenario, operations: tuple[int, int]) -> None:
    """Every planned cut fires, crash images from the log equal those made live, and the good bootloader breaks no rule."""
    result = sweep(scenario, SweepOptions(only_case="update", operations=operations))

    assert result.planned == result.fired > 0
    assert result.live_checked > 0
    assert not result.violating


@pytest.mark.long
@pytest.mark.parametrize("name", ["byte-stores", "erase-not-enabled"])
def test_a_bug_of_its_driver_is_found(name: str) -> None:
    """The driver is shared with the nRF52840, and so are its bugs."""
    result = sweep_bug(load_bug(name), "nrf51822/speck-full", PrepareOptions(), SweepOptions())

    assert result.intended_rule in result.rules
