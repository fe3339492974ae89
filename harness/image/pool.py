"""A pool as the firmware finds it (SPEC, "Pool and log"): what its log says, how much room it has, and which pages nothing rests on."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from harness.image.log import HEADER_BYTES, MARK, PLACE_BYTES, LogState, PlaceKind

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
        half: pages that may come to count in another boot: their sequence is above the active one's; the lowest first.
        room: blank places behind the last used one. free: where they begin and end in the region.
        marked: pages that begin with a log page's mark.
    """

    state: LogState
    active: int | None
    settled: bool
    half: tuple[int, ...]
    room: int
    free: tuple[int, int]
    marked: tuple[int, ...]


@lru_cache(_POOLS_REMEMBERED)
def read_pool(region: bytes, *, page_bytes: int) -> Pool:
    """Return what a boot makes of a pool, as `log_read` of the firmware does."""
    pages = [region[start : start + page_bytes] for start in range(0, len(region), page_bytes)]
    logs = {number: _log_page(page) for number, page in enumerate(pages) if page.startswith(MARK)}
    sequence = max((log.sequence for log in logs.values()), default=0)
    half = tuple(sorted((number for number, log in logs.items() if log.later > sequence), key=lambda number: logs[number].later))
    active = next((number for number, log in logs.items() if log.sequence == sequence > 0), None)
    if active is None:
        return Pool(LogState(cursor=len(pages) - 1), None, not half, half, 0, (0, 0), tuple(logs))
    log = logs[active]
    room = (page_bytes - HEADER_BYTES) // PLACE_BYTES - log.used
    first = active * page_bytes + HEADER_BYTES + log.used * PLACE_BYTES
    return Pool(_state_of(log.records), active, log.settled and not half, half, room, (first, first + room * PLACE_BYTES), tuple(logs))


@lru_cache(_PLACES_REMEMBERED)
def read_place(place: bytes) -> Place:
    """Return what the 28 bytes of a place prove."""
    payload, complement, witness = struct.unpack_from("<QQQ", place, 4)
    if payload ^ complement != _ALL_ONES:
        return Place(PlaceState.BLANK if place == _BLANK_PLACE else PlaceState.INVALID)
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
    sequences = [(place.counts, place.value) for place in places if place.state >= PlaceState.UNWITNESSED and place.kind == PlaceKind.PAGE]
    return LogPage(
        records=tuple([(place.kind, place.value) for place in places if place.counts]),
        used=len(places),
        settled=False,
        sequence=max((value for counts, value in sequences if counts), default=0),
        later=max((value for _, value in sequences), default=0),
    )


@lru_cache(_PAGES_REMEMBERED)
def _state_of(records: tuple[tuple[int, int], ...]) -> LogState:
    return LogState.of(records)
