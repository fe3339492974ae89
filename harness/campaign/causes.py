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
    groups: dict[tuple[str, CallSite], list[tuple[Verdict, Violation]]] = {}
    for verdict in verdicts:
        if verdict.violations:
            site = sites.of(verdict.case, verdict.proof) if verdict.proof else ()
            for violation in verdict.violations:
                groups.setdefault((violation.rule, site), []).append((verdict, violation))
    return [_cause(site, found) for (_, site), found in groups.items()]


def _cause(site: CallSite, found: list[tuple[Verdict, Violation]]) -> Cause:
    first, violation = min(found, key=lambda pair: len(pair[0].proof.faults) if pair[0].proof else 0)
    return Cause(site, first, violation, len(found), tuple(dict.fromkeys(verdict.case for verdict, _ in found)))
