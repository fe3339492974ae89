"""A pool as everybody finds it (SPEC, "Pool and log"): what its log says, how much room it has, which pages nothing rests on, and what is written next."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from harness.image.log import HEADER_BYTES, MARK, PLACE_BYTES, LogState, PlaceKind, Stage, log_page, place

SNAPSHOT_PLACES = 4
"""Most places that settling a log takes."""
_PAGES_REMEMBERED = 512
_PLACES_REMEMBERED = 4096
_POOLS_REMEMBERED = 64
"""Counter, key and meaning are asked for one after the other."""
_BLANK_PLACE = b"\xff" * PLACE_BYTES
_ALL_ONES = 2**64 - 1


class PlaceState(IntEnum):
    """What a place proves, in the order of how much."""

    BLANK = 0
    INVALID = 1
    UNWITNESSED = 2
    COUNTS = 3
    CONFIRMED = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A place; kind and value mean something from `UNWITNESSED` on; it counts from `COUNTS` on."""

    state: PlaceState
    kind: int = 0
    value: int = 0
    counts: bool = False


@dataclass(frozen=True, slots=True)
class LogPage:
    """What a log page holds.

    Attributes:
        records: kind and value of the places that count, in order. used: places up to the last one that is not blank.
        settled: that one is confirmed; also where all are blank.
        sequence: greatest of a `page` place that counts; later: also of one without a witness. 0 where there is none.
    """

    records: tuple[tuple[int, int], ...]
    used: int
    settled: bool
    sequence: int
    later: int


@dataclass(frozen=True, slots=True)
class Pool:
    """What a pool says.

    Attributes:
        active: the page that the log is in; None where no page counts. settled: nothing has to be written again before the state may be relied upon.
        sequence: greatest that any page names, also without a witness; 0 where none does.
        half: pages that may come to count in another boot: their sequence is above the active one's; the lowest first.
        room: blank places behind the last used one. free: where they begin and end in the region.
        marked: pages that begin with a log page's mark.
    """

    state: LogState
    active: int | None
    sequence: int
    settled: bool
    half: tuple[int, ...]
    room: int
    free: tuple[int, int]
    marked: tuple[int, ...]


@lru_cache(_POOLS_REMEMBERED)
def read_pool(region: bytes, *, page_bytes: int) -> Pool:
    """Return what a boot makes of a pool of whole pages, as `log_read` of the firmware does."""
    pages = [region[start : start + page_bytes] for start in range(0, len(region), page_bytes)]
    logs = {number: _log_page(page) for number, page in enumerate(pages) if page.startswith(MARK)}
    active, sequence, latest = None, 0, 0
    for number, log in logs.items():
        latest = max(latest, log.later)
        if log.sequence > sequence:
            active, sequence = number, log.sequence
    half = () if latest == sequence else tuple(sorted((number for number in logs if logs[number].later > sequence), key=lambda number: logs[number].later))
    if active is None:
        return Pool(LogState(cursor=len(pages) - 1), None, latest, not half, half, 0, (0, 0), tuple(logs))
    log = logs[active]
    state = _state_of(log.records, len(pages) - 1)
    room = (page_bytes - HEADER_BYTES) // PLACE_BYTES - log.used
    first = active * page_bytes + HEADER_BYTES + log.used * PLACE_BYTES
    return Pool(state, active, latest, log.settled and not half, half, room, (first, first + room * PLACE_BYTES), tuple(logs))


def next_page(pool: Pool, pages: int) -> int:
    """Return the page that is taken next of so many, as `log_next_page` of the firmware does."""
    state, used = pool.state, {pool.active}
    if state.stage == Stage.BUILT:
        used.add(state.scratch)
    ring = [page % pages for page in range(state.cursor + 1, state.cursor + 1 + pages)]
    free = [page for page in ring if page not in used]
    return next((page for page in free if page not in pool.half), free[0])


def mark_pending(region: bytes, *, page_bytes: int) -> bytes:
    """Return the pool after a patch was staged: the log moved to the next page, where it is pending."""
    pool = read_pool(region, page_bytes=page_bytes)
    fresh = next_page(pool, len(region) // page_bytes)
    pending = LogState(pool.state.counter, Stage.PENDING, cursor=fresh, key=pool.state.key)
    return _with(region, fresh * page_bytes, log_page(pending, pool.sequence + 1, page_bytes=page_bytes))


def close_log(region: bytes, reason: int, *, page_bytes: int) -> bytes:
    """Return the pool with the place that closes an update behind the last used one of the active page, as the bootloader writes it.

    Raises:
        ValueError: no page is active, or it is full.
    """
    pool = read_pool(region, page_bytes=page_bytes)
    if not pool.room:
        raise ValueError("there is no place for a record in the log")
    closed = LogState(pool.state.counter, Stage.IDLE, closed=reason, cursor=pool.state.cursor, key=pool.state.key)
    return _with(region, pool.free[0], place(PlaceKind.PHASE, closed.phase))


@lru_cache(_PLACES_REMEMBERED)
def read_place(content: bytes) -> Place:
    """Return what the 28 bytes of a place prove."""
    payload, complement, witness = struct.unpack_from("<QQQ", content, 4)
    if payload ^ complement != _ALL_ONES:
        return Place(PlaceState.BLANK if content == _BLANK_PLACE else PlaceState.INVALID)
    state = PlaceState.CONFIRMED if witness == 0 else PlaceState.UNWITNESSED if witness == _ALL_ONES else PlaceState.COUNTS
    return Place(state, payload & 0xFFFF, payload >> 16, state >= PlaceState.COUNTS)


@lru_cache(_PAGES_REMEMBERED)
def _log_page(page: bytes) -> LogPage:
    count = (len(page) - HEADER_BYTES) // PLACE_BYTES
    content = page[HEADER_BYTES : HEADER_BYTES + count * PLACE_BYTES].rstrip(b"\xff")
    used = -(-len(content) // PLACE_BYTES)
    if not used:
        return LogPage((), 0, settled=True, sequence=0, later=0)
    # Pages that are read one after the other mostly differ in their last place only.
    end = HEADER_BYTES + used * PLACE_BYTES
    before, last = _places(page[HEADER_BYTES : end - PLACE_BYTES]), read_place(page[end - PLACE_BYTES : end])
    named = last.value if last.kind == PlaceKind.PAGE else 0
    return LogPage(
        records=(*before.records, (last.kind, last.value)) if last.counts else before.records,
        used=used,
        settled=last.state == PlaceState.CONFIRMED,
        sequence=max(before.sequence, named) if last.counts else before.sequence,
        later=max(before.later, named) if last.state >= PlaceState.UNWITNESSED else before.later,
    )


@lru_cache(_PAGES_REMEMBERED)
def _places(content: bytes) -> LogPage:
    """Return what places say, one after the other; whether they are settled, their last one says."""
    places = [read_place(content[start : start + PLACE_BYTES]) for start in range(0, len(content), PLACE_BYTES)]
    sequences = [(found.counts, found.value) for found in places if found.state >= PlaceState.UNWITNESSED and found.kind == PlaceKind.PAGE]
    return LogPage(
        records=tuple([(found.kind, found.value) for found in places if found.counts]),
        used=len(places),
        settled=False,
        sequence=max((value for counts, value in sequences if counts), default=0),
        later=max((value for _, value in sequences), default=0),
    )


@lru_cache(_PAGES_REMEMBERED)
def _state_of(records: tuple[tuple[int, int], ...], cursor: int) -> LogState:
    return LogState.of(records, cursor=cursor)


def _with(region: bytes, start: int, content: bytes) -> bytes:
    return region[:start] + content + region[start + len(content) :]
