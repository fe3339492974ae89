"""The metadata region: counter pages and journal pages (SPEC sections 3 and 4), as pure bytes.

The region has four pages of equal size: 0 and 1 hold the counter, 2 and 3 the journal. Every record holds a value and its complement.
A tear only ever adds ones, so no torn record is valid. A place of the counter is two records of the same value, the second one the
witness that the first was written to its end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

PAGES = 4
COUNTER_RECORD_BYTES = 16
COUNTER_PLACE_BYTES = 2 * COUNTER_RECORD_BYTES
JOURNAL_RECORD_BYTES = 8
JOURNAL_HEADER_BYTES = 8

_COUNTER_PAGES = (0, 1)
_JOURNAL_PAGES = (2, 3)
_PAGES_REMEMBERED = 256
_REMEMBERED_BYTES = 8 * JOURNAL_RECORD_BYTES
"""What a journal says is remembered for every so many bytes of it."""


class JournalKind(IntEnum):
    """What a journal record says."""

    PENDING = 1
    STARTED = 2
    COPIED = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class JournalState:
    """What the active journal page says.

    Attributes:
        sequence: the page's number; 0 where no page has a valid header.
        pending: an image was staged, and nothing closed that update since.
        image_pages: pages of the image whose installation was started, 0 before.
        copied_pages: pages of the application region that hold the image.
        closed: how the last update was closed: 0 installed, else the reason of the refusal; None while open or where none was.
    """

    sequence: int = 0
    pending: bool = False
    image_pages: int = 0
    copied_pages: int = 0
    closed: int | None = None

    def after(self, kind: int, value: int) -> JournalState:
        """Return the state after one more record; a record that makes no sense in this state changes nothing."""
        match kind:
            case JournalKind.PENDING if value == 0:
                return JournalState(self.sequence, pending=True)
            case JournalKind.STARTED if self.pending and value:
                return JournalState(self.sequence, pending=True, image_pages=value)
            case JournalKind.COPIED if self.pending and self.image_pages and value <= self.image_pages:
                return JournalState(self.sequence, True, self.image_pages, value)
            case JournalKind.CLOSED:
                return JournalState(self.sequence, closed=value)
        return self


def counter_record(value: int) -> bytes:
    """Return the 16 bytes that record `value`, 0..2**64-1."""
    return struct.pack("<QQ", value, value ^ (2**64 - 1))


def counter_record_value(record: bytes) -> int | None:
    """Return the value of a 16-byte record, None if it is blank or torn."""
    value, complement = struct.unpack("<QQ", record)
    return int(value) if value ^ complement == 2**64 - 1 else None


def counter_place(value: int) -> bytes:
    """Return the 32 bytes of a place: `value`, 0..2**64-1, and its witness."""
    return 2 * counter_record(value)


def counter_place_value(place: bytes) -> int | None:
    """Return the value of a 32-byte place; None if it is blank or torn, or has no witness: then nothing shows that it was written to its end."""
    witness = place[COUNTER_RECORD_BYTES:]
    return counter_record_value(place[:COUNTER_RECORD_BYTES]) if witness.strip(b"\xff") else None


def journal_record(kind: int, value: int = 0) -> bytes:
    """Return the 8 bytes of a journal record."""
    return struct.pack("<HHHH", kind, value, kind ^ 0xFFFF, value ^ 0xFFFF)


def journal_record_value(record: bytes) -> tuple[int, int] | None:
    """Return kind and value of an 8-byte record, None if it is blank or torn."""
    kind, value, kind_complement, value_complement = struct.unpack("<HHHH", record)
    return (kind, value) if kind ^ kind_complement == value ^ value_complement == 0xFFFF else None


def journal_header(sequence: int) -> bytes:
    """Return the 8 bytes that make a journal page valid."""
    return struct.pack("<II", sequence, sequence ^ 0xFFFFFFFF)


def journal_header_value(header: bytes) -> int | None:
    """Return the sequence of a journal page's header, None if it is blank or torn."""
    sequence, complement = struct.unpack("<II", header)
    return int(sequence) if sequence ^ complement == 0xFFFFFFFF else None


def delivery_metadata(counter: int = 0, *, page_bytes: int = 1024) -> bytes:
    """Return the region as production leaves it: blank, but for one place of the counter unless `counter` is 0."""
    place = counter_place(counter) if counter else b""
    return place.ljust(PAGES * page_bytes, b"\xff")


def read_counter(metadata: bytes) -> int:
    """Return the greatest value of a place that counts, of both counter pages; 0 where there is none."""
    return max(_summary_of_counter_page(_page(metadata, number))[0] for number in _COUNTER_PAGES)


