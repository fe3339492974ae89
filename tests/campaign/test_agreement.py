"""Engines that agree, and what is told where they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.build.bugs import load_bug
from harness.campaign.agreement import AgreeOptions, agree
from harness.campaign.comparison import Aspect, Difference, compare_conformance, compare_runs
from harness.campaign.conformance import ConformanceResult, Row
from harness.campaign.conformance import Outcome as RuleOutcome
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.device.rules import load_rules
from harness.errors import InputError
from harness.machine.protocol import End, NonVolatile
from harness.oracle.run import Run
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

BOTH = ("embedded", "qemu")


@pytest.fixture(scope="module")
def scenario() -> PreparedScenario:
    """The scenario of the chip that both engines have."""
    return prepare("nrf51822/speck-full", PrepareOptions())


@pytest.fixture(scope="module")
def run(scenario: PreparedScenario) -> Run:
    """A clean run with a few operations."""
    (run,) = run_clean(scenario, SweepOptions(only_case="counter-behind"))
    return run


@pytest.mark.engine("qemu")
@pytest.mark.parametrize("jobs", [1, 2])
def test_qemu_and_the_embedded_engine_agree(scenario: PreparedScenario, jobs: int) -> None:
    """The same cuts, made live on each, leave the same bytes, and the same boots follow."""
    result = agree(scenario, AgreeOptions(BOTH, sample=4, only_case="counter-behind", jobs=jobs))

    assert (result.cases, result.planned, result.compared) == (1, 4, 4)
    assert not result.differences
    assert all(result.seconds_per_cut(engine) for engine in BOTH)


@pytest.mark.engine("qemu")
def test_qemu_sweeps_and_names_the_rules_that_it_cannot_show(scenario: PreparedScenario) -> None:
    """Crash images from its own log equal those made live on it; a rule that it cannot show does not count as held."""
    result = sweep(scenario, SweepOptions(engine="qemu", only_case="forged"))

    assert result.planned == result.fired > 0
    assert result.live_checked > 0
    assert not result.violating
    assert result.rules_not_shown == ("flash_discipline", "time_budget")
    assert (result.update, result.longest_boot, result.slowest_recovery) == (None, None, None)


@pytest.mark.engine("qemu")
@pytest.mark.parametrize("name", ["signature-ignored"])
def test_seeded_bugs_are_found_on_qemu(name: str) -> None:
    """By the rule that they were seeded for; `harness selftest --engine qemu` sweeps all of them."""
    result = sweep_bug(load_bug(name), "nrf51822/speck-full", PrepareOptions(), SweepOptions(engine="qemu"))

    assert result.by_intended_rule


def altered(run: Run, boot: int = 0, **changes: object) -> Run:
    """Return a run with something else in one boot's trace."""
    traces = list(run.traces)
    traces[boot] = replace(traces[boot], **changes)  # type: ignore[arg-type] # the caller names fields of a trace
    return replace(run, traces=tuple(traces))


def differences(run: Run, other: Run) -> list[Difference]:
    """Compare two runs as if they came from two engines."""
    return list(compare_runs(("embedded", "embedded"), (run, other)))


def test_equal_runs_do_not_differ(run: Run) -> None:
    """The same run twice."""
    assert differences(run, run) == []


def test_a_different_operation_is_told_with_address_and_both_values(run: Run) -> None:
    """The first one that differs, with what each engine did."""
    log = [run.traces[0].operations[index] for index in range(len(run.traces[0].operations))]
    log[1] = replace(log[1], new=b"\x5a\x5a\x5a\x5a")
    (found,) = differences(run, altered(run, operations=tuple(log)))

    assert (found.aspect, found.boot, found.operation, found.address) == (Aspect.OPERATION, 0, 1, log[1].address)
    assert found.values[1].endswith(f"-> 5a5a5a5a by {log[1].pc:#010x}")
    assert found.values[0] != found.values[1]


def test_an_operation_that_only_one_engine_has_is_told(run: Run) -> None:
    """One engine logged one operation more."""
    log = [run.traces[0].operations[index] for index in range(len(run.traces[0].operations))]
    (found,) = differences(run, altered(run, operations=(*log, replace(log[-1], index=len(log)))))

    assert (found.operation, found.values[0]) == (len(log), "none")


def test_another_byte_of_flash_is_told_with_its_address(run: Run) -> None:
    """The first byte that differs, and what each engine holds there; a verdict that follows from it is told too."""
    final = run.traces[-1].final
    place = run.scenario.regions["slot"].address + 7
    flash = final.flash[:place] + b"\x5a" + final.flash[place + 1 :]
    found = differences(run, altered(run, len(run.traces) - 1, final=NonVolatile(flash, final.option_bytes)))

    assert [(one.aspect, one.address) for one in found] == [(Aspect.FLASH, place)]
    assert found[0].values[1].startswith("5a")


OTHER = {
    "another end": ({"end": End.HARD_FAULT}, {Aspect.END, Aspect.OUTCOME, Aspect.RULES}),
    "another text": ({"uart": b"?"}, {Aspect.UART}),
    "another entry": ({"entries": ()}, {Aspect.ENTRY}),
}


@pytest.mark.parametrize(("changes", "aspects"), OTHER.values(), ids=OTHER)
def test_whatever_else_differs_is_told(run: Run, changes: dict[str, object], aspects: set[Aspect]) -> None:
    """Each with both values."""
    found = differences(run, altered(run, len(run.traces) - 1, **changes))

    assert {one.aspect for one in found} == aspects
    assert all(one.values[0] != one.values[1] for one in found)


def test_another_number_of_boots_is_told(run: Run) -> None:
    """A run that needed fewer boots."""
    found = differences(run, replace(run, traces=run.traces[:1]))

    assert Aspect.BOOTS in {one.aspect for one in found}


def test_a_rule_of_the_controller_that_engines_show_differently_is_told() -> None:
    """What is not shown on one of them is not compared."""
    rules = load_rules("nrf52840").rule[:3]
    first = ConformanceResult("nrf52840", "qiaa", "embedded", tuple(Row(rule, RuleOutcome.SHOWN, rule.expected) for rule in rules))
    rows = (first.rows[0], Row(rules[1], RuleOutcome.DIFFERS, "other"), Row(rules[2], RuleOutcome.NOT_SHOWN, ""))
    (found,) = compare_conformance(first, replace(first, engine="qemu", rows=rows))

    assert (found.aspect, found.rule, found.values) == (Aspect.CONFORMANCE, rules[1].id, (rules[1].expected, "other"))


@pytest.mark.engine("qemu")
def test_a_bug_whose_rule_an_engine_cannot_show_does_not_count_as_found_by_it() -> None:
    """On QEMU no misuse is recorded: the rule that the bug was seeded for cannot speak, another one does."""
    result = sweep_bug(load_bug("byte-stores"), "nrf51822/speck-full", PrepareOptions(), SweepOptions(engine="qemu"))

    assert not result.can_be_shown
    assert not result.by_intended_rule
    assert result.found


@pytest.mark.parametrize("engines", [("embedded",), ("embedded", "embedded")])
def test_an_agreement_takes_two_engines(scenario: PreparedScenario, engines: tuple[str, ...]) -> None:
    """One alone agrees with nobody."""
    with pytest.raises(InputError, match="two different engines"):
        agree(scenario, AgreeOptions(engines))
