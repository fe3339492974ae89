"""Cuts inside operations on the real firmware: they fire, equal cuts made live, and the power cycles that follow are judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from harness.build.bugs import load_bug
from harness.campaign.boots import live_crash_image, log_of, run_until_settled
from harness.campaign.cut_point import find_cut_point
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.device.memory import CellState, DisturbedCells
from harness.errors import InputError
from harness.fault.crash import FlashReplay
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import flash_map_of
from harness.fault.plan import TearChoice
from harness.fault.replay_id import parse_replay_id
from harness.fault.tear_words import parse_tears
from harness.machine.engines import make_machine
from harness.machine.protocol import Machine
from harness.oracle.run import Run
from harness.report.summary import findings_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

INSIDE = TearChoice((Tear.METASTABLE,), 2)


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


@pytest.fixture(scope="module")
def clean(scenario: PreparedScenario) -> Run:
    """The uninterrupted update."""
    (run,) = run_clean(scenario, SweepOptions(only_case="update"))
    return run


def test_a_cut_inside_from_the_log_equals_one_made_live(scenario: PreparedScenario, machine: Machine, clean: Run) -> None:
    """Disturbed cells and proof included, at programs and at erases."""
    log = log_of(clean, 1)
    operations = log.boots[0].operations
    erase = next(operation.index for operation in operations if operation.kind.is_erase)
    replay = FlashReplay(clean.start, operations, flash_map_of(scenario))

    for fault in (Fault(0, 0, Tear.FRACTION, 500), Fault(0, erase, Tear.FRACTION, 900), Fault(0, erase, Tear.METASTABLE)):
        assert live_crash_image(machine, scenario, log.boots, fault, 1) == replay.crash_image(fault, 1)


@pytest.mark.parametrize("seed", [1, 4])
def test_the_good_bootloader_survives_cuts_inside_its_first_page_and_its_metadata(scenario: PreparedScenario, seed: int) -> None:
    """Planned, run and fired agree, every proof has its fraction, and no rule is broken."""
    total = len(run_clean(scenario, SweepOptions(only_case="update"))[0].last.operations)
    for operations in ((0, 20), (total - 20, total)):
        result = sweep(scenario, SweepOptions(seed=seed, operations=operations, only_case="update", tears=INSIDE))

        assert result.planned == len(result.verdicts) == result.fired > 0
        assert findings_of(result) == []
        assert all(verdict.proof is not None and verdict.proof.fraction is not None for verdict in result.verdicts)
        assert result.live_checked > 0


def test_a_page_that_reads_erased_but_is_weak_catches_a_skipped_erase() -> None:
    """A bootloader that does not erase again after a cut programs into weak cells: what it copied does not last."""
    broken = prepare("stm32f103/speck-full", PrepareOptions(bug="erase-skipped-on-resume"))
    (clean_run,) = run_clean(broken, SweepOptions(only_case="update"))
    erase = next(operation for operation in log_of(clean_run, 1).boots[0].operations if operation.kind.is_erase)

    result = sweep(broken, SweepOptions(operations=(erase.index, erase.index), only_case="update", tears=TearChoice((), 20)))

    assert {finding.rule for finding in findings_of(result)} & {"bootable", "exact_image", "authentic_entry"}


@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
def test_a_witness_written_too_early_is_shown_by_metastable_cells_only(chip: str) -> None:
    """The bug's own tears and seeds find it; the five tears of a plain sweep, stable in every boot, do not; the good bootloader passes."""
    reference = f"{chip}/speck-full"
    options = SweepOptions(only_case="counter-behind")
    bug = load_bug("metastable-witness-first")

    found = sweep_bug(bug, reference, PrepareOptions(), options)
    assert found.rules == ("no_downgrade",)
    assert found.replay_id is not None
    seed = parse_replay_id(found.replay_id).seed
    assert findings_of(sweep(prepare(reference, PrepareOptions(bug=bug.name)), options)) == []
    good = prepare(reference, PrepareOptions())
    assert findings_of(sweep(good, dataclasses.replace(options, seed=seed, tears=parse_tears(bug.tears)))) == []


def test_disturbed_cells_call_for_more_power_cycles_until_they_are_put_right(scenario: PreparedScenario, machine: Machine, clean: Run) -> None:
    """A run with a metastable cell that nobody touches is booted twice more after it settled; one without, once."""
    case = clean.case
    untouched = DisturbedCells(scenario.regions["metadata"].address + 1000, b"\x01", CellState.METASTABLE)
    rewritten = DisturbedCells(scenario.regions["application"].address, b"\x01", CellState.METASTABLE)

    stays = run_until_settled(machine, scenario, case, dataclasses.replace(case.state, disturbed=(untouched,)), 1)
    goes = run_until_settled(machine, scenario, case, dataclasses.replace(case.state, disturbed=(rewritten,)), 1)

    assert [len(group) for group in stays.recoveries] == [1, 1, 1]
    assert len(stays.starts) == 3
    assert len(goes.traces) == 2


def test_a_moment_inside_an_operation_is_found(clean: Run) -> None:
    """A quarter into the first erase is that erase, at 0.250."""
    erase = next(operation for operation in log_of(clean, 1).boots[0].operations if operation.kind.is_erase)

    point = find_cut_point(clean, erase.start_ps + erase.duration_ps // 4)

    assert point.fault == Fault(0, erase.index, Tear.FRACTION, 250)
    assert point.operation == erase


@pytest.mark.parametrize("moment", ["at the reset", "right before", "right after the last"])
def test_a_moment_between_operations_changes_no_cell(clean: Run, moment: str) -> None:
    """The CPU runs: the same as the next operation not started, or as the last one finished."""
    operations = log_of(clean, 1).boots[0].operations
    last = operations[-1]
    time_ps, fault = {
        "at the reset": (0, Fault(0, 0, Tear.NONE)),
        "right before": (operations[5].start_ps, Fault(0, 5, Tear.NONE)),
        "right after the last": (last.start_ps + last.duration_ps, Fault(0, last.index, Tear.ALL)),
    }[moment]

    point = find_cut_point(clean, time_ps)

    assert point.fault == fault
    assert point.operation is None


def test_a_moment_after_the_end_is_refused(clean: Run) -> None:
    """The error says when the run ends."""
    with pytest.raises(InputError, match="past the end"):
        find_cut_point(clean, sum(trace.time_ps for trace in clean.traces) + 1)
