"""What a search through states keeps of a state, and when it takes two states for one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from harness.campaign.search.readings import Readings
from harness.device.memory import DisturbedCells, NonVolatile
from harness.fault.flash_map import flash_map_of
from harness.machine.protocol import Operation, OperationKind
from harness.oracle.run import CutWear
from harness.scenario.prepared import Meaning, PreparedCase, PreparedScenario

KEY_BYTES = 16
_REMEMBERED = 4096
_SOME_PAGE = -1
_PAGE_ERASES = (OperationKind.PAGE_ERASE, OperationKind.MASS_ERASE)


class Merging(StrEnum):
    """Which states a search takes for one."""

    BYTES = "bytes"
    """Those that hold the same, but for pages that are erased before anything looks at them: this is proved for each."""
    MEANING = "meaning"
    """Also those whose bookkeeping says the same and has the same room left; a sample is booted and compared."""
    ROOM = "room"
    """Also those whose logs are filled differently, while there is room for more than a run writes; a closure has them, and compares."""


@dataclass(frozen=True, slots=True)
class State:
    """A non-volatile state of a search.

    Attributes:
        leader: index of the first of the cases that are judged alike and hold the same beside the bookkeeping; see `leaders_of`.
        pages: those that differ from the leader's flash, by number.
        option_bytes, disturbed, writes, partial_erases: see `NonVolatile`; without what is of the open pages.
        open_pages: pages whose content does not matter, if it is true that this state's boots erase them before anything looks at them; of a page of
            the bookkeeping, what lies behind its head, see `Geography.unused`.
        counter: the greatest that the device showed before. module_counter: the same of its modules; 0 where it loads none.
        wear: of the run that the last cut hit; None: no cut yet.
    """

    leader: int
    pages: tuple[tuple[int, bytes], ...] = ()
    option_bytes: bytes = b""
    disturbed: tuple[DisturbedCells, ...] = ()
    writes: tuple[tuple[int, int], ...] = ()
    partial_erases: tuple[tuple[int, int], ...] = ()
    open_pages: tuple[int, ...] = ()
    counter: int = 0
    module_counter: int = 0
    wear: CutWear | None = None

    def non_volatile(self, scenario: PreparedScenario) -> NonVolatile:
        """Return the whole state."""
        page_bytes = scenario.device.flash.page_bytes.value
        flash = bytearray(scenario.cases[self.leader].state.flash)
        for page, content in self.pages:
            flash[page * page_bytes : (page + 1) * page_bytes] = content
        return NonVolatile(bytes(flash), self.option_bytes, self.disturbed, self.writes, self.partial_erases)


class Geography:
    """Where things are in a scenario's flash, and what the bookkeeping in it says.

    Args:
        closed_pages: pages that must not be left open.

    Attributes:
        bookkeeping: numbers of the pages in which the firmware keeps its journals and counters.
        may_be_open: those of which only the firmware says what they are for: neither bookkeeping nor protected. None where nobody can tell
            what the bookkeeping says, for then nobody can tell where it is either.
    """

    def __init__(self, scenario: PreparedScenario, closed_pages: Iterable[int] = ()) -> None:
        self.flash_map = flash_map_of(scenario)
        self.flash_address, self.option_bytes_address = self.flash_map.flash_address, self.flash_map.option_bytes_address
        self.page_bytes = scenario.device.flash.page_bytes.value
        self.bookkeeping = self.pages_of(scenario, scenario.bookkeeping.regions if scenario.bookkeeping else ())
        self._scenario = scenario
        self._closed_pages = frozenset(closed_pages)
        self._bases = [case.state.flash for case in scenario.cases]
        pages = range(len(self._bases[0]) // self.page_bytes)
        guarded = self.bookkeeping | self.pages_of(scenario, scenario.protected) | self._closed_pages
        self.may_be_open = frozenset(pages) - guarded if scenario.bookkeeping else frozenset()
        self._readings = Readings(self.flash_address, self.page_at, self.bookkeeping, lambda flash: self._meaning(flash)[0])
        self._read: dict[bytes, tuple[Meaning, int, int]] = {}
        self._matter: dict[tuple[tuple[tuple[int, int], ...], tuple[range, ...]], list[tuple[int, int]]] = {}
        self._last_content = b""
        self._last_read = Meaning(b""), 0, 0
        self._kept_at = spans_of(self.bookkeeping, self.page_bytes)

    def pages_of(self, scenario: PreparedScenario, regions: Iterable[str]) -> frozenset[int]:
        """Return the numbers of the pages of some regions."""
        spans = (scenario.regions[name].addresses for name in regions)
        return frozenset(page for span in spans for page in range(self.page_at(span.start), self.page_at(span.stop - 1) + 1))

    def page_at(self, address: int) -> int:
        """Return the number of the page that holds an address; negative or too great outside of the flash."""
        return (address - self.flash_address) // self.page_bytes

    def addresses_of(self, page: int) -> range:
        """Return the addresses of a page."""
        start = self.flash_address + page * self.page_bytes
        return range(start, start + self.page_bytes)

    def page_of(self, operation: Operation) -> int:
        """Return the number of the page in which an operation starts."""
        return self.page_at(operation.address)

    def pages_in(self, operation: Operation) -> range:
        """Return the numbers of all pages of the flash that an operation changes."""
        if not 0 <= self.page_of(operation) * self.page_bytes < len(self._bases[0]):
            return range(0)
        return range(self.page_of(operation), self.page_at(operation.address + operation.size_bytes - 1) + 1)

    def unused(self, flash: bytearray, page: int) -> range:
        """Return the addresses of a page of the bookkeeping whose content, as the bookkeeping says, decides nothing: all behind its head."""
        if page not in self.bookkeeping or page in self._closed_pages:
            return range(0)
        return next((span for span in self._meaning(flash)[0].unused if self.page_at(span.start) == page), range(0))

    def head_bytes(self, flash: bytearray, page: int) -> int:
        """Return how much of an open page a boot may look at: the head of a page of the bookkeeping, nothing of another."""
        unused = self.unused(flash, page)
        return (unused.start - self.flash_address) % self.page_bytes if unused else 0

    def behind_head(self, flash: bytearray, page: int) -> range:
        """Return the addresses of an open page that no boot may look at."""
        start = self.flash_address + page * self.page_bytes
        return range(start + self.head_bytes(flash, page), start + self.page_bytes)

    def pages_erased(self, operation: Operation) -> int:
        """Return how many pages an operation erases."""
        return operation.size_bytes // self.page_bytes if operation.kind in _PAGE_ERASES else 0

    def difference(self, leader: int, flash: bytearray, pages: Iterable[int]) -> tuple[tuple[int, bytes], ...]:
        """Return those of `pages` that differ from the leader's flash, in order."""
        base = self._bases[leader]
        spans = ((page, slice(page * self.page_bytes, (page + 1) * self.page_bytes)) for page in sorted(pages))
        return tuple((page, bytes(flash[span])) for page, span in spans if flash[span] != base[span])

    def counter(self, flash: bytearray) -> int:
        """Return the counter that a flash shows."""
        return self._meaning(flash)[1]

    def module_counter(self, flash: bytearray) -> int:
        """Return the modules' counter that a flash shows; 0 where no module is loaded."""
        return self._meaning(flash)[2]

    def meaning(self, flash: bytes) -> Meaning:
        """Return what the bookkeeping of a flash says."""
        return self._meaning(bytearray(flash))[0]

    def said(self, flash: bytearray) -> tuple[Meaning, tuple[int, int]]:
        """Return what the bookkeeping of a flash says, the counter, and that of the modules."""
        meaning, counter, module_counter = self._meaning(flash)
        return meaning, (counter, module_counter)

    def silent(self, flash: bytearray, disturbed: tuple[DisturbedCells, ...]) -> frozenset[DisturbedCells]:
        """Return those disturbed cells of the bookkeeping that decide nothing, whatever they read."""
        return self._readings.silent(flash, disturbed) if disturbed and self._scenario.bookkeeping else frozenset()

    def says(self, flash: bytearray, state: State, merging: Merging, silent: frozenset[DisturbedCells] = frozenset()) -> tuple[bytes, Meaning, int]:
        """Return what tells the bookkeeping of two states apart, its meaning, and the counter."""
        meaning, counter, _ = self._meaning(flash)
        if merging is Merging.BYTES or self._scenario.bookkeeping is None:
            return self._bytes_of(self._without_open(flash, state.open_pages)), Meaning(b""), counter
        if state.disturbed:
            meaning = self._readings.meaning(flash, state.disturbed, silent)
        return meaning.says, meaning, counter

    def kind_of(self, flash: bytearray, state: State, merging: Merging, silent: frozenset[DisturbedCells] = frozenset()) -> tuple[bytes, Meaning]:
        """Return what a state has in common with those that it is taken for, rooms apart, and what its bookkeeping says."""
        says, meaning, counter = self.says(flash, state, merging, silent)
        module_counter = self.module_counter(flash)
        unreached = (
            state.counter if state.disturbed or counter < state.counter else 0,
            state.module_counter if state.disturbed or module_counter < state.module_counter else 0,
        )
        others = [(page, content) for page, content in state.pages if page not in state.open_pages and page not in self.bookkeeping]
        told = bool(meaning.says)  # what is disturbed in the bookkeeping is part of what it says
        disturbed = [cells for cells in state.disturbed if not told or self.page_at(cells.address) not in self.bookkeeping]
        if told and not self.bookkeeping.isdisjoint(state.open_pages):
            # That a page of the bookkeeping is open has to be shown by booting one such state, whichever page it is.
            state = replace(state, open_pages=tuple(_SOME_PAGE if page in self.bookkeeping else page for page in state.open_pages))
        return key_of(state, says, others, unreached, self.writes_that_matter(state.writes, meaning), disturbed), meaning

    def writes_that_matter(self, writes: tuple[tuple[int, int], ...], meaning: Meaning) -> list[tuple[int, int]]:
        """Return the write counts that can show: of bookkeeping only those where a record is still to go, told by their place among the free ones."""
        if not meaning.says or not writes:
            return list(writes)
        asked = (writes, meaning.free)  # neighbouring states share them
        if asked not in self._matter:
            if len(self._matter) > _REMEMBERED:
                self._matter.clear()
            self._matter[asked] = self._matter_of(*asked)
        return self._matter[asked]

    def _matter_of(self, writes: tuple[tuple[int, int], ...], all_free: tuple[range, ...]) -> list[tuple[int, int]]:
        matter = []
        for address, count in writes:
            if self.page_at(address) not in self.bookkeeping:
                matter.append((address, count))
            matter += [(number << 32 | address - free.start, count) for number, free in enumerate(all_free) if address in free]
        return matter

    def _meaning(self, flash: bytearray) -> tuple[Meaning, int, int]:
        """Return what the bookkeeping says, the counter, and that of the modules."""
        if not self.bookkeeping:
            return Meaning(b""), *self._counters(bytes(flash))
        content = self._bytes_of(flash)
        if content == self._last_content:  # asked for several times in a row: that is compared sooner than it is hashed
            return self._last_read
        digest = hashlib.blake2b(content, digest_size=KEY_BYTES).digest()  # thousands of pools would fill the memory
        read = self._read.get(digest)
        if read is None:
            if len(self._read) > _REMEMBERED:
                self._read.clear()
            whole = bytes(flash)
            meaning = self._scenario.bookkeeping.meaning(whole) if self._scenario.bookkeeping else Meaning(b"")
            read = self._read[digest] = meaning, *self._counters(whole)
        self._last_content, self._last_read = content, read
        return read

    def _counters(self, flash: bytes) -> tuple[int, int]:
        modules = self._scenario.modules
        return self._scenario.format.counter(flash), 0 if modules is None else modules.counter(flash)

    def _without_open(self, flash: bytearray, open_pages: Iterable[int]) -> bytearray:
        """Return a flash in which nothing is left of what open pages of the bookkeeping hold behind their heads."""
        spans = [span for page in open_pages if (span := self.unused(flash, page))]
        if not spans:
            return flash
        blanked = bytearray(flash)
        for span in spans:
            blanked[span.start - self.flash_address : span.stop - self.flash_address] = bytes(len(span))
        return blanked

    def _bytes_of(self, flash: bytearray) -> bytes:
        """Return all bytes that decide about counter and journal: those of the bookkeeping, or all there are."""
        if not self.bookkeeping:
            return bytes(flash)
        return b"".join([flash[span] for span in self._kept_at])


