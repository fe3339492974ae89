"""What a search found, made again by its faults alone: only what breaks a rule then is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from harness.campaign.runner import FaultRunner, Job
from harness.campaign.search.state_store import Edge, StateStore
from harness.errors import EngineError
from harness.fault.faults import spell_faults
from harness.oracle.verdict import Verdict

ItemT = TypeVar("ItemT")

_MOST_CUTS = 400
"""Cuts that are made for all violating states together, beside the first of each kind; and as many for cuts that wear too much."""
_MOST_EDGES = 200


@dataclass(frozen=True, slots=True)
class Violating:
    """A state that breaks a rule.

    Attributes:
        number: of the state. cuts: how many led to it. root: index of the case that it started from. rules: those that it breaks.
    """

    number: int
    cuts: int
    root: int
    rules: tuple[str, ...]


def chosen_states(violating: Sequence[Violating], *, first_only: bool) -> list[int]:
    """Return numbers of the states to be made again: of each kind (case and rules) one with the fewest cuts, then others, those with few cuts first.

    Args:
        first_only: leave the others out.
    """
    ordered = sorted(violating, key=lambda state: (state.cuts, state.number))
    firsts: dict[tuple[int, tuple[str, ...]], Violating] = {}
    for state in ordered:
        firsts.setdefault((state.root, state.rules), state)
    chosen = {state.number for state in firsts.values()}
    if not first_only:
        chosen |= {state.number for state in _within_budget(ordered, lambda state: state.cuts)}
    return sorted(chosen)


def costly_edges(store: StateStore, limit: int | None) -> list[Edge]:
    """Return cuts that cost more page erases than `limit`, also those that lead to a state which was first reached by another one; few cuts first."""
    if limit is None:
        return []
    cuts = {edge: store.known(edge.source).depth + 1 for edge in islice(store.edges_that_cost_more(limit), _MOST_EDGES)}
    return list(_within_budget(sorted(cuts, key=lambda edge: cuts[edge]), lambda edge: cuts[edge]))


def _within_budget(items: Iterable[ItemT], cuts_of: Callable[[ItemT], int]) -> Iterator[ItemT]:
    """Yield items until their cuts are too many in all; at least one."""
    cuts = 0
    for item in items:
        cuts += cuts_of(item)
        if cuts > _MOST_CUTS and cuts != cuts_of(item):
            return
        yield item


def make_again(runner: FaultRunner, store: StateStore, clean: Sequence[Verdict], states: Iterable[int], costly: Iterable[Edge]) -> list[Verdict]:
    """Make violations again.

    Args:
        runner: with the clean runs of all cases. clean: their verdicts, in the same order. states: numbers of states that break a rule.

    Raises:
        EngineError: one breaks no rule any more.
    """
    names = [verdict.case for verdict in clean]
    cases = [case.name for case in runner.scenario.cases]
    found = []
    for number in states:
        case = names.index(cases[store.known(number).root])
        faults = store.faults(number)
        verdict = runner.judge(Job(case, faults)) if faults else clean[case]
        if not verdict.violations:
            raise EngineError(f"case {names[case]}: no rule is broken when the faults {spell_faults(faults)} are made one by one; the search found one")
        found.append(verdict)
    for edge in costly:
        case = names.index(cases[store.known(edge.source).root])
        verdict = runner.judge(Job(case, (*store.faults(edge.source), edge.wearing)))
        # What this very cut leaves may need an erase less than the state that it is taken for: then nothing is broken.
        if verdict.violations:
            found.append(verdict)
    return found
