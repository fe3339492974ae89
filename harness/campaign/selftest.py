"""The harness's proof that it can fail: every seeded bug is swept, and must be found by its rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.build.bugs import SeededBug
from harness.campaign.search.closure import search
from harness.campaign.search.expand import SearchSettings
from harness.campaign.search.outcome import SearchOptions
from harness.campaign.sweep import CampaignResult, SweepOptions, sweep
from harness.campaign.workers import results_in_order
from harness.fault.faults import Tear
from harness.fault.tear_words import parse_tears
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown
from harness.oracle.verdict import Verdict
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

_SEEDS = 8
"""Most seeds that are tried where a metastable cell must read first this way and then that: one seed shows it with the probability of that order."""


@dataclass(frozen=True, slots=True)
class BugResult:
    """What the sweep of one seeded bug found.

    Attributes:
        rules: names of the rules that it broke, in the order found.
        first: the verdict that shows the intended rule broken, else the first that shows any; None: not found.
        seed: of the sweep that `first` belongs to. engine: what ran the firmware.
    """

    bug: SeededBug
    scenario: PreparedScenario
    rules: tuple[str, ...]
    first: Verdict | None
    runs: int
    seed: int
    engine: str = "embedded"

    @property
    def can_be_shown(self) -> bool:
        """Whether the engine can show the rule broken that it was seeded for."""
        return self.intended_rule not in rules_not_shown(shown_by(self.engine))

    @property
    def found(self) -> bool:
        """Whether any rule caught it."""
        return bool(self.rules)

    @property
    def intended_rule(self) -> str:
        """The rule that it was seeded for, on this device."""
        return self.bug.rule_on(self.scenario.device.name)

    @property
    def by_intended_rule(self) -> bool:
        """Whether the rule that it was seeded for caught it."""
        return self.intended_rule in self.rules


def sweep_bugs(bugs: Sequence[SeededBug], reference: str, build: PrepareOptions, options: SweepOptions) -> Iterator[BugResult]:
    """Sweep each seeded bug until its intended rule is broken; results come in the order of `bugs`.

    Args:
        bugs: each of them exists on the scenario's device. reference: the scenario. build: how to build it; each bug is put into its bootloader in turn.
        options: `jobs` bugs are swept at a time, each in one process, so that the result does not depend on it.
    """
    alone = replace(options, jobs=1)
    if options.jobs == 1:
        for bug in bugs:
            yield sweep_bug(bug, reference, build, alone)
        return
    yield from results_in_order(partial(sweep_bug, reference=reference, build=build, options=alone), bugs, options.jobs)


def sweep_bug(bug: SeededBug, reference: str, build: PrepareOptions, options: SweepOptions) -> BugResult:
    """Sweep one seeded bug until its intended rule is broken, or any rule where the engine can't show that one.

    Where it takes several cuts, states are searched through.
    """
    scenario = prepare(reference, replace(build, bug=bug.name))
    rule = bug.rule_on(scenario.device.name)
    if bug.cuts > 1:
        return _search_bug(bug, scenario, options)
    any_rule = rule in rules_not_shown(shown_by(options.engine))
    options = replace(options, tears=parse_tears(bug.tears), stop_when=lambda verdict: bool(verdict.violations) if any_rule else _breaks(verdict, rule))
    runs = 0
    for seed in range(options.seed, options.seed + (_SEEDS if Tear.METASTABLE in options.tears.named else 1)):
        result = sweep(scenario, replace(options, seed=seed))
        if result.interrupted:
            raise KeyboardInterrupt  # half a search proves nothing about this bug
        found = _bug_result(bug, scenario, result)
        runs += found.runs
        if found.by_intended_rule:
            break
    return replace(found, runs=runs)


def _search_bug(bug: SeededBug, scenario: PreparedScenario, options: SweepOptions) -> BugResult:
    rule = bug.rule_on(scenario.device.name)
    settings = SearchSettings(options.seed, options.engine, parse_tears(bug.tears))
    runs = 0
    for case in (scenario.cases[0].name, None):  # the first case is the plainest: most bugs show there, soon
        result = search(scenario, SearchOptions(settings, bug.cuts, only_case=case, stop_when=lambda verdict: _breaks(verdict, rule)))
        result.store.close()
        if result.interrupted:
            raise KeyboardInterrupt  # half a search proves nothing about this bug
        runs += len(result.clean) + result.states + result.compared
        intended = [verdict for verdict in result.violations if _breaks(verdict, rule)]
        if intended:
            break
    rules = dict.fromkeys(violation.rule for verdict in result.violations for violation in verdict.violations)
    first = next(iter([*intended, *result.violations]), None)
    return BugResult(bug, scenario, tuple(rules), first, runs, options.seed, options.engine)


def _breaks(verdict: Verdict, rule: str) -> bool:
    return any(violation.rule == rule for violation in verdict.violations)


def _bug_result(bug: SeededBug, scenario: PreparedScenario, result: CampaignResult) -> BugResult:
    violating = result.violating
    rules = dict.fromkeys(violation.rule for verdict in violating for violation in verdict.violations)
    intended = [verdict for verdict in violating if _breaks(verdict, bug.rule_on(scenario.device.name))]
    first = next(iter([*intended, *violating]), None)
    return BugResult(bug, scenario, tuple(rules), first, len(result.clean) + len(result.verdicts), result.seed, result.engine)
