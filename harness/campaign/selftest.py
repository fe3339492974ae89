"""The harness's proof that it can fail: every seeded bug is swept, and must be found by its rule."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from harness.build.bugs import SeededBug
from harness.campaign.search.closure import search
from harness.campaign.search.expand import SearchSettings
from harness.campaign.search.outcome import SearchObserver, SearchOptions
from harness.campaign.selftest_store import KeptBug, SelftestStore
from harness.campaign.sweep import CampaignResult, Observer, SweepOptions, sweep
from harness.campaign.tally import Tally, TaskObserver
from harness.campaign.workers import Workers
from harness.fault.faults import Tear
from harness.fault.tear_words import parse_tears
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown
from harness.oracle.verdict import Verdict, replay_id_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

_SEEDS = 8
"""Most seeds that are tried where a metastable cell must read first this way and then that: one seed shows it with the probability of that order."""


@dataclass(frozen=True, slots=True)
class BugResult:
    """What the sweep of one seeded bug found.

    Attributes:
        chip: the device that it was swept on. engine: what ran the firmware.
        rules: names of the rules that it broke, in the order found.
        replay_id: of the run that shows the intended rule broken, else of the first that shows any; None: not found.
    """

    bug: SeededBug
    chip: str
    rules: tuple[str, ...]
    runs: int
    replay_id: str | None
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
        return self.bug.rule_on(self.chip)

    @property
    def by_intended_rule(self) -> bool:
        """Whether the rule that it was seeded for caught it."""
        return self.intended_rule in self.rules


@dataclass(slots=True)
class SelftestResult:
    """What a selftest found.

    Attributes:
        planned: seeded bugs that there are. bugs: what came of those that were swept, in the order of their names.
        good: the sweep of the good bootloader; None: it was interrupted before.
    """

    planned: int
    bugs: list[BugResult] = field(default_factory=list)
    good: CampaignResult | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it before everything was swept."""
        return self.good is None or self.good.interrupted

    @property
    def holds(self) -> bool:
        """Whether every bug that was swept was found by its rule, where the engine can show that, and the good bootloader broke none."""
        found = all(result.by_intended_rule or not result.can_be_shown for result in self.bugs)
        return found and not (self.good is not None and self.good.violating)


class SelftestObserver(Observer, Protocol):
    """Hears how a selftest goes on: of each seeded bug, then of each cut of the good bootloader."""

    def sweeping(self, bug: SeededBug) -> None:
        """One is begun with; others may be under way."""
        ...

    def swept(self, result: BugResult) -> None:
        """One is done, or was taken from a file."""
        ...


@dataclass(frozen=True, slots=True)
class _Start:
    """What a worker needs once.

    Attributes:
        names: of all bugs, in their order: where each one counts.
    """

    reference: str
    build: PrepareOptions
    options: SweepOptions
    tally: Tally
    names: tuple[str, ...]


def selftest(
    good: PreparedScenario,
    bugs: Sequence[SeededBug],
    build: PrepareOptions,
    options: SweepOptions,
    observer: SelftestObserver,
    tally: Tally,
    store: SelftestStore | None = None,
) -> SelftestResult:
    """Sweep each seeded bug until its intended rule is broken, then every cut of the good bootloader. Ctrl-C ends it, and keeps what was found.

    Args:
        good: the scenario with the good bootloader. bugs: each of them exists on its device, in the order of their names.
        build: how it was built; each bug is put into its bootloader in turn.
        options: `jobs` bugs are swept at a time, each in one process, so that the result does not depend on it. tally: has a place for each bug.
        store: keeps results as they come; those that it has already are taken from it, and not made again.

    Raises:
        InputError: the store is of another build, or can't be written.
        EngineError: a fault did not fire, or an engine failed.
    """
    found = {bug.name: _taken(bug, good, store.bugs[bug.name], options.engine) for bug in bugs if store and bug.name in store.bugs}
    for result in found.values():
        observer.swept(result)
    start = _Start(good.reference, build, replace(options, jobs=1), tally, tuple(bug.name for bug in bugs))
    selftested = SelftestResult(len(bugs))
    try:
        with contextlib.closing(_sweep_all([bug for bug in bugs if bug.name not in found], start, options.jobs, observer)) as results:
            for result in results:
                if store:
                    store.add_bug(result.bug.name, KeptBug(result.rules, result.runs, result.replay_id))
                found[result.bug.name] = result
                observer.swept(result)
        selftested.good = sweep(good, options, observer, store)
        if store:
            selftested.good.seconds = store.good_seconds
    except KeyboardInterrupt:
        pass  # what was found is told; `good` says that it was not all
    selftested.bugs = [found[bug.name] for bug in bugs if bug.name in found]
    return selftested


