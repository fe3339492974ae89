"""The states that one more cut makes of a run: every operation with every tear, those that are taken for one counted together."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Iterator

from harness.campaign.search.child import Child, Meeting, digest_of_pages
from harness.campaign.search.state import Geography, Merging, State, places_taken
from harness.device.memory import DisturbedCells
from harness.fault.cells import Torn
from harness.fault.disturbed import still_disturbed
from harness.fault.faults import Fault, Tear
from harness.fault.moments import moments_of
from harness.fault.plan import TearChoice
from harness.fault.tears import tear_operation
from harness.fault.write_count import CellHistory, HistoryLog, history_after, history_of, history_of_cut
from harness.machine.operation_log import columns_of
from harness.machine.protocol import Operation, OperationKind, Trace
from harness.oracle.run import CutWear, Run
from harness.scenario.prepared import APPLICATION_DOMAIN

_PAGE_ERASES = (OperationKind.PAGE_ERASE, OperationKind.MASS_ERASE)
_WITHOUT_TIME = (Tear.NONE, Tear.ALL)
_SAMPLED = 256
"""One of so many states that are taken for another one is booted all the same."""
_MOST_APART = 1024
"""Most states of one run that are told apart by their bytes to be booted, each, and compared; where there are more, so many of them."""


class ChildFinder:
    """Finds the children of one run.

    Args:
        apart: tell all states apart whose bytes differ: only for a state that needs a close look.
        pick: find only what this fault leaves, given by its number among all of the run or by itself; None: what any leaves.
        one_by_one: make each child, also those of which the bookkeeping says at once what they are taken for.
        join: walk no further than to where the bookkeeping has come to say something else, for good: a cut there leaves a state that is booted itself.
        in_time: called again and again; raises where the time is over.

    Attributes:
        found: by key, and by bytes where they are told apart.
        faults: all of the run as far as it was walked. clock_ps: virtual time of the run as far as it was walked.
        first: what a cut before the first operation leaves, or what is counted with that. meeting: where the walk ended early.
    """

    def __init__(
        self,
        geography: Geography,
        run: Run,
        state: State,
        tears: TearChoice,
        seed: int,
        merging: Merging,
        *,
        apart: bool = False,
        pick: Fault | int | None = None,
        one_by_one: bool = False,
        join: bool = False,
        in_time: Callable[[], None] = lambda: None,
    ) -> None:
        self.found: dict[bytes, Child] = {}
        self.faults = 0
        self.clock_ps = 0
        self.first: Child | None = None
        self.meeting: Meeting | None = None
        self._join = join and not state.disturbed
        self._geography = geography
        self._run = run
        self._state = state
        self._tears = tears
        self._seed = seed
        self._merging = merging
        self._apart = apart
        self._pick = pick
        self._in_time = in_time
        self._one_by_one = one_by_one or apart or pick is not None or merging is Merging.BYTES or not geography.bookkeeping
        self._alike: dict[Hashable, Child] = {}
        self._elsewhere = 0  # a number for all that is not in the bookkeeping: another one after each change
        self._draw = zlib.crc32(digest_of_pages(state.pages))
        self._counts: dict[OperationKind, int] = {}
        self._erases = 0
        self._columns = columns_of(())
        self._pages: dict[int, bytes] = {}
        self._changed: set[int] = set()
        self._finished: Child | None = None  # what the last program leaves, finished: so does a cut before the next operation
        self._begins = geography.meaning(run.start.flash)
        self._end = geography.meaning(run.final_flash)
        self._erases_in_all = sum(sum(trace.erases) for trace in run.traces)
        self._counter, self._module_counter = state.counter, state.module_counter
        self._open = set(state.open_pages)
        self._touched = {page for page, _ in state.pages}
        self._flash = bytearray()
        self._option_bytes = bytearray()
        self._disturbed: tuple[DisturbedCells, ...] = ()
        self._silent: frozenset[DisturbedCells] = frozenset()
        self._histories = HistoryLog(CellHistory(), (), geography.flash_map)

    def find(self) -> None:
        """Walk through the run, operation by operation."""
        started_ps = 0
        for boot, trace in enumerate(self._run.traces):
            self._power_on(boot)
            self.clock_ps = started_ps
            for stretch in self._stretches(trace):
                self._in_time()
                if len(stretch) > 1:
                    self._cut_page(boot, trace, stretch, started_ps)
                else:
                    self._cut(boot, trace.operations[stretch.start], started_ps, trace)
                if self._is_over(boot, trace, stretch.stop, started_ps):
                    return
            started_ps += trace.time_ps
        self._spread()

    def _is_over(self, boot: int, trace: Trace, following: int, started_ps: int) -> bool:
        if isinstance(self._pick, Fault):
            return bool(self.found)
        return self._join and self._meets(boot, trace, following, started_ps)

    def _meets(self, boot: int, trace: Trace, following: int, started_ps: int) -> bool:
        """Tell whether the run has come to a state that is booted itself: the bookkeeping says something else than at its start, and nothing is in doubt."""
        last = self._finished
        if last is None or following == len(trace.operations) or last.meaning.says == self._begins.says or any(last.meaning.again):
            return False
        if any(self._columns.addresses[following] in free for free in last.meaning.free):
            return False  # the next record follows at once: the two may belong together
        at_ps = started_ps + trace.operations[following].start_ps
        self.meeting = Meeting(list(self.found.values()).index(last), boot, following, self._erases, self.clock_ps, at_ps)
        return True

    def _spread(self) -> None:
        """Where more are told apart than are needed, ask for some only, whichever kind they are of: those with the least digests."""
        sampled = sorted((child for child in self.found.values() if child.sampled), key=lambda child: child.content)
        for child in sampled[_MOST_APART:]:
            child.sampled = False

    def _power_on(self, boot: int) -> None:
        start = self._run.state_before_boot(boot)
        self._flash = bytearray(start.flash)
        self._option_bytes = bytearray(start.option_bytes)
        self._disturbed = start.disturbed
        self._silent = self._geography.silent(self._flash, start.disturbed)
        operations = self._run.traces[boot].operations
        self._columns = columns_of(operations)
        self._histories = HistoryLog(history_of(start), operations, self._geography.flash_map)
        self._pages, self._changed = {}, set(self._touched)
        self._elsewhere += 1
        self._finished = None
        if not start.disturbed:
            self._raise_counters()

    def _raise_counters(self) -> None:
        self._counter = max(self._counter, self._geography.counter(self._flash))
        self._module_counter = max(self._module_counter, self._geography.module_counter(self._flash))

    def _stretches(self, trace: Trace) -> Iterator[range]:
        """Yield the operations one by one; but the erase of a page that may be left open, and the programs of that page behind it, together.

        So are programs of a page of the bookkeeping that nothing rests on, behind its head.
        """
        entered = {entry.operations for entry in trace.entries if entry.domain == APPLICATION_DOMAIN}
        kinds, addresses = self._columns.kinds, self._columns.addresses
        first, count = 0, len(addresses)
        while first < count:
            end = first + 1
            page = self._geography.page_at(addresses[first])
            if kinds[first] == OperationKind.PAGE_ERASE and page in self._geography.may_be_open:
                inside = self._geography.addresses_of(page)
                while end < count and kinds[end] == OperationKind.PROGRAM and addresses[end] in inside and end not in entered:
                    end += 1
            elif kinds[first] == OperationKind.PROGRAM and not self._disturbed:
                unused = self._geography.unused(self._flash, page)
                while unused and end < count and kinds[end] == OperationKind.PROGRAM and addresses[end] in unused and end not in entered:
                    end += 1
                end = end if addresses[first] in unused else first + 1
            yield range(first, end)
            first = end

    def _cut_page(self, boot: int, trace: Trace, stretch: range, started_ps: int) -> None:
        """Count all cuts of a stretch as one child, made by a cut in its middle: they differ in that one page."""
        self._finished = None
        first, last = trace.operations[stretch[0]], trace.operations[stretch[-1]]
        faults = self._count(first) + (len(stretch) - 1) * self._count(last)
        chosen = self._one_of(boot, trace, stretch)
        child: Child | None = None
        if chosen is not None:
            self._execute_all(trace, range(stretch.start, chosen.operation))
            child = self._child(chosen, trace.operations[chosen.operation], self._open | {self._geography.page_of(first)})
        self._execute_all(trace, stretch if chosen is None else range(chosen.operation, stretch.stop))
        ends_ps = started_ps + last.start_ps + last.duration_ps
        if child is not None:
            child.add(child.fault, self._erases, self.clock_ps, ends_ps, faults)
            self.first = self.first or child
        self.faults += faults
        self.clock_ps = ends_ps

    def _execute_all(self, trace: Trace, some: range) -> None:
        """Execute some operations of a stretch: the erase, if it is among them, ends what was disturbed; the programs only write."""
        columns = self._columns
        programs = some
        if some and columns.kinds[some.start] != OperationKind.PROGRAM:
            self._execute(trace.operations[some.start])
            programs = some[1:]
        columns.program(self._flash, self._geography.flash_address, programs)
        self._elsewhere += 1
        self._changed.update(map(self._geography.page_at, columns.addresses[some.start : some.stop][:1]))

    def _one_of(self, boot: int, trace: Trace, stretch: range) -> Fault | None:
        """Return the fault that stands for all faults of a page: the one that is wanted, or a tear in the middle."""
        if self._pick is None:
            faults = self._faults(boot, trace, stretch[len(stretch) // 2])
            return next((fault for fault in faults if fault.tear not in _WITHOUT_TIME), faults[-1] if faults else None)
        if isinstance(self._pick, Fault):
            inside = self._pick.boot == boot and self._pick.operation in stretch
            return self._pick if inside and self._pick in self._faults(boot, trace, self._pick.operation) else None
        number = self._pick - self.faults
        for index in stretch if number >= 0 else ():
            count = self._count(trace.operations[index])
            if number < count:
                return self._faults(boot, trace, index)[number]
            number -= count
        return None

    def _faults(self, boot: int, trace: Trace, index: int) -> list[Fault]:
        return self._tears.faults(boot, trace.operations[index], self._seed)

    def _count(self, operation: Operation) -> int:
        """Return how many faults an operation has: as many as any of its kind."""
        if operation.kind not in self._counts:
            self._counts[operation.kind] = len(self._tears.faults(0, operation, self._seed))
        return self._counts[operation.kind]

    def _wanted(self, fault: Fault) -> bool:
        return self._pick is None or self._pick == (self.faults if isinstance(self._pick, int) else fault)

    def _cut(self, boot: int, operation: Operation, started_ps: int, trace: Trace) -> None:
        for entry in trace.entries:
            if entry.domain == APPLICATION_DOMAIN and entry.operations == operation.index:
                self._raise_counters()
                self._finished = None
        finished, self._finished = self._finished, None
        faults = self._tears.faults(boot, operation, self._seed)
        erased = self._geography.pages_erased(operation)
        for fault, (begins_ps, ends_ps) in zip(faults, moments_of(operation, faults, self.clock_ps - started_ps), strict=True):
            if self._wanted(fault):
                child = finished if finished is not None and fault.tear is Tear.NONE else self._child(fault, operation, self._open)
                self._finished = child if fault.tear is Tear.ALL and operation.kind is OperationKind.PROGRAM else None
                child.add(fault, self._erases + (erased if fault.tear is not Tear.NONE else 0), started_ps + begins_ps, started_ps + ends_ps)
                self.first = self.first or child
            self.faults += 1
        self._execute(operation)
        self.clock_ps = started_ps + operation.start_ps + operation.duration_ps

    def _execute(self, operation: Operation) -> None:
        array, offset = self._locate(operation)
        array[offset : offset + operation.size_bytes] = operation.new
        self._erases += self._geography.pages_erased(operation)
        if self._geography.page_of(operation) not in self._geography.bookkeeping:
            self._elsewhere += 1
        self._touched.update(self._geography.pages_in(operation))
        self._changed.update(self._geography.pages_in(operation))
        if self._disturbed:
            self._disturbed = still_disturbed(self._disturbed, [operation])
        if operation.kind in _PAGE_ERASES:
            self._open.difference_update(self._geography.pages_in(operation))

    def _child(self, fault: Fault, operation: Operation, open_pages: set[int]) -> Child:
        """Return the child that `fault` leaves, a new one or one that it is taken for."""
        torn = tear_operation(operation, fault, self._seed)
        array, offset = self._locate(operation)
        before = bytes(array[offset : offset + operation.size_bytes])
        array[offset : offset + operation.size_bytes] = torn.cells
        child = self._child_of_torn(fault, operation, torn, open_pages)
        array[offset : offset + operation.size_bytes] = before
        return child

    def _child_of_torn(self, fault: Fault, operation: Operation, torn: Torn, open_pages: set[int]) -> Child:
        """Return the child whose flash and option bytes are there now."""
        history = self._history_of(operation, fault, torn.cells)
        kept = still_disturbed(self._disturbed, [operation] if fault.tear is Tear.ALL else [])
        if not kept and not torn.disturbed and self._geography.unused(self._flash, self._geography.page_of(operation)):
            open_pages = open_pages | {self._geography.page_of(operation)}
        behind = [self._geography.behind_head(self._flash, page) for page in open_pages]

        def opened(address: int) -> bool:
            return any(address in span for span in behind)

        writes = tuple(entry for entry in history.writes if not opened(entry[0])) if behind else history.writes
        partial_erases = tuple(entry for entry in history.partial_erases if not opened(entry[0]))
        same = None if kept or torn.disturbed else self._what_decides(operation, (tuple(sorted(open_pages)), writes, partial_erases))
        drawn = self._is_drawn(fault)
        if same in self._alike and not drawn:
            return self._alike[same]
        state = State(
            leader=self._state.leader,
            pages=self._difference(self._geography.pages_in(operation)),
            option_bytes=bytes(self._option_bytes),
            disturbed=tuple(cells for cells in kept + torn.disturbed if not opened(cells.address)),
            writes=writes,
            partial_erases=partial_erases,
            open_pages=tuple(sorted(open_pages)),
            counter=self._counter,
            module_counter=self._module_counter,
            wear=CutWear(self._erases + (self._geography.pages_erased(operation) if fault.tear is not Tear.NONE else 0), self._erases_in_all),
        )
        child = self._taken_for(state, fault, drawn=drawn)
        if same is not None:
            self._alike[same] = child
        return child

    def _what_decides(self, operation: Operation, told: tuple[tuple[int, ...], tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]) -> Hashable:
        """Return all that decides what a state is taken for, while nothing but the bookkeeping changes; None where it takes more to tell.

        Args:
            told: open pages, write counts, and partial erases.
        """
        if self._one_by_one or self._geography.page_of(operation) not in self._geography.bookkeeping:
            return None
        open_pages, writes, partial_erases = told
        meaning, counters = self._geography.said(self._flash)
        matter = tuple(self._geography.writes_that_matter(writes, meaning))
        return (self._elsewhere, meaning.says, meaning.rooms, open_pages, matter, partial_erases, counters, self._counter, self._module_counter)

    def _is_drawn(self, fault: Fault) -> bool:
        """Tell whether what a fault leaves is booted even if it is taken for something else: one of so many."""
        return zlib.crc32(f"{fault.boot}.{fault.operation}{fault.tear}".encode(), self._draw) % _SAMPLED == 0

    def _difference(self, torn: range) -> tuple[tuple[int, bytes], ...]:
        """Return the pages that differ from the leader's; all but those of the torn operation are kept from one child to the next."""
        leader = self._state.leader
        for page in self._changed:
            self._pages.pop(page, None)
        self._pages.update(self._geography.difference(leader, self._flash, self._changed))
        self._changed = set(torn)
        pages = {page: content for page, content in self._pages.items() if page not in torn}
        pages.update(self._geography.difference(leader, self._flash, torn))
        return tuple(sorted(pages.items()))

    def _history_of(self, operation: Operation, fault: Fault, torn: bytes) -> CellHistory:
        before = self._histories.before(operation.index)
        if fault.tear is Tear.ALL:
            return history_after(before, [operation], self._geography.flash_map)
        return before if fault.tear is Tear.NONE else history_of_cut(before, operation, torn, self._geography.flash_map)

    def _taken_for(self, state: State, fault: Fault, *, drawn: bool) -> Child:
        key, meaning = self._geography.kind_of(self._flash, state, self._merging, self._silent)
        rooms = repr(meaning.rooms).encode()
        content = digest_of_pages(state.pages)
        place = key + rooms + (content if self._apart else b"")
        first = self.found.get(place)
        if first is None:
            first = self.found[place] = Child(state, fault, key, meaning, content, places_taken(meaning, self._end), fault, sampled=self._apart)
        elif content != first.content and drawn:
            # Taken for the first of its kind; a sample is booted all the same.
            left = places_taken(meaning, self._end)
            self.found.setdefault(place + content, Child(state, fault, key, meaning, content, left, fault, sampled=True))
        return first

    def _locate(self, operation: Operation) -> tuple[bytearray, int]:
        offset = operation.address - self._geography.flash_address
        if 0 <= offset < len(self._flash):
            return self._flash, offset
        return self._option_bytes, operation.address - self._geography.option_bytes_address
