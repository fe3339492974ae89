"""The causes of what a search found: each with the shortest and earliest sequence of cuts that shows it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from harness.campaign.call_sites import CallSites
from harness.campaign.causes import Cause, group_causes
from harness.campaign.runner import FaultRunner
from harness.campaign.search.expand import SearchSettings
from harness.campaign.shrink import Target, shrink, without_repeats
from harness.oracle.verdict import Verdict

_MOST_SHRUNK = 10
"""Causes that are shrunk: those that a report shows."""
_LONGEST = 8
"""Cuts of the longest sequence that is shrunk, once those that come several times in a row are made once: each try of a longer one would make them all."""
_MOST_CUTS = 1_200
"""Cuts that are made for one of them. That no fewer show it is known where a search went breadth first."""


def causes_of_search(
    runner: FaultRunner,
    clean: Sequence[Verdict],
    violating: Sequence[Verdict],
    settings: SearchSettings,
    told: Callable[[int, int], None] | None = None,
    deadline: float | None = None,
) -> tuple[list[Cause], bool]:
    """Group what broke a rule, and shrink the first of each group as far as rule and place in the code stay the same.

    Args:
        runner: with the clean runs of all cases. clean: their verdicts, in the same order. violating: verdicts that break a rule, each with its proof.
        told: hears which cause is being shrunk, from 1, and how many are to be. deadline: when that ends, by `time.monotonic`; None: never.

    Returns:
        The causes, in the order in which they are met, and whether neither the deadline nor Ctrl-C ended the shrinking.
    """
    names = [verdict.case for verdict in clean]
    sites = CallSites(runner.scenario, settings.engine, lambda case, faults: runner.log_after(names.index(case), faults))
    causes = group_causes(sites, violating)
    ordered = sorted(causes, key=lambda cause: -cause.count)[:_MOST_SHRUNK]
    wanted = [cause for cause in ordered if cause.first.proof is not None]
    in_time = False
    shrunk: dict[int, Cause] = {}
    with contextlib.suppress(KeyboardInterrupt):  # the search is over: an impatient user gets the causes as they were found
        for number, cause in enumerate(wanted, 1):
            if told:
                told(number, len(wanted))
            case = names.index(cause.first.case)
            target = Target(case, clean[case], cause.first, partial(_shows, cause, sites), fewest=True, tears=settings.tears.named)
            verdict = _shrunk(runner, target, deadline)
            violation = next(violation for violation in verdict.violations if violation.rule == cause.rule)
            shrunk[id(cause)] = replace(cause, first=verdict, violation=violation)
        in_time = deadline is None or time.monotonic() <= deadline
    return [shrunk.get(id(cause), cause) for cause in causes], in_time or not wanted


def _shrunk(runner: FaultRunner, target: Target, deadline: float | None) -> Verdict:
    """Return what comes of the shortest and earliest sequence that was found; one that stays long is left as it is."""
    if _cuts(target.verdict) > _LONGEST:
        target = replace(target, verdict=without_repeats(runner, target))
    if _cuts(target.verdict) > _LONGEST:
        return target.verdict
    return shrink(runner, target, most_tries=_MOST_CUTS // max(1, _cuts(target.verdict)), deadline=deadline).verdict


def _cuts(verdict: Verdict) -> int:
    return len(verdict.proof.faults) if verdict.proof else 0


def _shows(cause: Cause, sites: CallSites, verdict: Verdict) -> bool:
    return cause.shown_by(verdict, sites)
