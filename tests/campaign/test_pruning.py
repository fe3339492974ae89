"""Runs are pruned where they cannot differ, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.campaign.accelerations import EVERY_ACCELERATION
from harness.campaign.boots import CaseLog, log_of
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import SweepOptions
from harness.campaign.sweep import run_clean
from harness.fault.faults import Fault, Tear
from harness.oracle.verdict import Verdict
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

NOT_PRUNED = replace(EVERY_ACCELERATION, prune=False)
APPLICATION, METADATA = "application", "metadata"
TEARS = (Tear.NONE, Tear.SOME, Tear.ALL)


def make_log(bug: str | None) -> tuple[PreparedScenario, CaseLog]:
    """Return the bundled scenario, perhaps with a seeded bug, and the log of its update."""
    scenario = prepare("stm32f103/speck-full", PrepareOptions(bug=bug))
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    return scenario, log_of(clean, 1)


def operations_in(scenario: PreparedScenario, log: CaseLog, region: str, count: int) -> list[int]:
    """Return the numbers of the first operations in a region, erases of the first page left out."""
    addresses = scenario.regions[region].addresses
    return [operation.index for operation in log.boots[0].operations if operation.address in addresses][1 : count + 1]


def judge_all(runner: FaultRunner, operations: list[int]) -> list[Verdict]:
    """Cut each operation with some tears."""
    return [runner.judge(Job(0, (Fault(0, operation, tear),))) for operation in operations for tear in TEARS]


@pytest.mark.parametrize("bug", [None, "erase-skipped-on-resume", "crc-trusted-at-start"])
def test_a_pruned_verdict_is_the_verdict(bug: str | None) -> None:
    """Cuts in a page of the application give the same verdicts, whether or not runs are pruned: of good firmware and of bugs that do not erase."""
    scenario, log = make_log(bug)
    pruning, plain = FaultRunner(scenario, [log], 1, "embedded"), FaultRunner(scenario, [log], 1, "embedded", NOT_PRUNED)
    operations = operations_in(scenario, log, APPLICATION, 4)

    assert judge_all(pruning, operations) == judge_all(plain, operations)
    assert (pruning.runs_pruned > 0) == (bug != "erase-skipped-on-resume")
    assert plain.runs_pruned == 0


def test_a_page_that_recovery_reads_is_never_pruned() -> None:
    """What the journal and the counter hold decides, so each cut in their pages is run."""
    scenario, log = make_log(None)
    runner = FaultRunner(scenario, [log], 1, "embedded")

    judge_all(runner, operations_in(scenario, log, METADATA, 12))

    assert runner.runs_pruned == 0
