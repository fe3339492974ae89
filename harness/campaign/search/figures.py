"""What a search says about progress and risk, beyond which rules hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.campaign.exposure import covers_every_moment
from harness.campaign.search.outcome import SearchResult
from harness.oracle.progress import longest_wasted
from harness.oracle.risk import Chance, Harm, Rest, Risk, Update, risks_of
from harness.scenario.model import ExpectedEnd


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """Progress and risk.

    Attributes:
        wasted_ps: for how long power can last in every one of endlessly many boots that get nowhere; None where the search is not complete.
        risks: of every case that installs an update; none where it was not booted, or where the tears leave moments out. While states are left open
            it is what was found so far: the least that the risk can be.
    """

    wasted_ps: int | None
    risks: tuple[Risk, ...]


def figures_of(result: SearchResult, losses_per_hour: float) -> SearchFigures:
    """Return what a search says."""
    return SearchFigures(_wasted_ps(result), tuple(_risks(result, losses_per_hour)))


def _wasted_ps(result: SearchResult) -> int | None:
    if not result.finished or result.options.depth is not None:
        return None
    kinds = {state.number: state.kind for state in result.store.booted()}
    return longest_wasted((kinds.get(edge.source, edge.source), edge.target, edge.latest_ps) for edge in result.store.edges())


def _risks(result: SearchResult, losses_per_hour: float) -> list[Risk]:
    settings = result.options.settings
    if not covers_every_moment(settings.tears, settings.engine):
        return []
    ready_us = {verdict.case: verdict.ready.us for verdict in result.clean if verdict.ready}
    updates = []
    harmful, bricked = set(), set()
    for state in result.store.booted():
        case = result.scenario.cases[state.root]
        if state.parent is None and case.end is ExpectedEnd.NEW and case.name in ready_us:
            updates.append(Update(case.name, state.number, round(ready_us[case.name] * 1e6)))
        if state.harmful:
            harmful.add(state.number)
        if state.bricked:
            bricked.add(state.number)
    return risks_of(updates, _chances(result), _rests(result), Harm(frozenset(harmful), frozenset(bricked)), losses_per_hour)


def _rests(result: SearchResult) -> Iterator[Rest]:
    """Yield how runs go on that were followed no further than to where they join another one."""
    return (Rest(rest.source, rest.target, rest.later_ps) for rest in result.store.runs_like())


def _chances(result: SearchResult) -> Iterator[Chance]:
    """Yield when a cut leads where, as far as runs were followed."""
    for edge in result.store.edges():
        yield Chance(edge.source, edge.target, edge.window_ps, edge.moment)
    for rest in result.store.runs_like():
        # Power is on for a while before the first operation: here, since the last one before that moment.
        yield Chance(rest.source, rest.first, rest.later_ps - rest.ready_ps, (rest.later_ps**2 - rest.ready_ps**2) / 2)