def _taken(bug: SeededBug, good: PreparedScenario, kept: KeptBug, engine: str) -> BugResult:
    return BugResult(bug, good.device.name, kept.rules, kept.runs, kept.replay_id, engine)


def _sweep_all(bugs: Sequence[SeededBug], start: _Start, jobs: int, observer: SelftestObserver) -> Generator[BugResult, None, None]:
    """Yield what comes of each bug as soon as it is there; none waits for one that takes longer."""
    with contextlib.closing(Workers(min(jobs, len(bugs)), _start_worker, (start,))) as workers:
        try:
            for _, result in workers.results(_sweep_in_worker, _announced(bugs, observer)):
                if result is None:
                    raise KeyboardInterrupt
                yield result
        finally:
            start.tally.stop()  # half a search proves nothing about a bug: none that is under way is waited for


def _announced(bugs: Iterable[SeededBug], observer: SelftestObserver) -> Iterator[SeededBug]:
    for bug in bugs:
        observer.sweeping(bug)
        yield bug


_worker: _Start | None = None


def _start_worker(start: _Start) -> None:
    global _worker
    _worker = start


def _sweep_in_worker(bug: SeededBug) -> BugResult | None:
    """Sweep a bug; None: the campaign is to stop."""
    if _worker is None:
        raise RuntimeError("_start_worker was not called in this process")
    heard = TaskObserver(_worker.tally, _worker.names.index(bug.name))
    try:
        return sweep_bug(bug, _worker.reference, _worker.build, _worker.options, heard)
    except KeyboardInterrupt:
        return None


class BugObserver(Observer, SearchObserver, Protocol):
    """Hears how the sweep of a seeded bug goes on, or the search through its states."""


def sweep_bug(bug: SeededBug, reference: str, build: PrepareOptions, options: SweepOptions, observer: BugObserver | None = None) -> BugResult:
    """Sweep one seeded bug until its intended rule is broken, or any rule where the engine can't show that one.

    Where it takes several cuts, states are searched through.
    """
    scenario = prepare(reference, replace(build, bug=bug.name))
    rule = bug.rule_on(scenario.device.name)
    if bug.cuts > 1:
        return _search_bug(bug, scenario, options, observer)
    any_rule = rule in rules_not_shown(shown_by(options.engine))
    options = replace(options, tears=parse_tears(bug.tears), stop_when=lambda verdict: bool(verdict.violations) if any_rule else _breaks(verdict, rule))
    runs = 0
    for seed in range(options.seed, options.seed + (_SEEDS if Tear.METASTABLE in options.tears.named else 1)):
        result = sweep(scenario, replace(options, seed=seed), observer)
        if result.interrupted:
            raise KeyboardInterrupt  # half a search proves nothing about this bug
        runs += len(result.clean) + len(result.verdicts)
        found = _bug_result(bug, scenario, result.violating, runs, replace(options, seed=seed))
        if found.by_intended_rule:
            break
    return found


def _search_bug(bug: SeededBug, scenario: PreparedScenario, options: SweepOptions, observer: BugObserver | None) -> BugResult:
    rule = bug.rule_on(scenario.device.name)
    settings = SearchSettings(options.seed, options.engine, parse_tears(bug.tears))
    runs = 0
    for case in (scenario.cases[0].name, None):  # the first case is the plainest: most bugs show there, soon
        result = search(scenario, SearchOptions(settings, bug.cuts, only_case=case, stop_when=lambda verdict: _breaks(verdict, rule)), observer)
        result.store.close()
        if result.interrupted:
            raise KeyboardInterrupt  # half a search proves nothing about this bug
        runs += len(result.clean) + result.states + result.compared
        if any(_breaks(verdict, rule) for verdict in result.violations):
            break
    return _bug_result(bug, scenario, result.violations, runs, options)


def _breaks(verdict: Verdict, rule: str) -> bool:
    return any(violation.rule == rule for violation in verdict.violations)


def _bug_result(bug: SeededBug, scenario: PreparedScenario, violating: Sequence[Verdict], runs: int, options: SweepOptions) -> BugResult:
    """Return what was found.

    Args:
        violating: the verdicts that broke a rule. options: that they were made with.
    """
    chip = scenario.device.name
    rules = dict.fromkeys(violation.rule for verdict in violating for violation in verdict.violations)
    intended = [verdict for verdict in violating if _breaks(verdict, bug.rule_on(chip))]
    first = next(iter([*intended, *violating]), None)
    replay_id = None if first is None else replay_id_of(scenario, first, options.seed, options.engine)
    return BugResult(bug, chip, tuple(rules), runs, replay_id, options.engine)