def spans_of(pages: Iterable[int], page_bytes: int) -> list[slice]:
    """Return where pages are in a flash, those side by side as one."""
    spans: list[slice] = []
    for page in sorted(pages):
        start = page * page_bytes
        first = spans.pop().start if spans and spans[-1].stop == start else start
        spans.append(slice(first, start + page_bytes))
    return spans


def leaders_of(scenario: PreparedScenario) -> tuple[int, ...]:
    """Return, for each case, the first case that is judged alike: the same end, images and counter, and the same flash outside the bookkeeping."""
    geography = Geography(scenario)
    first: dict[tuple[object, ...], int] = {}
    return tuple(first.setdefault(_judgement(scenario, case, geography), index) for index, case in enumerate(scenario.cases))


def _judgement(scenario: PreparedScenario, case: PreparedCase, geography: Geography) -> tuple[object, ...]:
    rest = bytearray(case.state.flash)
    for page in geography.bookkeeping - geography.pages_of(scenario, scenario.protected):  # what is protected is held against the case's own
        rest[page * geography.page_bytes : (page + 1) * geography.page_bytes] = bytes(geography.page_bytes)
    counter = scenario.format.counter(case.state.flash)
    host = None if case.peer is None else case.peer.identity
    images = (case.installed_digest, case.installed_version, case.staged_digest, case.refusal, case.rotates_key, case.module)
    return (case.end, images, host, counter, case.state.option_bytes, bytes(rest))


