"""The sweep on the real firmware: complete, deterministic, and equal to cuts made live."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.accelerations import EVERY_ACCELERATION, NO_ACCELERATION, Accelerations
from harness.campaign.boots import CaseLog, live_crash_image, log_of
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.fault.crash import FlashReplay
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import flash_map_of
from harness.machine.engines import make_machine
from harness.machine.protocol import Machine, Trace
from harness.oracle.run import Outcome
from harness.oracle.verdict import Verdict
from harness.report.lines import verdict_line
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario


@pytest.fixture(scope="module")
def scenario() -> PreparedScenario:
    """The bundled scenario, built."""
    return prepare("stm32f103/speck-full", PrepareOptions())


@pytest.fixture(scope="module")
def machine(scenario: PreparedScenario) -> Iterator[Machine]:
    """One embedded machine."""
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains)
    yield machine
    machine.close()


def test_every_clean_run_ends_where_its_case_says(scenario: PreparedScenario) -> None:
    """Uninterrupted, the update installs, the refusals keep the old version, and the tampered application stays down."""
    runs = run_clean(scenario, SweepOptions())

    assert len(runs) == len(scenario.cases)
    result = sweep(scenario, SweepOptions(operations=(0, 0)))
    assert [verdict.violations for verdict in result.clean] == [()] * len(runs)
    outcomes = {verdict.case: verdict.outcome for verdict in result.clean}
    assert outcomes["update"] is Outcome.NEW_VERSION
    assert outcomes["forged"] is Outcome.OLD_VERSION
    assert outcomes["tampered-application"] is Outcome.RECOVERY


def test_a_cut_from_the_log_equals_a_cut_made_live(scenario: PreparedScenario, machine: Machine) -> None:
    """Stopping the machine right before the operation leaves the same bytes as the log says, at every kind of operation."""
    case = scenario.case("update")
    (run,) = run_clean(scenario, SweepOptions(only_case="update"))
    log = log_of(run, 1)
    operations = log.boots[0].operations
    chosen = {0, 1, len(operations) // 2, len(operations) - 1} | {op.index for op in operations if op.kind.is_erase}

    replay = FlashReplay(case.state, operations, flash_map_of(scenario))
    for index in sorted(chosen):
        for tear in (Tear.NONE, Tear.SOME):
            fault = Fault(0, index, tear)
            live = live_crash_image(machine, scenario, log.boots, fault, 1)
            assert live == replay.crash_image(fault, 1)


def lines_of(scenario: PreparedScenario, verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """Return verdicts as the JSONL report has them."""
    return [json.loads(verdict_line(scenario, verdict, 1, "embedded")) for verdict in verdicts]


def test_the_result_does_not_depend_on_the_number_of_jobs(scenario: PreparedScenario) -> None:
    """One process and three give the same verdicts in the same order."""
    alone = sweep(scenario, SweepOptions(operations=(0, 5), only_case="update"))
    shared = sweep(scenario, SweepOptions(operations=(0, 5), only_case="update", jobs=3))

    assert lines_of(scenario, alone.verdicts) == lines_of(scenario, shared.verdicts)
    assert alone.planned == len(alone.verdicts) == alone.fired > 0


SLICES = (SweepOptions(operations=(500, 530), only_case="update"), SweepOptions(operations=(2140, 2162), only_case="counter-rotation"))


@pytest.fixture(scope="module")
def plain_lines(scenario: PreparedScenario) -> list[list[dict[str, object]]]:
    """The verdicts of some slices, without any acceleration, each boot on a machine of its own."""
    return [lines_of(scenario, sweep(scenario, replace(options, accelerations=NOTHING_SAVED)).verdicts) for options in SLICES]


NOTHING_SAVED = replace(NO_ACCELERATION, reuse=False)
ACCELERATIONS = {
    "all": EVERY_ACCELERATION,
    "all but convergence": Accelerations(converge=False),
    "all but a reused machine": Accelerations(reuse=False),
    "a reused machine": NO_ACCELERATION,
    "shared boots": Accelerations(share=True, memo=False, prune=False, converge=False),
    "shared calls": Accelerations(share=False, memo=True, prune=False, converge=False),
    "pruned runs": Accelerations(share=True, memo=False, prune=True, converge=False),
    "convergence": Accelerations(share=False, memo=False, prune=False, converge=True),
}


@pytest.mark.parametrize("name", ACCELERATIONS)
def test_no_acceleration_changes_a_verdict(scenario: PreparedScenario, plain_lines: list[list[dict[str, object]]], name: str) -> None:
    """All together or one alone, every verdict is the same as without: outcome, proof, operations, instructions, virtual time, final flash."""
    for options, expected in zip(SLICES, plain_lines, strict=True):
        result = sweep(scenario, replace(options, accelerations=ACCELERATIONS[name]))

        assert lines_of(scenario, result.verdicts) == expected
        assert len(result.verdicts) > 50


def whole(trace: Trace) -> dict[str, object]:
    """Return all that a trace says, its operations one by one with their old bytes; but how pages were used, which only a machine tells that records it."""
    said = {field: getattr(trace, field) for field in Trace.__dataclass_fields__ if field not in ("page_uses", "erased_by", "reach")}
    return {**said, "operations": [trace.operations[index] for index in range(len(trace.operations))]}


@pytest.fixture(scope="module")
def cut_update(scenario: PreparedScenario) -> CaseLog:
    """The log of the update, to be cut."""
    (run,) = run_clean(scenario, SweepOptions(only_case="update"))
    return log_of(run, 1)


JOBS = [Job(0, (Fault(0, operation, tear),)) for operation in (0, 1, 520, 521, 522, 523, 524) for tear in (Tear.SOME, Tear.MOST)]
"""Cuts of a record, and of a page of the application that the recovery erases again."""


@pytest.fixture(scope="module")
def plain_boots(scenario: PreparedScenario, cut_update: CaseLog) -> list[list[dict[str, object]]]:
    """Every boot of some recoveries, each on a machine of its own."""
    return boots_of(scenario, cut_update, NOTHING_SAVED)


def boots_of(scenario: PreparedScenario, log: CaseLog, accelerations: Accelerations) -> list[list[dict[str, object]]]:
    """Return every boot of the recoveries from `JOBS`."""
    runner = FaultRunner(scenario, [log], 1, "embedded", accelerations)
    boots = [[whole(trace) for trace in runner.crash_and_recovery(job)[1].traces] for job in JOBS]
    runner.close()
    return boots


@pytest.mark.parametrize("name", ACCELERATIONS)
def test_no_acceleration_changes_a_boot(scenario: PreparedScenario, cut_update: CaseLog, plain_boots: list[list[dict[str, object]]], name: str) -> None:
    """The whole operation log, old bytes and times of each operation, entries, output, end, instructions, cycles and what is left on the chip."""
    boots = boots_of(scenario, cut_update, ACCELERATIONS[name])

    assert boots == plain_boots
    assert max(len(str(boot["operations"])) for boot in boots[0]) > 100_000


def test_another_seed_tears_differently(scenario: PreparedScenario) -> None:
    """The seed reaches the tears."""
    digests = []
    for seed in (1, 2):
        result = sweep(scenario, SweepOptions(operations=(4, 8), only_case="update", seed=seed))
        digests.append([verdict.proof.crash_digest for verdict in result.verdicts if verdict.proof])

    assert digests[0] != digests[1]


def test_a_violation_replays_from_its_id_and_only_on_its_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The id printed by a sweep of a seeded bug rebuilds the run: same rule, same crash image."""
    from harness.cli import run_cli

    report = tmp_path / "verdicts.jsonl"
    bug = ["--bug", "erase-skipped-on-resume"]
    code = run_cli(["sweep", "stm32f103/speck-full", *bug, "--case", "update", "--operations", "0-10", "--seed", "7", "--jsonl", str(report), "--jobs", "1"])
    assert code == 1
    capsys.readouterr()
    violating = [record for record in map(json.loads, report.read_text().splitlines()) if record["violations"]]

    code = run_cli(["replay", violating[0]["replay_id"]])

    output = capsys.readouterr().out
    assert code == 1
    assert violating[0]["violations"][0]["message"] in output
    assert violating[0]["fault"]["crash_digest"][:16] in output
    assert "uart |" in output
