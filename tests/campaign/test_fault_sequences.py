"""Power lost again and again: each later fault falls into the recovery after the one before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.campaign.boots import log_of
from harness.campaign.replay import replay
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.sweep import SweepOptions, run_clean
from harness.errors import EngineError, InputError
from harness.fault.faults import Fault, Faults, Tear
from harness.fault.replay_id import parse_replay_id
from harness.oracle.run import Outcome
from harness.oracle.verdict import replay_id_of
from harness.report.lines import verdict_line
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

TWICE = (Fault(0, 600, Tear.SOME), Fault(0, 4, Tear.MOST))
SEQUENCES: dict[str, Faults] = {
    "in a page, and again while it is copied anew": TWICE,
    "three times": (*TWICE, Fault(0, 1, Tear.ALL)),
    "metastable cells met by a second cut": (Fault(0, 600, Tear.METASTABLE), Fault(0, 5, Tear.METASTABLE)),
}


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare("stm32f103/speck-full", PrepareOptions())


@pytest.fixture(scope="module", name="runner")
def _runner(scenario: PreparedScenario) -> Iterator[FaultRunner]:
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    runner = FaultRunner(scenario, [log_of(clean, 1)], 1, "embedded")
    yield runner
    runner.close()


@pytest.mark.parametrize("situation", SEQUENCES)
def test_a_sequence_from_the_logs_equals_one_made_live(situation: str, runner: FaultRunner) -> None:
    """The verdict and the proofs of all faults are those of a machine that was stopped each time."""
    faults = SEQUENCES[situation]

    verdict = runner.judge(Job(0, faults, live=True))

    assert verdict.proof is not None
    assert verdict.proof.faults == faults
    assert verdict.outcome is Outcome.NEW_VERSION
    assert verdict.violations == ()


def test_a_fault_after_the_end_of_a_recovery_did_not_fire(runner: FaultRunner) -> None:
    """A later fault counts operations of the recovery, not of the clean run."""
    with pytest.raises(EngineError, match="did not fire"):
        runner.judge(Job(0, (Fault(0, 2600, Tear.NONE), Fault(0, 2600, Tear.NONE))))


def test_each_cut_is_held_against_the_run_that_it_cut(runner: FaultRunner) -> None:
    """What was erased before an earlier cut is that cut's own account."""
    *_, (_, run) = runner.runs(Job(0, SEQUENCES["three times"]))

    assert run.history is not None
    assert (run.history.wear.before, run.history.wear.clean) == (1, 4)  # the second recovery: the second page erased again, of the four that were left


def test_a_counter_that_the_device_had_reached_stays_the_floor(runner: FaultRunner, scenario: PreparedScenario) -> None:
    """What falls only after the second cut has fallen from what the first recovery reached."""
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    closing = len(clean.traces[0].operations) - 4

    *_, (_, run) = runner.runs(Job(0, (Fault(0, closing, Tear.NONE), Fault(0, 0, Tear.NONE))))

    assert run.history is not None
    assert scenario.format.counter(clean.start.flash) == 1
    assert run.history.counter == 2


def test_a_replay_id_rebuilds_the_whole_sequence(runner: FaultRunner, scenario: PreparedScenario) -> None:
    """Verdict, lines and replay speak of all faults, in order."""
    verdict = runner.judge(Job(0, TWICE))
    text = replay_id_of(scenario, verdict, 1, "embedded")

    again = replay(scenario, parse_replay_id(text), "embedded")

    assert ":600some/4most:" in text
    assert again.verdict == verdict
    assert [proof.fault for _, proof in again.cuts] == list(TWICE)
    assert '"earlier": [{"fault": "600some"' in verdict_line(scenario, verdict, 1, "embedded")


def test_a_replay_id_with_a_fault_that_the_recovery_lacks_is_refused(scenario: PreparedScenario) -> None:
    """The message counts the operations of the run that the fault would cut."""
    text = f"stm32f103/speck-full:update:2600none/2600none:1:{scenario.fingerprint}"

    with pytest.raises(InputError, match="there is no operation 2600none"):
        replay(scenario, parse_replay_id(text), "embedded")
