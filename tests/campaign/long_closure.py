"""The whole closure of every bundled scenario, and every bug that takes several cuts: hours, so `tox -e closure` runs them, not `tox -e py`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.build.bugs import SeededBug, load_bugs
from harness.campaign.search.closure import search
from harness.campaign.search.expand import SearchSettings
from harness.campaign.search.outcome import SearchOptions, SearchResult
from harness.campaign.search.state import KEY_BYTES, Merging, label_of
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions, sweep
from harness.cli import run_cli
from harness.device import load_device
from harness.fault.plan import FIVE_TEARS
from harness.fault.tear_words import parse_tears
from harness.scenario.debugger import is_debugger_scenario
from harness.scenario.model import load_scenario, scenario_names
from harness.scenario.prepare import PrepareOptions, prepare

DEBUGGED = [name for name in scenario_names() if is_debugger_scenario(name)]
SCENARIOS = [name for name in scenario_names() if name not in DEBUGGED]
COPIED = [name for name in SCENARIOS if name.endswith("/speck-full")]
"""Those whose update is copied from a slot: their closures end within minutes, those of updates in place take up to an hour."""
SEVERAL_CUTS = [bug for bug in load_bugs() if bug.cuts > 1]


def chip_of(scenario: str) -> str:
    """Return the name of a scenario's device."""
    return load_device(load_scenario(scenario).device).name


BUGGY = [(bug, scenario) for bug in SEVERAL_CUTS for scenario in COPIED if bug.exists_on(chip_of(scenario))]
COSTS = {("counter-refreshed-on-resume", "nrf52840"): {"wear_budget"}}
"""What a single cut shows of a bug all the same: erases beyond the limit, and nothing of the harm."""
JOBS = os.cpu_count() or 1
METASTABLE = "none,some,most,half-page,all,metastable"


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_sequence_of_cuts_breaks_a_rule(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sweep --depth closure`: finished, no violation, and a sample of its certificate holds."""
    path = tmp_path / "certificate.json"

    code = run_cli(["sweep", name, "--depth", "closure", "--certificate", str(path), "--json"])

    summary = json.loads(capsys.readouterr().out)
    print(summary)
    assert (code, summary["finished"], summary["violations"], summary["told_apart"]) == (0, True, 0, 0)
    assert run_cli(["certificate", "verify", str(path), "--sample", "5"]) == 0


def test_nearly_full_logs_of_a_pool_are_all_reached() -> None:
    """A closure that clips the rooms finds, at every filling that matters, each kind and behaviour that telling all places apart finds, and no other."""
    scenario = prepare("stm32f103/speck-delta", PrepareOptions())
    by_meaning, by_room = (
        search(scenario, SearchOptions(SearchSettings(merging=merging), jobs=JOBS, only_case="forged")) for merging in (Merging.MEANING, Merging.ROOM)
    )

    def kinds(result: SearchResult) -> set[tuple[bytes, bytes]]:
        enough = by_room.enough_by_kind
        least = {key: tuple((places + 4) // 2 for places in rooms) for key, rooms in enough.items()}
        found = ((label[:KEY_BYTES], rooms, behaviour) for label, rooms, behaviour in result.store.kinds() if rooms)
        return {(label_of(key, rooms, least[key]), behaviour) for key, rooms, behaviour in found}

    assert all(result.finished and not result.violations and not result.told_apart for result in (by_meaning, by_room))
    assert kinds(by_meaning) == kinds(by_room)
    assert by_room.states < by_meaning.states


@pytest.mark.parametrize("name", DEBUGGED)
def test_no_cuts_under_a_debugger_break_a_promise(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sweep --depth closure` of a debugger scenario: finished, nothing exposed that is not said to be, and its certificate holds when it is made again."""
    path = tmp_path / "certificate.json"

    code = run_cli(["sweep", name, "--depth", "closure", "--certificate", str(path), "--json"])

    print([{key: found[key] for key in ("states", "cuts", "exposing", "ends", "erased")} for found in json.loads(capsys.readouterr().out)["searches"]])
    assert code == 0
    assert run_cli(["certificate", "verify", str(path)]) == 0


@pytest.mark.parametrize(("bug", "scenario"), BUGGY, ids=lambda item: item if isinstance(item, str) else item.name)
def test_one_cut_misses_what_several_find(bug: SeededBug, scenario: str) -> None:
    """The search finds the rule that the bug was seeded for; a plain sweep of all cases finds nothing, or that it costs erases."""
    chip = chip_of(scenario)
    plain = sweep(prepare(scenario, PrepareOptions(bug=bug.name)), SweepOptions(jobs=JOBS))
    found = sweep_bug(bug, scenario, PrepareOptions(), SweepOptions())

    broken = {violation.rule for verdict in plain.violating for violation in verdict.violations}
    assert broken <= COSTS.get((bug.name, chip), set()) - {bug.rule_on(chip)}
    assert found.by_intended_rule


@pytest.mark.parametrize("case", ["counter-behind", "forged"])
def test_a_closure_over_metastable_cells_ends(case: str) -> None:
    """On the good bootloader no reading that is drawn breaks a rule, after any number of cuts."""
    result = search(prepare(COPIED[-1], PrepareOptions()), SearchOptions(SearchSettings(tears=parse_tears(METASTABLE)), jobs=JOBS, only_case=case))

    print(case, result.states, result.faults, result.seconds)
    assert (result.finished, result.violations) == (True, [])


def test_only_metastable_cells_show_the_bug_that_was_seeded_for_them() -> None:
    """The closure over stable tears finds nothing; the one over metastable cells finds the counter lowered."""
    broken = prepare(COPIED[-1], PrepareOptions(bug="metastable-witness-first"))
    stable, metastable = (
        search(broken, SearchOptions(SearchSettings(tears=tears), jobs=JOBS, only_case="counter-behind")) for tears in (FIVE_TEARS, parse_tears(METASTABLE))
    )

    assert (stable.finished, stable.violations) == (True, [])
    assert {violation.rule for verdict in metastable.violations for violation in verdict.violations} == {"no_downgrade"}


def test_there_are_enough_of_them() -> None:
    """Five at least."""
    assert len(SEVERAL_CUTS) >= 5
