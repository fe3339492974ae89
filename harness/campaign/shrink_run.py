"""Shrink a run that a replay id named: which rule is kept, and the proof that the result shows it, live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.campaign.boots import log_of
from harness.campaign.replay import Replay
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.shrink import ShrinkStep, Shrunk, Target, shrink
from harness.errors import EngineError, InputError
from harness.machine.engines import DEFAULT_ENGINE
from harness.oracle.verdict import Verdict, verdict_of

_MOST_TRIES_SLOW = 200
"""On an engine that makes every boot anew."""


@dataclass(frozen=True, slots=True)
class ShrunkRun:
    """A run that was shrunk.

    Attributes:
        rule: the one that is kept; None: the run breaks none, so nothing was done. result: None in that case.
        before: the run's verdict.
    """

    rule: str | None
    before: Verdict
    result: Shrunk | None


def shrink_run(
    replayed: Replay, seed: int, engine: str, rule: str | None = None, most_tries: int | None = None, observer: Callable[[ShrinkStep], None] | None = None
) -> ShrunkRun:
    """Reduce a run to the shortest and earliest sequence of cuts that breaks the same rule.

    Args:
        seed, engine: what the run was made with. rule: which of the rules that it breaks is kept; None: the first.
        most_tries: make no more runs than that; None: as many as it takes, or 200 on an engine that takes its time for each.

    Raises:
        InputError: the run does not break that rule.
        EngineError: an engine failed, or the result made live does not break it.
    """
    kept = _kept_rule(replayed.verdict, rule)
    if kept is None:
        return ShrunkRun(None, replayed.verdict, None)
    runner = FaultRunner(replayed.run.scenario, [log_of(replayed.clean, seed)], seed, engine)
    try:
        most = _MOST_TRIES_SLOW if most_tries is None and engine != DEFAULT_ENGINE else most_tries
        target = Target(0, verdict_of(replayed.clean), replayed.verdict, lambda verdict: breaks(verdict, kept))
        result = shrink(runner, target, most_tries=most, observer=observer)
        if result.faults and not breaks(runner.judge(Job(0, result.faults, live=True)), kept):
            raise EngineError(f"the shrunk sequence does not break {kept} when it is made live")
    finally:
        runner.close()
    return ShrunkRun(kept, replayed.verdict, result)


def breaks(verdict: Verdict, rule: str) -> bool:
    """Tell whether a verdict shows a rule broken."""
    return any(violation.rule == rule for violation in verdict.violations)


def _kept_rule(verdict: Verdict, rule: str | None) -> str | None:
    broken = list(dict.fromkeys(violation.rule for violation in verdict.violations))
    if rule is None:
        return broken[0] if broken else None
    if rule not in broken:
        remedy = f"It breaks: {', '.join(broken)}." if broken else "It breaks none: there is nothing to shrink."
        raise InputError(f"the run does not break {rule!r}", source="--rule", remedy=remedy)
    return rule