def key_of(
    state: State,
    says: bytes,
    others: Sequence[tuple[int, bytes]],
    unreached: tuple[int, int],
    writes: Sequence[tuple[int, int]],
    disturbed: Sequence[DisturbedCells],
) -> bytes:
    """Return what two states have in common that are taken for one, rooms apart.

    Args:
        writes: counts that matter, with addresses that are alike where the states are.
        says: what the bookkeeping says, or all its bytes. others: pages that differ from the leader's, in order, bookkeeping and open pages left out.
        unreached: the counter before, if the state does not show it any more, else 0; and that of the modules.
        disturbed: cells that matter, and are no part of `says`.
    """
    hasher = hashlib.blake2b(f"{state.leader}:{unreached}:{state.open_pages}:{len(says)}:".encode(), digest_size=KEY_BYTES)
    hasher.update(says + state.option_bytes + f"{sorted(writes)}:{state.partial_erases}:".encode())
    for cells in disturbed:
        hasher.update(f"{cells.state.value}:{cells.address:#x}:".encode() + cells.mask)
    hasher.update(b"".join([spelled_page(page, content) for page, content in others]))
    return hasher.digest()


@lru_cache(_REMEMBERED)
def spelled_page(page: int, content: bytes) -> bytes:
    """Return the number of a page and the digest of what it holds: neighbouring states share most of their pages."""
    return page.to_bytes(4, "little") + hashlib.blake2b(content, digest_size=KEY_BYTES).digest()