def read_journal(metadata: bytes) -> JournalState:
    """Return the state that the active journal page records; torn records and unknown kinds are skipped."""
    active = _active_journal_page(metadata)
    if active is None:
        return JournalState()
    return _state_of_journal_page(_page(metadata, active))


@dataclass(frozen=True, slots=True)
class MetadataMeaning:
    """What the region says, and how much room its logs have.

    Attributes:
        says: the counter, its page and whether it is confirmed; the active journal page (None where none is), and the update's state: pending,
            pages of the image, pages copied.
        counter_room, journal_room: blank places behind the last used one of those pages; what the other pages hold is erased before it is used.
        counter_free, journal_free: where in the region these places begin and end.
    """

    says: tuple[int, int, bool, int | None, bool, int, int]
    counter_room: int
    journal_room: int
    counter_free: tuple[int, int]
    journal_free: tuple[int, int]


def read_meaning(metadata: bytes) -> MetadataMeaning:
    """Return what the region says, apart from torn records, repeated ones and sequence numbers."""
    page_bytes = len(metadata) // PAGES
    (counter, page, confirmed), counter_room = _read_counter_pages(metadata[: _JOURNAL_PAGES[0] * page_bytes])
    active = _active_journal_page(metadata)
    content = b"" if active is None else _page(metadata, active)
    journal = JournalState() if active is None else _state_of_journal_page(content)
    journal_room = 0 if active is None else _room(content, JOURNAL_HEADER_BYTES, JOURNAL_RECORD_BYTES)
    counter_end, journal_end = (page + 1) * page_bytes, 0 if active is None else (active + 1) * page_bytes
    return MetadataMeaning(
        says=(counter, page, confirmed, active, journal.pending, journal.image_pages, journal.copied_pages),
        counter_room=counter_room,
        journal_room=journal_room,
        counter_free=(counter_end - counter_room * COUNTER_PLACE_BYTES, counter_end),
        journal_free=(journal_end - journal_room * JOURNAL_RECORD_BYTES, journal_end),
    )


