"""Shrinking: the shortest and earliest sequence of cuts that breaks the same rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.campaign.boots import CaseLog, log_of
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.shrink import Shrunk, Target, shrink, without_repeats
from harness.campaign.shrink_run import breaks
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.cli import run_cli
from harness.fault.faults import Faults, spell_faults
from harness.fault.order import faults_at, order_of
from harness.fault.replay_id import ReplayId, fault_of
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

REFERENCE = "stm32f103/speck-full"


@dataclass(frozen=True, slots=True)
class Bug:
    """A seeded bug, ready to be cut in the case `update`."""

    scenario: PreparedScenario
    runner: FaultRunner
    clean: Verdict
    log: CaseLog

    def judge(self, faults: Faults) -> Verdict:
        """Make the faults."""
        return self.runner.judge(Job(0, faults))

    def shrink(self, faults: Faults, rule: str, most_tries: int | None = None) -> Shrunk:
        """Shrink a sequence that breaks a rule."""
        return shrink(self.runner, Target(0, self.clean, self.judge(faults), lambda verdict: breaks(verdict, rule)), most_tries=most_tries)


def faults_of(spelled: str) -> Faults:
    """Read what replay ids spell."""
    return tuple(map(fault_of, spelled.split("/")))


@pytest.fixture(scope="module", name="make_bug")
def _make_bug() -> Callable[[str], Bug]:
    made: dict[str, Bug] = {}

    def make(name: str) -> Bug:
        if name not in made:
            scenario = prepare(REFERENCE, PrepareOptions(bug=name))
            (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
            log = log_of(clean, 1)
            made[name] = Bug(scenario, FaultRunner(scenario, [log], 1, "embedded"), verdict_of(clean), log)
        return made[name]

    return make


@pytest.mark.parametrize(
    ("bug", "rule", "found", "least"),
    [
        ("closed-while-resumed", "bootable", "600some/900some/2most", "4all/2all"),
        ("closed-while-resumed", "bootable", "0none/600some/700most/2all", "4all/2all"),
        ("progress-forgotten", "wear_budget", "600some/300most/900some", "1038all"),
    ],
    ids=["a useless cut before", "two useless cuts before", "one cut hidden behind two"],
)
def test_a_long_sequence_becomes_the_least_one(bug: str, rule: str, found: str, least: str, make_bug: Callable[[str], Bug]) -> None:
    """Useless cuts go, those that are left move to where the bug begins, and their tears become the simplest."""
    seeded = make_bug(bug)

    shrunk = seeded.shrink(faults_of(found), rule)

    assert spell_faults(shrunk.faults) == least
    assert shrunk.complete
    assert seeded.judge(shrunk.faults) == shrunk.verdict
    assert breaks(shrunk.verdict, rule)


def test_a_cut_that_is_repeated_in_vain_is_made_once_at_the_first_try(make_bug: Callable[[str], Bug]) -> None:
    """A search writes down a cut a hundred times in a row to fill a log: where the log has no part in it, two cuts are left, and no try makes a hundred."""
    seeded = make_bug("closed-while-resumed")

    shrunk = seeded.shrink(faults_of("/".join(["260some", *["0some"] * 100, "2most"])), "bootable", most_tries=4)

    assert [step.name for step in shrunk.steps][1] == "repeated cuts once"
    assert spell_faults(shrunk.faults) == "260some/2most"


def test_a_sequence_with_cuts_that_cannot_be_left_out_keeps_them(make_bug: Callable[[str], Bug]) -> None:
    """Made once, the cut shows nothing: the sequence stays as it is."""
    seeded = make_bug("second-resume-refused")
    long = faults_of("517none/517none")

    kept = without_repeats(seeded.runner, Target(0, seeded.clean, seeded.judge(long), lambda verdict: breaks(verdict, "bootable")))
    assert kept.proof is not None
    assert kept.proof.faults == long


def test_a_single_cut_becomes_the_first_that_a_sweep_finds(make_bug: Callable[[str], Bug]) -> None:
    """No cut before it breaks the rule: a sweep of all of them says so."""
    seeded = make_bug("progress-forgotten")

    shrunk = seeded.shrink(faults_of("1700most"), "wear_budget")

    swept = sweep(seeded.scenario, SweepOptions(only_case="update", operations=(0, shrunk.faults[0].operation), stop_when=lambda _: False))
    assert shrunk.faults == min((verdict.proof.faults for verdict in swept.violating if verdict.proof), key=order_of)


def test_what_needs_no_cut_loses_all(make_bug: Callable[[str], Bug]) -> None:
    """Where the clean run breaks the rule too, the id names the clean run."""
    seeded = make_bug("counter-never-advanced")
    rule = seeded.clean.violations[0].rule

    assert seeded.shrink(faults_of("600some"), rule).faults == ()


def test_as_many_runs_are_made_as_are_allowed(make_bug: Callable[[str], Bug]) -> None:
    """And the result says that it may not be the least."""
    shrunk = make_bug("closed-while-resumed").shrink(faults_of("260some/2most"), "bootable", most_tries=20)

    assert not shrunk.complete
    assert shrunk.tries == 20


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(data=st.data())
def test_shrinking_never_makes_it_worse(data: st.DataObject, make_bug: Callable[[str], Bug]) -> None:
    """Whatever the sequence: the same rule is broken, by no more cuts, and by none that is later or less simple."""
    seeded = make_bug("progress-forgotten")
    faults: Faults = ()
    for _ in range(data.draw(st.integers(1, 3))):
        operations = seeded.runner.log_after(0, faults).boots[0].operations
        assume(operations)
        operation = data.draw(st.sampled_from(operations))
        faults = (*faults, data.draw(st.sampled_from(faults_at(0, operation.index, operation.kind))))
    verdict = seeded.judge(faults)
    assume(verdict.violations)
    rule = verdict.violations[0].rule

    shrunk = seeded.shrink(faults, rule, most_tries=40)

    assert breaks(seeded.judge(shrunk.faults) if shrunk.faults else seeded.clean, rule)
    assert order_of(shrunk.faults) <= order_of(faults)


def test_the_command_prints_steps_and_an_id_that_replays(make_bug: Callable[[str], Bug], capsys: pytest.CaptureFixture[str]) -> None:
    """Console and JSON name the same sequence; it breaks the rule again."""
    scenario = make_bug("closed-while-resumed").scenario
    text = str(ReplayId(REFERENCE, scenario.options, "update", faults_of("4some/2all"), 1, scenario.fingerprint))

    assert run_cli(["shrink", text, "--most-tries", "30", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert run_cli(["shrink", text, "--most-tries", "30"]) == 1
    console = capsys.readouterr().out

    assert record["rule"] == "bootable"
    assert record["tries"] == sum(step["tries"] for step in record["steps"]) == 30
    assert record["replay_id"] in console
    assert "not complete" in console
    assert run_cli(["replay", record["replay_id"]]) == 1
    assert record["message"] in capsys.readouterr().out


def test_a_run_that_holds_has_nothing_to_shrink(make_bug: Callable[[str], Bug], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; a rule that it does not break is refused with those that it does."""
    scenario = make_bug("closed-while-resumed").scenario
    holds = str(ReplayId(REFERENCE, scenario.options, "update", faults_of("4some"), 1, scenario.fingerprint))
    breaking = str(ReplayId(REFERENCE, scenario.options, "update", faults_of("4some/2all"), 1, scenario.fingerprint))

    assert run_cli(["shrink", holds]) == 0
    assert "nothing to shrink" in capsys.readouterr().out
    assert run_cli(["shrink", breaking, "--rule", "no_downgrade"]) == 2
    assert "It breaks: bootable" in capsys.readouterr().err
