"""One step of a search through states: boot a state, judge the run, and find its children. This is what a worker does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.campaign.accelerations import EVERY_ACCELERATION, Accelerations, machine_of
from harness.campaign.boots import run_until_settled
from harness.campaign.search.child import Child, Meeting
from harness.campaign.search.children import ChildFinder
from harness.campaign.search.course import Course
from harness.campaign.search.state import Geography, Merging, State, places_taken
from harness.fault.faults import Fault
from harness.fault.plan import FIVE_TEARS, TearChoice
from harness.machine.engines import make_machine, recording_machine, share_boots, shared_calls
from harness.machine.sharing import SharingMachine
from harness.oracle.run import History, Run
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.prepared import APPLICATION_DOMAIN, Meaning, PreparedScenario

if TYPE_CHECKING:
    from harness.machine.calls import SharedCalls

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What a worker of a search needs to know.

    Attributes:
        seed: feeds tears and RAM. tears: what each operation is torn to.
        merging: which states are taken for one.
        closed_pages: pages that must not be left open, since something looked at them before they were erased.
        join: follow a run no further than to a state that is booted itself, where both go on the same way.
        accelerations: what is done only once, of boots, calls and machines; the result is the same either way. A search prunes nothing, and looks for no
            known states.
    """

    seed: int = 1
    engine: str = "embedded"
    tears: TearChoice = FIVE_TEARS
    merging: Merging = Merging.ROOM
    closed_pages: frozenset[int] = frozenset()
    join: bool = True
    accelerations: Accelerations = EVERY_ACCELERATION


@dataclass(frozen=True, slots=True)
class Task:
    """A state to be booted.

    Attributes:
        apart: report all children whose bytes differ, not only one of those that are taken for one.
        cut: also find the children. pick: only what one fault leaves; join: no others than up to a state that is booted itself; see `ChildFinder`.
    """

    state: State
    apart: bool = False
    cut: bool = True
    pick: Fault | int | None = None
    join: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """A cut that is to be made several times in a row, beginning with the run of a state."""

    state: State
    fault: Fault
    times: int


@dataclass(frozen=True, slots=True)
class Expansion:
    """What came of booting a state.

    Attributes:
        verdict: without a proof: the search knows which faults led here.
        behaviour: digest of what the boots did, the same for states that were rightly taken for one.
        erases: page erases of the recovery, without the power cycles that follow. erases_in_all: with them.
        looked_at: an open page that was looked at before it was erased; None: none was.
        key, meaning, writes: what tells the state's own kind, see `Child`.
        used: how many places of each log the run took; None where it went on in another page.
        faults: how many the children come of. boots: how many were made. work_ps: from power-on to the end of the last operation that was followed.
        meeting: where the run came to a state that is booted itself, if it was followed no further.
        course, rest: what the run does, and what it does from there on; see `Course`. starts_ps: when its first operation starts.
        first: the place among the children of what a cut before that leaves; -1 where there is none.
    """

    verdict: Verdict
    behaviour: bytes
    erases: int
    erases_in_all: int
    looked_at: int | None
    key: bytes
    meaning: Meaning
    writes: tuple[tuple[int, int], ...]
    used: tuple[int | None, ...]
    children: tuple[Child, ...] = ()
    faults: int = 0
    boots: int = 0
    work_ps: int = 0
    meeting: Meeting | None = None
    course: bytes = b""
    rest: bytes = b""
    starts_ps: int = 0
    first: int = -1


class OutOfTimeError(Exception):
    """The budget of a search ended before a task was done."""


