"""Search through everything that any sequence of cuts can make of a device: breadth first, each state booted once."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.campaign.boots import log_of
from harness.campaign.runner import FaultRunner
from harness.campaign.search.causes import causes_of_search
from harness.campaign.search.child import Child
from harness.campaign.search.cluster import ClusterWorkers
from harness.campaign.search.expand import Expansion, OutOfTimeError, Repeat, Task, expand, repeat
from harness.campaign.search.findings import Violating, chosen_states, costly_edges, make_again
from harness.campaign.search.joins import Joins
from harness.campaign.search.outcome import SearchObserver, SearchOptions, SearchResult
from harness.campaign.search.repeats import Repeatable, repeatable_cuts
from harness.campaign.search.rooms import OutlivedError, Rooms, TooLittleRoomError, enough_for, room_for_a_run
from harness.campaign.search.state import Geography, Merging, State, label_of, start_of
from harness.campaign.search.state_store import Edge, Known, StateStore
from harness.campaign.search.store import SearchStore
from harness.campaign.search.waiting import Waiting
from harness.campaign.search.workers import LocalWorkers, Pending, SearchWorkers, StoredWorkers
from harness.campaign.sweep import SweepOptions, chosen_cases, run_clean
from harness.oracle.risk import breaks
from harness.oracle.run import Run
from harness.oracle.verdict import verdict_of
from harness.scenario.model import Cuts
from harness.scenario.prepared import PreparedScenario

_SAMPLED = 256
"""One of so many states that are taken for another one is booted all the same."""
_TO_SHRINK = 0.1
"""How much longer than its budget a search may take, as a part of it, to look for the shortest and earliest cuts that show what it found."""
_MOST_SAMPLED = 16
"""So many of a kind, however much room their logs have, beside those one cut away from a start; then it was tried often enough."""


class _LookedAtError(Exception):
    """A page that was left open is looked at before it is erased."""

    def __init__(self, page: int) -> None:
        super().__init__(page)
        self.page = page


def search(scenario: PreparedScenario, options: SearchOptions, observer: SearchObserver | None = None, results: SearchStore | None = None) -> SearchResult:
    """Boot every state that cuts can lead to, each once, and judge it.

    A clean run that breaks a rule ends the search with that verdict. Ctrl-C ends it too, and keeps what was found.

    Args:
        results: keeps what came of each state; those that it has already are not booted again.

    Raises:
        InputError: the options name a case that does not exist, or the file of results can't be written.
        EngineError: an engine failed, or a violation could not be made again.
    """
    started = time.monotonic()
    if scenario.bookkeeping is None:  # nobody can tell what it says
        options = replace(options, settings=replace(options.settings, merging=Merging.BYTES))
    options = replace(options, settings=replace(options.settings, join=options.joins))  # workers tell courses only where somebody compares them
    runs = run_clean(scenario, SweepOptions(seed=options.settings.seed, engine=options.settings.engine, only_case=options.only_case))
    enough = room_for_a_run(scenario, options, runs)
    by_kind = True
    while True:
        attempt = _Search(scenario, options, runs, observer, started, enough, results, by_kind=by_kind)
        try:
            return attempt.run()
        except _LookedAtError as found:
            closed = options.settings.closed_pages | {found.page}
            options = replace(options, settings=replace(options.settings, closed_pages=closed))
        except OutlivedError as found:
            enough = found.enough(enough)
        except TooLittleRoomError as found:
            if by_kind:
                by_kind = False
            else:
                enough = () if found.used is None else tuple(map(max, enough, enough_for(found.used)))
        attempt.result.store.close()


def _some_ahead(ahead: int, numbers: Sequence[int], submit: Callable[[int], Pending[Expansion]]) -> Iterator[tuple[int, Pending[Expansion]]]:
    """Yield tasks in order, of which no more than so many are given out before they are taken: what comes of one is large."""
    under_way: deque[tuple[int, Pending[Expansion]]] = deque()
    for number in numbers:
        under_way.append((number, submit(number)))
        if len(under_way) >= ahead:
            yield under_way.popleft()
    yield from under_way


class _Search:
    """One search, with a fixed set of pages that may be left open.

    Args:
        enough: from how many free places on a log counts as having room; empty: every place counts.
        by_kind: fewer do where a run that goes on from there has less to write.
    """

    def __init__(
        self,
        scenario: PreparedScenario,
        options: SearchOptions,
        runs: list[Run],
        observer: SearchObserver | None,
        started: float,
        enough: tuple[int, ...],
        results: SearchStore | None,
        *,
        by_kind: bool,
    ) -> None:
        clean = [verdict_of(run) for run in runs]
        self.result = SearchResult(scenario, options, StateStore(), clean, closed_pages=options.settings.closed_pages, enough=enough)
        self._scenario = scenario
        self._options = options
        self._runs = runs
        self._observer = observer
        self._started = started
        self._deadline = None if options.budget_seconds is None else started + options.budget_seconds
        self._store = self.result.store
        self._rooms = Rooms(enough, self.result.enough_by_kind, by_kind=by_kind)
        self._results = results
        self._geography = Geography(scenario, options.settings.closed_pages)
        self._joins = Joins() if options.settings.join else None
        self._round: int | None = 0
        self._kinds = 0
        self._repeatable: Waiting[Repeatable] = Waiting()
        self._repeated: list[tuple[State, Pending[State]]] = []
        self._logs_repeated: set[int] = set()
        self._sampled: Counter[bytes] = Counter()
        self._violating: list[Violating] = []
        self._costly: list[Edge] = []
        self._found_wanted = False

    def run(self) -> SearchResult:
        """Search until nothing is left, the time is over, or the wanted violation is found."""
        result = self.result
        with contextlib.closing(self._repeatable):
            if not result.nothing_was_cut:
                self._search()
        self._confirm()
        result.kept = self._results.kept if self._results else 0
        result.seconds = self._results.seconds if self._results else time.monotonic() - self._started
        return result

    def _search(self) -> None:
        self._add_roots()
        try:
            self._boot_all()
            self._costly = costly_edges(self._store, self._scenario.limits.cut_erases)
        except KeyboardInterrupt:
            self.result.interrupted = True

    def _add_roots(self) -> None:
        names = [case.name for case in self._scenario.cases]
        for case in chosen_cases(self._scenario, self._options.only_case):
            if case.cuts is Cuts.NONE:
                continue
            # A case's own start is always booted: it is what its name promises.
            index = names.index(case.name)
            self._store.add_root(index, start_of(self._scenario, index), b"start of " + case.name.encode())

    def _boot_all(self) -> None:
        """Boot states in the order in which they were reached; results are taken in that order, so they don't depend on the number of workers."""
        workers = self._open_workers()
        under_way: deque[tuple[int, Pending[Expansion]]] = deque()
        following = itertools.count()
        number = next(following)
        try:
            while not self._over():
                while len(under_way) < workers.ahead and number < len(self._store):
                    under_way.append((number, workers.submit(expand, self._task(number))))
                    number = next(following)
                if not under_way and not self._goes_on(workers):
                    self._check_repeated()
                    self._complete_joined()
                    self.result.finished = True
                    return
                if not under_way:
                    continue
                at, pending = under_way.popleft()
                known, expansion = self._store.known(at), pending.result()
                if known.twin is not None and self._is_within_depth(known) and expansion.behaviour != self._store.behaviour(known.twin):
                    expansion = workers.submit(expand, Task(self._store.state(at), join=self._joins is not None)).result()
                self._take(known, expansion)
        except OutOfTimeError:
            return
        finally:
            self.result.open_states = len(self._store) - self.result.states - self.result.compared
            workers.close()

    def _open_workers(self) -> SearchWorkers:
        options = self._options
        workers: SearchWorkers
        if options.cluster is not None:
            workers = ClusterWorkers(self._scenario, options.settings, options.cluster, self._deadline)
        else:
            workers = LocalWorkers(self._scenario, options.settings, options.jobs, self._deadline)
        return StoredWorkers(workers, self._results, options.settings.closed_pages) if self._results else workers

    def _over(self) -> bool:
        return self._found_wanted or (self._deadline is not None and time.monotonic() > self._deadline)

    def _task(self, number: int) -> Task:
        known = self._store.known(number)
        # What is only booted to be compared has its children found once it is told apart.
        within = known.twin is None and self._is_within_depth(known)
        apart = known.depth == 0 and self._options.stop_when is None
        return Task(self._store.state(number), apart=apart, cut=within, join=self._joins is not None and known.depth > 0)

    def _is_within_depth(self, known: Known) -> bool:
        return self._options.depth is None or known.depth < self._options.depth

    def _take(self, known: Known, expansion: Expansion) -> None:
        """Take in what came of booting a state."""
        result = self.result
        verdict = expansion.verdict
        rules = {violation.rule for violation in verdict.violations}
        if expansion.looked_at is not None and not rules:
            raise _LookedAtError(expansion.looked_at)
        result.boots += expansion.boots
        harmful, bricked = breaks(rules)
        self._store.set_expansion(known.number, expansion, harmful=harmful, bricked=bricked)
        if known.twin is not None and expansion.behaviour == self._store.behaviour(known.twin):
            result.compared += 1
            return
        if known.twin is not None:
            result.told_apart += 1
            self._store.tell_apart(known.number, expansion.behaviour + known.number.to_bytes(8, "little"))
        result.states += 1
        result.deepest = max(result.deepest, known.depth)
        result.outcomes[verdict.outcome] += 1
        result.faults += expansion.faults
        if rules:
            result.violating += 1
            self._violating.append(Violating(known.number, known.depth, known.root, tuple(sorted(rules))))
            wanted = self._options.stop_when
            self._found_wanted = self._found_wanted or (wanted is not None and wanted(verdict))
        if known.depth == 0:
            result.updates_ps[known.number] = expansion.work_ps
        before = None if known.parent is None else self._store.behaviour(known.parent)
        is_first = known.twin is not None or known.kind == known.number
        kind = None if is_first or self._options.settings.tears.disturbs else self._store.behaviour(known.kind)  # each boot draws what such cells read
        self._rooms.check(known, expansion, before, kind)
        targets = [self._meet(known, child) for child in expansion.children]
        if self._joins is not None:
            self._joins.add(known.number, expansion, targets)
        self._keep_repeatable(known, expansion)
        if self._observer:
            self._observer.searching(result.states + result.compared, len(self._store), result.violating)

    def _meet(self, parent: Known, child: Child) -> int:
        """Find the kind of a child, or make it the first of its kind; return the kind's number."""
        label = label_of(child.key, child.meaning.rooms, self._rooms.of(child))
        kind = self._store.kind_of(label)
        if kind is None:
            target = len(self._store)
            self._store.add_child(label, child, parent, twin=None)
            self._kinds += 1
        else:
            target, most = kind
            if self._rooms.has_more(child.meaning.rooms, most):
                self._store.add_child(label, child, parent, twin=None)
            elif child.sampled or child.content[1] % _SAMPLED == 0:
                self._compare(label, child, parent, target)
        if child.faults:  # else they are counted with the one that it is compared with
            edge = Edge(parent.number, target, child.faults, child.erases, child.wearing, child.latest_ps, child.window_ps, child.moment)
            self._store.add_edge(edge)
        return target

    def _compare(self, label: bytes, child: Child, parent: Known, twin: int) -> None:
        """Have a state booted that is taken for another one, unless this was tried often enough with others of its kind."""
        if parent.depth and self._sampled[child.key] >= _MOST_SAMPLED:
            return
        before = len(self._store)
        self._store.add_child(label, child, parent, twin=twin)
        self._sampled[child.key] += len(self._store) - before if parent.depth else 0

    def _goes_on(self, workers: SearchWorkers) -> bool:
        """Once all states were booted, look for others; tell whether there are any."""
        return self._follow_unlike(workers) or self._repeat_cuts(workers) or self._follow_sample(workers)

    def _follow_unlike(self, workers: SearchWorkers) -> bool:
        """Follow to their ends the runs that go on another way than the one of the state that they came to."""
        return self._joins is not None and self._follow(workers, self._joins.unlike())

    def _follow_sample(self, workers: SearchWorkers) -> bool:
        """Follow some joined runs to their ends all the same: a tear there leaves other bits than in the run of the state that they came to.

        If that leads to a kind of state that was not known, others are followed as soon as all states are booted again.
        """
        sample = self._joins.sample(self._round) if self._joins is not None and self._round is not None else []
        kinds = self._kinds
        self.result.followed += len(sample)
        added = self._follow(workers, sample)
        self._round = None if self._round is None or self._kinds == kinds else self._round + 1
        return added

    def _follow(self, workers: SearchWorkers, numbers: Sequence[int]) -> bool:
        """Follow runs to their ends; tell whether there are more states to boot for it."""
        before = len(self._store)
        for number, pending in _some_ahead(workers.ahead, numbers, lambda number: workers.submit(expand, Task(self._store.state(number)))):
            expansion = pending.result()
            self.result.faults += expansion.faults - self._store.cuts_of(number)
            self.result.boots += expansion.boots
            self._store.remove_edges(number)
            known = self._store.known(number)
            for child in expansion.children:
                self._meet(known, child)
        return len(self._store) > before

    def _complete_joined(self) -> None:
        """Give joined runs the cuts that were not followed."""
        if self._joins is not None:
            self.result.faults += self._joins.complete(self._store)
            self.result.joined = len(self._joins)

    def _keep_repeatable(self, known: Known, expansion: Expansion) -> None:
        for cut in repeatable_cuts(known, expansion) if self._rooms.enough else ():
            if cut.room > self._rooms.of(cut.child)[cut.log]:
                self._repeatable.add(cut)

    def _repeat_cuts(self, workers: SearchWorkers) -> bool:
        """Add the states in which logs are nearly full, once all others were booted; tell whether there were any."""
        before = len(self._store)
        for cut in self._repeatable.take_all():
            self._repeat(cut, workers)
        return len(self._store) > before

    def _repeat(self, cut: Repeatable, workers: SearchWorkers) -> None:
        enough = self._rooms.of(cut.child)
        room = enough[cut.log] - 1
        label = label_of(cut.child.key, cut.rooms_with(room), enough)
        if self._store.kind_of(label) is not None:
            return
        child = cut.left(self._scenario, self._geography, room)
        number = len(self._store)
        self._store.add_child(label, child, cut.known, twin=None, repeats=cut.room - room)
        self._store.add_edge(Edge(cut.known.number, number, 0, child.erases, child.wearing, child.latest_ps, 0, 0.0))
        if cut.log not in self._logs_repeated:
            self._logs_repeated.add(cut.log)
            self._repeated.append((child.state, workers.submit(repeat, Repeat(cut.child.state, child.fault, cut.room - room - 1))))
        half_way = (cut.room + room) // 2
        if half_way < cut.room - 1:
            kind = label_of(cut.child.key, cut.rooms_with(half_way), enough)
            half = cut.left(self._scenario, self._geography, half_way)
            self._store.add_child(kind, half, cut.known, twin=cut.known.number, repeats=cut.room - half_way)

    def _check_repeated(self) -> None:
        """Hold what repeated cuts were said to leave, for one cut of each log, against what they left when they were made one by one."""
        for expected, pending in self._repeated:
            if pending.result() != expected:
                raise TooLittleRoomError

    def _confirm(self) -> None:
        """Make what broke a rule again, by its faults alone, and group it by cause."""
        result, settings = self.result, self._options.settings
        first_only = self._options.stop_when is not None
        states = chosen_states(self._violating, first_only=first_only)
        if not states and not self._costly and (first_only or not result.violations):
            return
        logs = [log_of(run, settings.seed) for run in self._runs]
        runner = FaultRunner(self._scenario, logs, settings.seed, settings.engine)
        result.made_again = len(states)
        try:
            result.findings = make_again(runner, self._store, result.clean, states, self._costly)
            if not first_only:
                told = self._observer.shrinking if self._observer else None
                budget = self._options.budget_seconds
                deadline = None if budget is None else max(self._started + budget, time.monotonic()) + _TO_SHRINK * budget
                result.causes, result.shrunk = causes_of_search(runner, result.clean, result.violations, settings, told, deadline)
        except KeyboardInterrupt:
            result.interrupted = True
        finally:
            runner.close()
