"""Modules loaded, run and replaced on either chip: every case uninterrupted, a slice of the sweep, and the seeded bugs; `tox -e module` makes all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.build.bugs import load_bug, load_bugs
from harness.campaign.search.expand import Expander, SearchSettings, Task
from harness.campaign.search.state import start_of
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.fault.faults import Fault, Tear
from harness.fault.tear_words import parse_tears
from harness.oracle.rules import judge
from harness.oracle.run import CutWear
from harness.scenario.model import ModuleEnd
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

CHIPS = ("stm32f103", "nrf52840")


@pytest.fixture(scope="module", params=CHIPS)
def scenario(request: pytest.FixtureRequest) -> PreparedScenario:
    """The bundled scenario of a chip, built."""
    return prepare(f"{request.param}/speck-module", PrepareOptions())


def said(version: int) -> bytes:
    """Return what the sample module prints: its version, and the measures that this version has."""
    return {1: b"module 1: mean 345 greatest 931\r\n", 2: b"module 2: mean 345 greatest 931 median 248\r\n"}[version]


def test_each_case_ends_with_its_module(scenario: PreparedScenario) -> None:
    """Uninterrupted, no rule is broken, and the relocated code runs: what the modules print is what they measure, or why one was refused."""
    runs = list(run_clean(scenario, SweepOptions()))
    spoken = {run.case.name: run.traces[0].uart for run in runs}
    after = next(run.traces[-1].uart for run in runs if run.case.name == "update")

    assert {run.case.name: judge(run) for run in runs} == {case.name: () for case in scenario.cases}
    assert said(1) in spoken["update"]
    assert said(2) in spoken["update"]
    assert spoken["update"].index(said(1)) < spoken["update"].index(said(2))
    assert said(2) in after
    assert said(1) not in after
    refusals = {
        "forged": b"signature (11)",
        "corrupt": b"crc (9)",
        "foreign-key": b"key (10)",
        "old-key": b"key (10)",
        "wrong-hardware": b"hardware (7)",
        "too-old": b"version (8)",
        "same-version": b"version (8)",
        "wild-relocation": b"module (15)",
        "forged-relocation": b"signature (11)",
    }
    assert {case.name for case in scenario.cases if case.module and case.module.refusal} == set(refusals)
    for name, reason in refusals.items():
        assert b"staged module: " + reason in spoken[name], name
    for case in scenario.cases:
        if case.module is not None and case.module.end is ModuleEnd.NONE:
            assert b"module returned" not in spoken[case.name]


SLICES = {
    "the first erase of the bank": ("stm32f103", "update", 0, "metastable"),
    "the record that the copy is complete": ("stm32f103", "update", 550, "some"),
    "the counter": ("stm32f103", "update", 576, "all"),
    "the last word of the copy": ("nrf52840", "update", 273, "most"),
    "the log's move": ("nrf52840", "log-rotation", 0, "some"),
}


@pytest.mark.parametrize(("chip", "case", "operation", "tear"), SLICES.values(), ids=SLICES)
def test_cuts_are_survived(chip: str, case: str, operation: int, tear: str) -> None:
    """The planned cut fires, and after it the new module runs in the end; never a torn one, never one that was replaced."""
    options = SweepOptions(only_case=case, operations=(operation, operation), tears=parse_tears(tear))
    result = sweep(prepare(f"{chip}/speck-module", PrepareOptions()), options)

    assert result.planned == len(result.verdicts) == result.fired > 0
    assert not result.violating


SHOWN_BY = {
    "module-version-ignored": ("too-old", (0, 0)),
    "module-relocated-before-verified": ("forged-relocation", (0, 0)),
    "module-counter-before-copy": ("update", (0, 40)),
    "module-newest-taken": ("update", (546, 560)),
    "module-first-key-kept": ("old-key", (0, 0)),
}


def test_the_bugs_are_all_tried() -> None:
    """Each seeded bug of the profile is in the table below."""
    assert set(SHOWN_BY) == {bug.name for bug in load_bugs() if bug.profile == "speck-module"}


@pytest.mark.parametrize("name", SHOWN_BY)
def test_a_seeded_bug_is_found(name: str) -> None:
    """A mistake in loader or store is found by the rule that it breaks."""
    case, operations = SHOWN_BY[name]
    result = sweep_bug(load_bug(name), "stm32f103/speck-module", PrepareOptions(), SweepOptions(only_case=case, operations=operations))

    assert result.intended_rule in result.rules


def test_a_search_remembers_the_modules_counter(scenario: PreparedScenario) -> None:
    """Two cuts: what the device showed between them holds after the second one, so a module's counter that falls there is found."""
    expander = Expander(scenario, SearchSettings())
    start = start_of(scenario, 0)
    last = len(run_clean(scenario, SweepOptions(only_case="update"))[0].traces[0].operations) - 1
    try:
        (closed,) = expander.expand(Task(start, pick=Fault(0, last, Tear.NONE))).children
        (after,) = expander.expand(Task(closed.state, pick=0)).children
        fallen = expander.expand(Task(replace(start, module_counter=after.state.module_counter, wear=CutWear(0, 0)), cut=False))
    finally:
        expander.close()
    assert (start.module_counter, after.state.module_counter) == (1, 2)
    assert [violation.rule for violation in fallen.verdict.violations] == ["no_older_module"]
    assert "fell from 2 to 1" in fallen.verdict.violations[0].message
