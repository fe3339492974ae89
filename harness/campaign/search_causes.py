"""The causes of what a search found: each with the shortest and earliest sequence of cuts that shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from harness.campaign.call_sites import CallSites
from harness.campaign.causes import Cause, group_causes
from harness.campaign.expand import SearchSettings
from harness.campaign.runner import FaultRunner
from harness.campaign.shrink import Target, shrink
from harness.oracle.verdict import Verdict

_MOST_SHRUNK = 10
"""Causes that are shrunk: those that a report shows."""
_MOST_TRIES = 600
"""Runs that are made for one of them. That no fewer cuts show it is known: a search goes breadth first."""


def causes_of_search(
    runner: FaultRunner, clean: Sequence[Verdict], violating: Sequence[Verdict], settings: SearchSettings, told: Callable[[int, int], None] | None = None
) -> list[Cause]:
    """Group what broke a rule, and shrink the first of each group as far as rule and place in the code stay the same.

    Args:
        runner: with the clean runs of all cases. clean: their verdicts, in the same order. violating: verdicts that break a rule, each with its proof.
        told: hears which cause is being shrunk, from 1, and how many are to be.
    """
    names = [verdict.case for verdict in clean]
    sites = CallSites(runner.scenario, settings.engine, lambda case, faults: runner.log_after(names.index(case), faults))
    causes = group_causes(sites, violating)
    ordered = sorted(causes, key=lambda cause: -cause.count)[:_MOST_SHRUNK]
    wanted = [cause for cause in ordered if cause.first.proof is not None]
    shrunk: dict[int, Cause] = {}
    for number, cause in enumerate(wanted, 1):
        if told:
            told(number, len(wanted))
        case = names.index(cause.first.case)
        shown = partial(_shows, cause, sites)
        target = Target(case, clean[case], cause.first, shown, fewest=True, tears=settings.tears.named)
        verdict = shrink(runner, target, most_tries=_MOST_TRIES).verdict
        violation = next(violation for violation in verdict.violations if violation.rule == cause.rule)
        shrunk[id(cause)] = replace(cause, first=verdict, violation=violation)
    return [shrunk.get(id(cause), cause) for cause in causes]


def _shows(cause: Cause, sites: CallSites, verdict: Verdict) -> bool:
    return cause.shown_by(verdict, sites)
