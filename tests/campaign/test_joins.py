"""A run that is followed only to where it joins another one: what is inferred of its other cuts is what following them gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from harness.campaign.search.closure import search
from harness.campaign.search.course import Course
from harness.campaign.search.expand import Expander, Expansion, SearchSettings, Task
from harness.campaign.search.figures import figures_of
from harness.campaign.search.outcome import SearchOptions, SearchResult
from harness.campaign.search.state import KEY_BYTES, State
from harness.fault.faults import Tear
from harness.fault.plan import TearChoice
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

WHOLE_OR_NOT = SearchSettings(tears=TearChoice((Tear.NONE, Tear.ALL)))
"""Tears that are the same in whatever run they come."""


@pytest.fixture(scope="module", name="states")
def _states(update: State, expander: Expander) -> list[State]:
    """What cuts leave at some moments of an update in place: of a record, of a scratch page, and of a page of the application."""
    children = expander.expand(Task(update)).children
    return [child.state for child in children[: len(children) // 2 : len(children) // 16]]


@pytest.fixture(scope="module", name="copied")
def _copied() -> PreparedScenario:
    """An update whose closure ends soon."""
    return prepare("stm32f103/speck-full", PrepareOptions())


@pytest.fixture(scope="module", name="followed")
def _followed(copied: PreparedScenario) -> SearchResult:
    return search(copied, SearchOptions(replace(WHOLE_OR_NOT, join=False), only_case="update"))


@pytest.fixture(scope="module", name="joined")
def _joined(copied: PreparedScenario) -> SearchResult:
    return search(copied, SearchOptions(WHOLE_OR_NOT, only_case="update"))


def where_cuts_lead(expansion: Expansion) -> Counter[bytes]:
    """Count cuts by the key of what they leave."""
    lead: Counter[bytes] = Counter()
    for child in expansion.children:
        lead[child.key] += child.faults
    return lead


def when_power_is_on(expansion: Expansion, later_ps: int = 0, ready_ps: int = 0) -> tuple[float, float]:
    """Return the length of all stretches in which a cut leaves something, and the sum of their moments.

    Args:
        later_ps: how much later a run is there that goes on like this one; ready_ps: when that one's last operation before was over.
    """
    window_ps = sum(child.window_ps for child in expansion.children)
    moment = sum(child.moment for child in expansion.children)
    return window_ps + later_ps - ready_ps, moment + later_ps * window_ps + (later_ps**2 - ready_ps**2) / 2


def same_but_for_draws(one: Counter[bytes], other: Counter[bytes]) -> bool:
    """Tell whether as many cuts lead to the same kinds; which bits a tear leaves depends on the number of its operation, so one in a hundred may differ."""
    moved = (one - other).total()
    return one.keys() == other.keys() and one.total() == other.total() and moved <= one.total() / 100


def what_was_found(result: SearchResult) -> tuple[set[bytes], set[tuple[bytes, bytes]]]:
    """Return the kinds of a search, and from which to which cuts lead, rooms apart."""
    targets: defaultdict[int, set[int]] = defaultdict(set)
    for edge in result.store.edges():
        targets[edge.source].add(edge.target)
    goes_on = {rest.source: rest.target for rest in result.store.runs_like()}
    for number in goes_on:
        met = number
        while met in goes_on:
            met = goes_on[met]
            targets[number] |= targets[met]
    edges = {(key_of(result, source), key_of(result, target)) for source in targets for target in targets[source]}
    return {label for label, _, _ in result.store.kinds()}, edges


def key_of(result: SearchResult, number: int) -> bytes:
    """Return what tells a state's kind, rooms apart."""
    return result.store.label(number)[:KEY_BYTES]


def test_the_cuts_behind_a_meeting_are_those_of_the_state_that_was_met(states: list[State], expander: Expander) -> None:
    """A run followed to its end has the cuts before the meeting, and those of what it met: as many, to the same kinds, as late, after as many erases."""
    met_at = 0
    for state in states:
        whole, joined = expander.expand(Task(state)), expander.expand(Task(state, join=True))
        if joined.meeting is None:
            continue
        met_at += 1
        met = expander.expand(Task(joined.children[joined.meeting.child].state))
        later_ps = joined.meeting.at_ps - met.starts_ps

        assert met.course == joined.rest
        assert whole.faults == joined.faults + met.faults
        assert same_but_for_draws(where_cuts_lead(whole), where_cuts_lead(joined) + where_cuts_lead(met))
        assert max(child.latest_ps for child in whole.children) == pytest.approx(max(child.latest_ps for child in met.children) + later_ps, rel=1e-3)
        assert max(child.erases for child in whole.children) == max(child.erases for child in met.children) + joined.meeting.erases
        before, behind = when_power_is_on(joined), when_power_is_on(met, later_ps, joined.meeting.ready_ps)
        assert when_power_is_on(whole) == pytest.approx((before[0] + behind[0], before[1] + behind[1]), rel=1e-3)
    assert met_at > len(states) // 2


def test_runs_that_do_something_else_have_other_courses(states: list[State], expander: Expander) -> None:
    """States of different moments of an update."""
    courses = {expander.expand(Task(state, join=True)).course for state in states}

    assert len(courses) > len(states) // 2


def test_a_search_that_joins_runs_finds_what_one_finds_that_does_not(joined: SearchResult, followed: SearchResult) -> None:
    """The same kinds of states, and cuts that lead from the same to the same, those behind the moment included from which a run goes on like another."""
    assert joined.finished
    assert joined.joined > 100
    assert what_was_found(joined) == what_was_found(followed)
    assert joined.outcomes.keys() == followed.outcomes.keys()


def test_progress_needs_no_more_than_the_cuts_on_circles(joined: SearchResult, followed: SearchResult) -> None:
    """For how long power can last in vain is the same, if joined runs are given those cuts alone; and there are as many cuts in all."""
    assert figures_of(joined, 1.0).wasted_ps == figures_of(followed, 1.0).wasted_ps
    assert joined.faults == pytest.approx(followed.faults, rel=0.01)
    assert len(list(joined.store.edges())) < len(list(followed.store.edges()))


def test_a_run_that_goes_on_another_way_is_followed_to_its_end(copied: PreparedScenario, followed: SearchResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run is told to go on like another one, all of them are followed, and the result is the same."""
    monkeypatch.setattr(Course, "rest", property(lambda _: b"another way", lambda _, __: None), raising=False)

    apart = search(copied, SearchOptions(WHOLE_OR_NOT, only_case="update"))

    assert (apart.finished, apart.joined) == (True, 0)
    assert what_was_found(apart) == what_was_found(followed)