class Expander:
    """Boots states and finds their children.

    Args:
        calls: calls that other processes share too; None: only this one's machines do.
        deadline: when to stop, by `time.monotonic`, which the processes of a machine have in common; None: never.
    """

    def __init__(self, scenario: PreparedScenario, settings: SearchSettings, calls: SharedCalls | None = None, deadline: float | None = None) -> None:
        build = (scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
        self._scenario = scenario
        self._settings = settings
        self._deadline = deadline
        engine, accelerations = settings.engine, settings.accelerations
        calls = (calls or shared_calls(engine)) if accelerations.memo else None
        self._machine = machine_of(lambda: make_machine(engine, *build, calls=calls), engine, accelerations)
        if accelerations.share:
            self._machine = share_boots(self._machine, *build, calls=calls, reuse=accelerations.reuse)
        if isinstance(self._machine, SharingMachine):
            self._machine.keen = False
        self._recorder = machine_of(lambda: recording_machine(engine, *build, calls=calls), engine, accelerations)
        self._geography = Geography(scenario, settings.closed_pages)
        self._application = self._geography.pages_of(scenario, [APPLICATION_DOMAIN] if APPLICATION_DOMAIN in scenario.regions else [])

    def expand(self, task: Task) -> Expansion:
        """Boot a state until it settles, judge the run, and find what a cut at each of its operations leaves.

        Raises:
            OutOfTimeError: the time is over, before or on the way.
        """
        self._check_time()
        state = task.state
        case = self._scenario.cases[state.leader]
        machine = self._recorder if state.open_pages else self._machine
        run = run_until_settled(machine, self._scenario, case, state.non_volatile(self._scenario), self._settings.seed)
        verdict = verdict_of(replace(run, history=None if state.wear is None else History(state.wear, state.counter, state.module_counter)))
        looked_at = next((page for page in state.open_pages if not self._stays_open(run, page)), None)
        settings = self._settings
        choice = (settings.tears, settings.seed, settings.merging)
        finder = ChildFinder(self._geography, run, state, *choice, apart=task.apart, pick=task.pick, join=task.join, in_time=self._check_time)
        cut = task.cut and not verdict.violations and looked_at is None
        if cut:
            finder.find()
        meeting = finder.meeting
        course = Course(self._geography, run, None if meeting is None else (meeting.boot, meeting.operation)) if cut and self._settings.join else None
        children = tuple(finder.found.values())
        key, meaning = self._geography.kind_of(bytearray(run.start.flash), state, settings.merging)
        return Expansion(
            verdict=verdict,
            behaviour=self._behaviour(run, verdict, state),
            erases=sum(sum(trace.erases) for trace in run.recoveries[0]),
            erases_in_all=sum(sum(trace.erases) for trace in run.traces),
            looked_at=looked_at,
            key=key,
            meaning=meaning,
            writes=state.writes,
            used=self._used(run),
            children=children,
            faults=finder.faults,
            boots=len(run.traces),
            work_ps=finder.clock_ps,
            meeting=meeting,
            course=b"" if course is None else course.whole,
            rest=b"" if course is None else course.rest,
            starts_ps=_first_operation_ps(run),
            first=-1 if finder.first is None else children.index(finder.first),
        )

    def repeat(self, task: Repeat) -> State:
        """Return what a cut leaves that comes several times in a row, each time made of a boot of its own.

        Raises:
            OutOfTimeError: see `expand`.
        """
        state = task.state
        for _ in range(task.times):
            (child,) = self.expand(Task(state, pick=task.fault)).children
            state = child.state
        return state

    def close(self) -> None:
        """Release the machines."""
        self._machine.close()
        self._recorder.close()

    def end_at(self, deadline: float | None) -> None:
        """Have tasks end then, done or not, by `time.monotonic`; None: never."""
        self._deadline = deadline

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise OutOfTimeError

    def _stays_open(self, run: Run, page: int) -> bool:
        """Tell whether nothing in a run depends on what a page held: the first to touch it is an erase, or nothing touches it, the rules included."""
        head = self._geography.head_bytes(bytearray(run.start.flash), page)
        for trace in run.traces:
            if trace.reach[page] > head:
                return False
            if trace.erases[page]:
                return True
        return page not in self._application

    def _used(self, run: Run) -> tuple[int | None, ...]:
        """Return how many places of each log a run took: of one that nothing is appended to any more, none."""
        before, after = (self._geography.meaning(flash) for flash in (run.start.flash, run.final_flash))
        taken = zip(places_taken(before, after), after.free, strict=False)
        return tuple(0 if places is None and not free.stop else places for places, free in taken)

    def _behaviour(self, run: Run, verdict: Verdict, state: State) -> bytes:
        hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        rules = sorted({violation.rule for violation in verdict.violations})
        hasher.update(f"{verdict.outcome}:{rules}:".encode())
        for trace in run.traces:
            entries = [(entry.domain, entry.pc, entry.stack_pointer) for entry in trace.entries]
            hasher.update(f"{trace.end}:{trace.domain}:{trace.pc:#x}:{entries}:".encode())
        flash = bytearray(run.last.final.flash)
        hasher.update(self._geography.says(flash, State(state.leader), Merging.ROOM)[0])
        erased = {page for trace in run.traces for page, count in enumerate(trace.erases) if count}
        left = self._geography.bookkeeping | (set(state.open_pages) - erased)
        page_bytes = self._geography.page_bytes
        for page in sorted(left):
            flash[page * page_bytes : (page + 1) * page_bytes] = bytes(page_bytes)
        hasher.update(flash)
        return hasher.digest()


def _first_operation_ps(run: Run) -> int:
    """Return when the first operation of a run starts, since power-on; where there is none, when the run ends."""
    passed = 0
    for trace in run.traces:
        if len(trace.operations):
            return passed + trace.operations[0].start_ps
        passed += trace.time_ps
    return passed


_worker: Expander | None = None


def start_expander(scenario: PreparedScenario, settings: SearchSettings, calls: SharedCalls | None, deadline: float | None) -> Callable[[], None]:
    """Set up this process as a worker of a search; return what ends that."""
    global _worker
    _worker = Expander(scenario, settings, calls, deadline)
    return _worker.close


def expand(task: Task) -> Expansion:
    """Expand a state in this worker."""
    if _worker is None:
        raise RuntimeError("start_expander was not called in this process")
    return _worker.expand(task)


def repeat(task: Repeat) -> State:
    """Repeat a cut in this worker."""
    if _worker is None:
        raise RuntimeError("start_expander was not called in this process")
    return _worker.repeat(task)
