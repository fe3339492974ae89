"""What a search found, made again by its faults alone: only what breaks a rule then is reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from harness.campaign.runner import FaultRunner, Job
from harness.campaign.state_store import Edge, StateStore
from harness.errors import EngineError
from harness.fault.faults import spell_faults
from harness.oracle.verdict import Verdict

Kind = tuple[int, tuple[str, ...]]
"""Of a violating state: the case that it started from, and the rules that it breaks."""

_MOST = 200
"""Most violating states that are made again, and most cuts that wear too much."""


def chosen_states(violating: Sequence[tuple[Kind, int]], *, first_only: bool) -> list[int]:
    """Return numbers of the states to be made again: the first of each kind, then the others in the order in which they were reached.

    Args:
        violating: kind and number of each state that breaks a rule. first_only: leave the others out.
    """
    firsts: dict[Kind, int] = {}
    for kind, number in violating:
        firsts.setdefault(kind, number)
    others = [number for _, number in violating if not first_only]
    return sorted(islice(dict.fromkeys([*firsts.values(), *others]), _MOST))


def costly_edges(store: StateStore, limit: int | None) -> list[Edge]:
    """Return cuts that cost more page erases than `limit`, also those that lead to a state which was first reached by another one."""
    return [] if limit is None else list(islice(store.edges_that_cost_more(limit), _MOST))


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