def places_taken(before: Meaning, after: Meaning) -> tuple[int | None, ...]:
    """Return how many places of each log were taken between two moments; None where the log went on in another page."""
    if not before.rooms or not after.rooms:
        return ()
    return tuple(
        max(0, had - has) if had_free.stop == has_free.stop else None
        for had, has, had_free, has_free in zip(before.rooms, after.rooms, before.free, after.free, strict=True)
    )


def label_of(key: bytes, rooms: tuple[int, ...], enough: tuple[int, ...]) -> bytes:
    """Return what all states have in common that are taken for one.

    Args:
        key: from `key_of`. enough: from how many free places on a log has room for more than a boot writes; empty: every place counts.
    """
    clipped = tuple(min(room, most) for room, most in zip(rooms, enough, strict=True)) if enough and rooms else rooms
    return key + repr(clipped).encode()


def start_of(scenario: PreparedScenario, index: int) -> State:
    """Return the state that a case starts with."""
    case = scenario.cases[index]
    leader = leaders_of(scenario)[index]
    geography = Geography(scenario)
    pages = geography.difference(leader, bytearray(case.state.flash), range(len(case.state.flash) // geography.page_bytes))
    counter, module_counter = scenario.format.counter(case.state.flash), geography.module_counter(bytearray(case.state.flash))
    return State(leader, pages, case.state.option_bytes, counter=counter, module_counter=module_counter)
