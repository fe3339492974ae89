"""The causes of what a search found: each with the shortest and earliest sequence of cuts that shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from harness.campaign.call_sites import CallSites
from harness.campaign.causes import Cause, group_causes
from harness.campaign.runner import FaultRunner
from harness.campaign.search.expand import SearchSettings
from harness.campaign.shrink import Target, shrink
from harness.oracle.verdict import Verdict

_MOST_SHRUNK = 10
"""Causes that are shrunk: those that a report shows."""
_LONGEST = 8
"""Cuts of the longest sequence that is shrunk: each try of a longer one would make them all again."""
_MOST_CUTS = 1_200
"""Cuts that are made for one of them. That no fewer show it is known where a search went breadth first."""


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
    wanted = [cause for cause in ordered if cause.first.proof is not None and len(cause.first.proof.faults) <= _LONGEST]
    shrunk: dict[int, Cause] = {}
    with contextlib.suppress(KeyboardInterrupt):  # the search is over: an impatient user gets the causes as they were found
        for number, cause in enumerate(wanted, 1):
            if told:
                told(number, len(wanted))
            shrunk[id(cause)] = _shrunk(runner, cause, clean[names.index(cause.first.case)], names.index(cause.first.case), sites, settings)
    return [shrunk.get(id(cause), cause) for cause in causes]


def _shrunk(runner: FaultRunner, cause: Cause, clean: Verdict, case: int, sites: CallSites, settings: SearchSettings) -> Cause:
    target = Target(case, clean, cause.first, partial(_shows, cause, sites), fewest=True, tears=settings.tears.named)
    verdict = shrink(runner, target, most_tries=_MOST_CUTS // max(1, len(target.verdict.proof.faults) if target.verdict.proof else 1)).verdict
    violation = next(violation for violation in verdict.violations if violation.rule == cause.rule)
    return replace(cause, first=verdict, violation=violation)


def _shows(cause: Cause, sites: CallSites, verdict: Verdict) -> bool:
    return cause.shown_by(verdict, sites)
