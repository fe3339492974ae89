"""What a search says about progress and risk, beyond which rules hold."""

from __future__ import annotations

from harness.campaign.exposure import covers_every_moment
from harness.campaign.search.outcome import SearchResult
from harness.oracle.progress import longest_wasted
from harness.oracle.risk import Chance, Risk, risk_of
from harness.scenario.model import ExpectedEnd


def wasted_ps(result: SearchResult) -> int | None:
    """Return for how long power can last in every one of endlessly many boots that get nowhere; None where the search is not complete."""
    if not result.finished or result.options.depth is not None:
        return None
    kinds = {state.number: state.kind for state in result.store.booted()}
    return longest_wasted((kinds.get(edge.source, edge.source), edge.target, edge.latest_ps) for edge in result.store.edges())


def risks(result: SearchResult, losses_per_hour: float) -> list[Risk]:
    """Return the risk of every case that installs an update; none where it was not booted, or where the tears leave moments out.

    While states are left open it is what was found so far: the least that the risk can be.
    """
    settings = result.options.settings
    if not covers_every_moment(settings.tears, settings.engine):
        return []
    states = list(result.store.booted())
    harmful = frozenset(state.number for state in states if state.harmful)
    bricked = frozenset(state.number for state in states if state.bricked)
    chances = [Chance(edge.source, edge.target, edge.window_ps, edge.moment) for edge in result.store.edges()]
    ready_us = {verdict.case: verdict.ready.us for verdict in result.clean if verdict.ready}
    return [
        risk_of(case.name, state.number, round(ready_us[case.name] * 1e6), chances, harmful, bricked, losses_per_hour)
        for state in states
        if state.parent is None and (case := result.scenario.cases[state.root]).end is ExpectedEnd.NEW and case.name in ready_us
    ]
