"""Search through states on the real firmware: what it takes for one behaves as one, and what takes two cuts is found."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.campaign.accelerations import EVERY_ACCELERATION
from harness.campaign.certificate import Certificate, StateRow, certificate_of, contradictions, read_certificate, verify_certificate
from harness.campaign.replay import replay
from harness.campaign.search.closure import search
from harness.campaign.search.expand import Expander, Repeat, SearchSettings, Task
from harness.campaign.search.figures import figures_of
from harness.campaign.search.outcome import SearchOptions, SearchResult
from harness.campaign.search.repeats import repeatable_cuts
from harness.campaign.search.state import KEY_BYTES, Geography, Merging, label_of, start_of
from harness.campaign.search.state_store import Known
from harness.campaign.search.workers import LocalWorkers
from harness.cli import run_cli
from harness.errors import InputError
from harness.fault.replay_id import parse_replay_id
from harness.fault.tear_words import parse_tears
from harness.oracle.verdict import replay_id_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario
from tests.campaign.stops import never

SHORT = "counter-behind"
"""A case with few operations, all of them in the bookkeeping."""


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare("stm32f103/speck-full", PrepareOptions())


@pytest.fixture(scope="module", name="shallow")
def _shallow(scenario: PreparedScenario) -> SearchResult:
    return search(scenario, SearchOptions(depth=2, only_case=SHORT))


@pytest.fixture(scope="module", name="certificate")
def _certificate(shallow: SearchResult) -> Certificate:
    return certificate_of(shallow, figures_of(shallow, losses_per_hour=1.0))


def test_the_good_bootloader_survives_two_cuts_in_a_row(shallow: SearchResult) -> None:
    """Finished, nothing left open, no rule broken; and what was taken for one behaved as one."""
    assert shallow.finished
    assert shallow.open_states == 0
    assert shallow.violations == []
    assert shallow.deepest == 2
    assert shallow.compared > 0
    assert shallow.told_apart == 0
    assert {risk.harmed_per_million for risk in figures_of(shallow, 1.0).risks} <= {0.0}


def test_nearly_full_logs_are_all_reached_though_most_fillings_are_not_booted(scenario: PreparedScenario) -> None:
    """A whole closure of one case finds, at every filling that matters, each kind and behaviour that telling all places apart finds, and no other."""
    results = [search(scenario, SearchOptions(SearchSettings(merging=merging), only_case=SHORT)) for merging in (Merging.MEANING, Merging.ROOM)]
    by_meaning, by_room = results

    def least(kind: bytes) -> tuple[int, ...]:
        return tuple((enough + 4) // 2 for enough in by_room.enough_by_kind[kind])

    kinds = [
        {(label_of(label[:KEY_BYTES], rooms, least(label[:KEY_BYTES])), behaviour) for label, rooms, behaviour in result.store.kinds() if rooms}
        for result in results
    ]

    assert all(result.finished and not result.violations for result in results)
    assert kinds[0] == kinds[1]
    assert by_room.states < by_meaning.states / 3


def test_a_cut_written_down_many_times_is_what_it_leaves(scenario: PreparedScenario) -> None:
    """The same cut in 20 boots, one after the other, leaves byte for byte what was said after the first one."""
    expander = Expander(scenario, SearchSettings())
    geography = Geography(scenario)
    start = start_of(scenario, [case.name for case in scenario.cases].index("update"))
    known = Known(number=0, kind=0, twin=None, depth=0, root=0, parent=None, repeats=0)
    (cut,) = repeatable_cuts(known, expander.expand(Task(start)))

    said = cut.left(scenario, geography, cut.room - 20)
    made = expander.repeat(Repeat(start, cut.child.fault, 20))
    expander.close()

    assert made == said.state
    assert geography.meaning(made.non_volatile(scenario).flash) == said.meaning


def test_the_number_of_workers_does_not_change_the_result(scenario: PreparedScenario) -> None:
    """The same states in the same order, with the same behaviour."""
    options = SearchOptions(depth=1, only_case=SHORT, stop_when=never)

    alone, together = search(scenario, options), search(scenario, replace(options, jobs=2))

    assert list(alone.store.booted()) == list(together.store.booted())
    assert list(alone.store.edges()) == list(together.store.edges())


@pytest.mark.parametrize("name", ["share", "memo", "reuse"])
def test_no_acceleration_changes_a_search(scenario: PreparedScenario, shallow: SearchResult, name: str) -> None:
    """With every boot made, every call executed, or a machine for every boot: the same states, behaviours, cuts, wear and times."""
    settings = SearchSettings(accelerations=replace(EVERY_ACCELERATION, **{name: False}))

    without = search(scenario, SearchOptions(settings, depth=2, only_case=SHORT))

    assert list(without.store.booted()) == list(shallow.store.booted())
    assert list(without.store.edges()) == list(shallow.store.edges())
    assert (without.boots, without.faults, without.outcomes) == (shallow.boots, shallow.faults, shallow.outcomes)


def test_what_only_two_cuts_show_is_found_with_a_replay_id_of_both() -> None:
    """One cut finds nothing; two do, and the id rebuilds the run."""
    broken = prepare("stm32f103/speck-full", PrepareOptions(bug="closed-while-resumed"))
    once = search(broken, SearchOptions(depth=1, only_case="update", stop_when=never))

    twice = search(
        broken, SearchOptions(depth=2, only_case="update", stop_when=lambda verdict: any(violation.rule == "bootable" for violation in verdict.violations))
    )

    assert once.finished
    assert once.violations == []
    (found, *_) = [verdict for verdict in twice.violations if any(violation.rule == "bootable" for violation in verdict.violations)]
    assert found.proof is not None
    assert len(found.proof.faults) == 2
    assert replay(broken, parse_replay_id(replay_id_of(broken, found, 1, "embedded")), "embedded").verdict == found
    assert figures_of(twice, 1.0).risks[0].bricked_per_million > 0


def test_a_page_that_is_looked_at_is_not_left_open() -> None:
    """A bootloader that looks whether a page reads erased before it erases it: the search notices that its content matters."""
    broken = prepare("stm32f103/speck-full", PrepareOptions(bug="erase-skipped-on-resume"))
    expander = Expander(broken, SearchSettings())
    left_open = [child for child in expander.expand(Task(start_of(broken, 0))).children if child.state.open_pages]

    expansions = [expander.expand(Task(child.state, cut=False)) for child in left_open]
    expander.close()

    assert expansions
    assert any(expansion.looked_at in child.state.open_pages for child, expansion in zip(left_open, expansions, strict=True))


def test_a_budget_that_ends_first_leaves_an_honest_result(scenario: PreparedScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is claimed about the states that were reached and not booted; on this clock, each look takes a second, on whatever machine."""
    clock = SimpleNamespace(monotonic=itertools.count().__next__)
    monkeypatch.setattr("harness.campaign.search.closure.time", clock)
    monkeypatch.setattr("harness.campaign.search.expand.time", clock)

    result = search(scenario, SearchOptions(only_case=SHORT, budget_seconds=50))

    assert not result.finished
    assert result.states > 0
    assert result.open_states > 0
    assert not certificate_of(result, figures_of(result, 1.0)).holds


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_budget_ends_in_the_middle_of_a_state(scenario: PreparedScenario, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """What was not looked at to its end is open, and its children are not known."""
    starts: list[float | None] = []
    begun = LocalWorkers.__init__

    def begin_late(self: LocalWorkers, scenario: PreparedScenario, settings: SearchSettings, jobs: int, deadline: float | None) -> None:
        starts.append(deadline)
        begun(self, scenario, settings, jobs, 0.0)

    monkeypatch.setattr(LocalWorkers, "__init__", begin_late)

    result = search(scenario, SearchOptions(only_case=SHORT, budget_seconds=1000.0, jobs=jobs))

    assert (result.finished, result.states, result.open_states) == (False, 0, 1)
    assert starts[0] is not None


@pytest.mark.parametrize("case", [SHORT, "forged"])
def test_each_cut_leaves_what_it_leaves_by_itself(scenario: PreparedScenario, case: str) -> None:
    """What is found once for several cuts of a run is what each of them, picked by its number, leaves."""
    expander = Expander(scenario, SearchSettings())
    root = start_of(scenario, [case.name for case in scenario.cases].index(case))
    try:
        whole = expander.expand(Task(root, apart=True))
        picked = [expander.expand(Task(root, apart=True, pick=number)).children for number in range(whole.faults)]
    finally:
        expander.close()

    assert Counter(child.state for (child,) in picked) == Counter({child.state: child.faults for child in whole.children})


def test_a_certificate_holds_when_it_is_tried_again(certificate: Certificate, scenario: PreparedScenario) -> None:
    """States and cuts drawn from all of it."""
    checks = list(verify_certificate(certificate, scenario, sample=4, seed=3))

    assert certificate.holds
    assert certificate.counts.faults_run == certificate.counts.faults_fired
    assert certificate.counts.faults_run + certificate.counts.pruned == certificate.counts.faults_planned
    assert [check.difference for check in checks] == [""] * 4


def test_a_certificate_of_another_behaviour_is_found_out(certificate: Certificate, scenario: PreparedScenario) -> None:
    """The check can fail."""
    forged = certificate.model_copy(update={"states": [row.model_copy(update={"behaviour": "00" * 16}) for row in certificate.states]})

    assert all(check.difference for check in verify_certificate(forged, scenario, sample=2, seed=1))


def with_counts(certificate: Certificate, **changes: int) -> Certificate:
    """Return a certificate with other numbers, and the digest that belongs to them."""
    return certificate.model_copy(update={"counts": certificate.counts.model_copy(update=changes)}).sealed()


FORGED: dict[str, tuple[Callable[[Certificate], Certificate], str]] = {
    "a violation that is no violation": (lambda certificate: with_counts(certificate, violations=1), "it holds, and"),
    "states left open": (lambda certificate: with_counts(certificate, open_states=1), "left states open"),
    "more states than there are": (lambda certificate: with_counts(certificate, states=certificate.counts.states + 1), "states, and says"),
    "more faults than there are": (
        lambda certificate: with_counts(certificate, faults_run=certificate.counts.faults_run + 1, faults_fired=certificate.counts.faults_run + 1),
        "come of a cut",
    ),
    "a fault that did not fire": (lambda certificate: with_counts(certificate, faults_fired=0), "not every fault"),
    "faults that nobody accounts for": (lambda certificate: with_counts(certificate, faults_planned=10**9), "all that were planned"),
    "one state less": (lambda certificate: certificate.model_copy(update={"states": certificate.states[:-1]}).sealed(), "states, and says"),
    "states of a kind that differ": (
        lambda certificate: certificate.model_copy(
            update={"states": [certificate.states[0].model_copy(update={"label": certificate.states[1].label, "behaviour": "00"}), *certificate.states[1:]]}
        ).sealed(),
        "taken for one behave differently",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_numbers_that_cannot_be_are_found_without_a_boot(certificate: Certificate, name: str) -> None:
    """Even with a digest computed anew."""
    forge, words = FORGED[name]

    assert list(contradictions(certificate)) == []
    assert any(words in difference for difference in contradictions(forge(certificate)))
    assert forge(certificate).is_unchanged


def test_violations_that_are_left_out_are_found_by_making_their_states_again() -> None:
    """A certificate that says nothing broke, with every other number and every state as it was."""
    broken = prepare("stm32f103/speck-full", PrepareOptions(bug="counter-page-erased-in-place"))
    options = SearchOptions(SearchSettings(tears=parse_tears("all")), depth=1, only_case="counter-rotation", stop_when=never)
    result = search(broken, options)
    honest = certificate_of(result, figures_of(result, 1.0))

    forged = with_counts(honest, violations=0).model_copy(update={"holds": True}).sealed()

    assert honest.counts.violations > 0
    assert list(contradictions(forged)) == []
    assert {check.difference for check in verify_certificate(honest, broken, sample=1000, seed=1)} == {""}
    found = [check.difference for check in verify_certificate(forged, broken, sample=1000, seed=1) if check.difference]
    assert set(found) == {"it breaks no_downgrade, and the certificate has no violation"}
    assert len(found) >= honest.counts.violations


def test_what_differs_is_explained_where_states_were_told_apart(certificate: Certificate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a firmware that looks at what a search leaves out, more states may differ than the search booted: that is no slip of who wrote the file."""
    told_apart = certificate.counts.model_copy(update={"told_apart": 1})
    rows = [row.model_copy(update={"behaviour": "00" * 16}) for row in certificate.states]
    path = tmp_path / "certificate.json"
    path.write_text(certificate.model_copy(update={"counts": told_apart, "states": rows}).sealed().model_dump_json())

    assert run_cli(["certificate", "verify", str(path), "--sample", "1"]) == 1
    assert "its search told 1 states apart" in " ".join(capsys.readouterr().out.split())


@pytest.fixture(scope="module", name="closed")
def _closed(scenario: PreparedScenario) -> Certificate:
    """The certificate of a closure."""
    result = search(scenario, SearchOptions(only_case=SHORT))
    return certificate_of(result, figures_of(result, 1.0))


def differences(certificate: Certificate, scenario: PreparedScenario, rows: Sequence[StateRow]) -> set[str]:
    """Return what verifying all of a certificate finds whose list of states is another one."""
    forged = certificate.model_copy(update={"states": list(rows)}).sealed()
    return {check.difference for check in verify_certificate(forged, scenario, sample=len(rows), seed=1)}


def test_edges_of_every_kind_are_made_again(closed: Certificate, scenario: PreparedScenario) -> None:
    """Cuts that came many times in a row as often, states booted to be compared, and cuts behind the places where runs join: all hold."""
    assert max(row.repeats for row in closed.states) > 8
    assert closed.counts.compared > 0
    assert differences(closed, scenario, closed.states) == {""}


def test_a_cut_that_came_as_often_as_nobody_said_is_found(closed: Certificate, scenario: PreparedScenario) -> None:
    """Another number of repeats leads to a state with another number of free places, and in the end to one that is not known."""
    forged = [row.model_copy(update={"repeats": 1}) for row in closed.states]

    assert len(differences(closed, scenario, forged)) > 1


def test_a_certificate_of_another_build_is_refused(certificate: Certificate) -> None:
    """It says nothing about that one."""
    other = prepare("stm32f103/speck-full", PrepareOptions(app_kib=5))

    with pytest.raises(InputError, match="firmware, images, layout or device changed"):
        list(verify_certificate(certificate, other, sample=1, seed=1))


def test_what_is_no_certificate_is_refused(tmp_path: Path, certificate: Certificate) -> None:
    """The file is named, and the field."""
    path = tmp_path / "certificate.json"
    path.write_text("{}")
    with pytest.raises(InputError, match="is not a certificate"):
        read_certificate(path)
    path.write_text(certificate.model_dump_json())
    assert read_certificate(path) == certificate
    assert certificate.is_unchanged


def test_the_command_line_searches_writes_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sweep --depth 2 --certificate`, then `certificate verify`."""
    path = tmp_path / "certificate.json"
    options = ["--case", SHORT, "--depth", "1000", "--budget", "3s", "--jobs", "1", "--certificate", str(path), "--json"]
    searched = run_cli(["sweep", "stm32f103/speck-full", *options])
    summary = json.loads(capsys.readouterr().out)

    verified = run_cli(["certificate", "verify", str(path), "--sample", "2", "--json"])

    assert searched == (0 if summary["finished"] else 4)
    assert summary["violations"] == 0
    assert verified == 0
    assert json.loads(capsys.readouterr().out)["different"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--depth", "0"], "no number of cuts"),
        (["--depth", "all"], "closure"),
        (["--depth", "2", "--budget", "10"], "90s, 10m or 1h"),
        (["--budget", "10m"], "--depth closure"),
        (["--no-join"], "--depth closure"),
        (["--depth", "2", "--join"], "closures"),
        (["--depth", "closure", "--join", "--merge", "meaning"], "closures"),
        (["--depth", "2", "--operations", "0-9"], "--operations"),
        (["--depth", "2", "--no-prune"], "--no-prune"),
        (["--depth", "2", "--no-converge"], "--no-converge"),
        (["--depth", "2", "--no-reuse", "--engine", "qemu"], "the qemu engine is always reused"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear message, exit code 2."""
    assert run_cli(["sweep", "stm32f103/speck-full", *arguments]) == 2
    assert words in capsys.readouterr().err
