"""Equal causes taken together: the same rule, broken by a cut at the same place in the code. An engineer reads three causes, not four thousand violations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.campaign.call_sites import CallSite, CallSites, Legs
from harness.oracle.verdict import Verdict
from harness.oracle.violation import Violation
from harness.scenario.prepared import PreparedScenario


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of violations.

    Attributes:
        site: where the last cut hits, callers outwards; empty: no cut is needed.
        first: the verdict with the fewest cuts that shows it, and of these the first of the campaign. violation: what it shows.
        count: violations that it explains. cases: names of the cases in which it shows.
    """

    site: CallSite
    first: Verdict
    violation: Violation
    count: int
    cases: tuple[str, ...]

    @property
    def rule(self) -> str:
        """Name of the rule that is broken."""
        return self.violation.rule

    def shown_by(self, verdict: Verdict, sites: CallSites) -> bool:
        """Tell whether a verdict has this cause: the same rule, broken by a cut at the same place."""
        broken = any(violation.rule == self.rule for violation in verdict.violations)
        return broken and self.site == (sites.of(verdict.case, verdict.proof) if verdict.proof else ())


def find_causes(scenario: PreparedScenario, verdicts: Iterable[Verdict], seed: int, engine: str) -> list[Cause]:
    """Group the violations of a campaign; causes come in the order in which the campaign met them.

    Args:
        verdicts: all of them, or those that broke a rule. seed, engine: of the campaign.
    """
    return group_causes(CallSites(scenario, engine, Legs(scenario, seed, engine).log), verdicts)


def group_causes(sites: CallSites, verdicts: Iterable[Verdict]) -> list[Cause]:
    """Group the violations of some verdicts; causes come in the order in which they are met."""
    causes: dict[tuple[str, CallSite], Cause] = {}
    for verdict in verdicts:
        if verdict.violations:
            site = sites.of(verdict.case, verdict.proof) if verdict.proof else ()
            for violation in verdict.violations:
                shown = Cause(site, verdict, violation, 1, (verdict.case,))
                known = causes.get((violation.rule, site))
                causes[violation.rule, site] = _together(known, shown) if known else shown
    return list(causes.values())


def _together(known: Cause, more: Cause) -> Cause:
    """Return a cause that was met once more."""
    shortest = more if _cuts(more.first) < _cuts(known.first) else known
    cases = known.cases if more.first.case in known.cases else (*known.cases, more.first.case)
    return Cause(known.site, shortest.first, shortest.violation, known.count + 1, cases)


def _cuts(verdict: Verdict) -> int:
    return len(verdict.proof.faults) if verdict.proof else 0