@lru_cache(_PAGES_REMEMBERED)
def _read_counter_pages(pages: bytes) -> tuple[tuple[int, int, bool], int]:
    """Return the counter, its page and whether it is confirmed, and how many places of that page are blank behind the last used one."""
    contents = [pages[: len(pages) // 2], pages[len(pages) // 2 :]]
    summaries = [_summary_of_counter_page(content) for content in contents]
    counter = max(value for value, _, _ in summaries)
    page = min(_COUNTER_PAGES, key=lambda number: (summaries[number][0] != counter, summaries[number][1], number))
    confirmed = counter == 0 or any(value == counter and whole for value, _, whole in summaries)
    return (counter, page, confirmed), _room(contents[page], 0, COUNTER_PLACE_BYTES)


@lru_cache(_PAGES_REMEMBERED)
def _summary_of_counter_page(page: bytes) -> tuple[int, int, bool]:
    """Return the greatest value that counts (0: none does), the first place that holds it, and whether any such place has a valid witness."""
    places = _records(page, COUNTER_PLACE_BYTES)
    values = [counter_place_value(place) or 0 for place in places]
    greatest = max(values)
    holding = [number for number, value in enumerate(values) if value == greatest]
    confirmed = any(counter_record_value(places[number][COUNTER_RECORD_BYTES:]) == greatest for number in holding)
    return greatest, holding[0] if greatest else 0, confirmed


def _state_of_journal_page(page: bytes) -> JournalState:
    return _state_after(page[: len(page) - _room(page, JOURNAL_HEADER_BYTES, JOURNAL_RECORD_BYTES) * JOURNAL_RECORD_BYTES])


@lru_cache(_PAGES_REMEMBERED)
def _state_after(written: bytes) -> JournalState:
    """Return the state after a header and the records behind it. A journal grows at its end: what comes before the last few records is remembered."""
    if len(written) <= JOURNAL_HEADER_BYTES:
        return JournalState(journal_header_value(written) or 0)
    before = max(JOURNAL_HEADER_BYTES, (len(written) - 1) // _REMEMBERED_BYTES * _REMEMBERED_BYTES)
    state = _state_after(written[:before])
    for kind, value, kind_complement, value_complement in struct.iter_unpack("<HHHH", written[before:]):
        if kind ^ kind_complement == value ^ value_complement == 0xFFFF:
            state = state.after(kind, value)
    return state


def _room(page: bytes, header_bytes: int, record_bytes: int) -> int:
    """Return how many places are blank behind the last used one."""
    return (len(page) - max(header_bytes, len(page.rstrip(b"\xff")))) // record_bytes


def mark_pending(metadata: bytes) -> bytes:
    """Return the region after an image was staged: a fresh journal page, prepared as SPEC section 4 says, that says pending."""
    active = _active_journal_page(metadata)
    fresh = _JOURNAL_PAGES[1] if active == _JOURNAL_PAGES[0] else _JOURNAL_PAGES[0]
    page = journal_header((read_journal(metadata).sequence + 1) % 2**32) + journal_record(JournalKind.PENDING)
    return _with_page(metadata, fresh, page)


def close_journal(metadata: bytes, reason: int) -> bytes:
    """Return the region with a closing record behind the last used place of the active journal page, as the bootloader writes it.

    Raises:
        ValueError: no journal page is active, or it is full.
    """
    active = _active_journal_page(metadata)
    page = b"" if active is None else _page(metadata, active)
    used = -(-len(page.rstrip(b"\xff")) // JOURNAL_RECORD_BYTES) * JOURNAL_RECORD_BYTES
    if active is None or used >= len(page):
        raise ValueError("there is no place for a record in the journal")
    return _with_page(metadata, active, page[:used] + journal_record(JournalKind.CLOSED, reason))


def fill_counter_page(metadata: bytes, *, free_places: int) -> bytes:
    """Return the region with torn places appended to the page of the greatest value, until `free_places` are blank.

    A page gets into this state by cuts while the counter was advanced; its value does not change.

    Raises:
        ValueError: fewer places are blank already.
    """
    values = {number: _greatest(_page(metadata, number)) for number in _COUNTER_PAGES}
    number = max(_COUNTER_PAGES, key=lambda page: (-1 if values[page] is None else values[page], -page))
    torn = _torn(counter_record(min((values[number] or 0) + 1, 2**64 - 2))).ljust(COUNTER_PLACE_BYTES, b"\xff")  # a value of all ones would be blank
    return _with_page(metadata, number, _filled(_page(metadata, number), 0, torn, free_places))


def fill_journal_page(metadata: bytes, *, free_records: int) -> bytes:
    """Return the region with torn records appended to the active journal page, until `free_records` places are blank.

    A page gets into this state by cuts while its records were written; what it says does not change.

    Raises:
        ValueError: fewer places are blank already, or no journal page is active.
    """
    active = _active_journal_page(metadata)
    if active is None:
        raise ValueError("no journal page is active: mark an image as pending first")
    torn = _torn(journal_record(JournalKind.STARTED, 1))
    return _with_page(metadata, active, _filled(_page(metadata, active), JOURNAL_HEADER_BYTES, torn, free_records))


def _torn(record: bytes) -> bytes:
    """Return a record as a cut between its value and its complement leaves it: invalid and not blank."""
    half = len(record) // 2
    return record[:half] + b"\xff" * half


def _filled(page: bytes, header_bytes: int, record: bytes, free_records: int) -> bytes:
    """Return the page with copies of `record` from its first free place on."""
    records = _records(page[header_bytes:], len(record))
    used = max((place + 1 for place, old in enumerate(records) if old.strip(b"\xff")), default=0)
    added = len(records) - used - free_records
    if free_records < 0 or added < 0:
        raise ValueError(f"{free_records} of {len(records)} places can't be left free: {used} are used")
    start = header_bytes + used * len(record)
    return page[:start] + record * added


def _active_journal_page(metadata: bytes) -> int | None:
    """Return the number of the journal page with a valid header and the later sequence; sequences wrap."""
    first, second = (journal_header_value(_page(metadata, number)[:JOURNAL_HEADER_BYTES]) for number in _JOURNAL_PAGES)
    if second is None:
        return None if first is None else _JOURNAL_PAGES[0]
    return _JOURNAL_PAGES[1] if first is None or 0 < (second - first) % 2**32 < 2**31 else _JOURNAL_PAGES[0]


def _greatest(page: bytes) -> int | None:
    values = [counter_place_value(place) for place in _records(page, COUNTER_PLACE_BYTES)]
    return max((value for value in values if value is not None), default=None)


def _records(area: bytes, record_bytes: int) -> list[bytes]:
    whole = len(area) - len(area) % record_bytes
    return [area[start : start + record_bytes] for start in range(0, whole, record_bytes)]


def _page(metadata: bytes, number: int) -> bytes:
    page_bytes = len(metadata) // PAGES
    return metadata[number * page_bytes : (number + 1) * page_bytes]


def _with_page(metadata: bytes, number: int, page: bytes) -> bytes:
    """Return the region with a page replaced; `page` is filled up with blank bytes."""
    page_bytes = len(metadata) // PAGES
    start = number * page_bytes
    return metadata[:start] + page.ljust(page_bytes, b"\xff") + metadata[start + page_bytes :]
