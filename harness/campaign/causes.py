"""Equal causes taken together: the same rule, broken by a cut at the same place in the code. An engineer reads three causes, not four thousand violations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.campaign.call_sites import CallSite, CallSites
from harness.oracle.rules import Violation
from harness.oracle.verdict import Verdict
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


def find_causes(scenario: PreparedScenario, verdicts: Iterable[Verdict], seed: int, engine: str) -> list[Cause]:
    """Group the violations of a campaign; causes come in the order in which the campaign met them.

    Args:
        verdicts: all of them, or those that broke a rule. seed, engine: of the campaign.
    """
    sites = CallSites(scenario, seed, engine)
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
