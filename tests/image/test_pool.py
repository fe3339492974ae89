"""A pool as a boot finds it: room, doubt and unused pages are told, and what is written next goes where the firmware would write it.

That the firmware reads the same from any bytes: `tests/firmware/test_pool_reading.py`.
"""

from __future__ import annotations

import pytest

from harness.image.log import HEADER_BYTES, PLACE_BYTES, LogState, PlaceKind, Stage, delivery_pool, log_page, place
from harness.image.pool import PlaceState, close_log, mark_pending, next_page, read_place, read_pool

PAGE_BYTES = 256
PAGES = 5
PLACES = (PAGE_BYTES - HEADER_BYTES) // PLACE_BYTES
STATE = LogState(3, Stage.PENDING)
WHOLE = place(PlaceKind.COUNTER, 9)


def place_with(bytes_from_the_end_blank: int) -> bytes:
    """Return the place of counter 9, cut so many bytes before its end."""
    return WHOLE[: PLACE_BYTES - bytes_from_the_end_blank].ljust(PLACE_BYTES, b"\xff")


@pytest.mark.parametrize(
    ("blank", "state"),
    [
        (0, PlaceState.CONFIRMED),
        (1, PlaceState.COUNTS),
        (7, PlaceState.COUNTS),
        (8, PlaceState.UNWITNESSED),
        (16, PlaceState.INVALID),
        (PLACE_BYTES - 1, PlaceState.INVALID),
        (PLACE_BYTES, PlaceState.BLANK),
    ],
)
def test_how_far_a_place_was_written_decides_what_it_proves(blank: int, state: PlaceState) -> None:
    """As in the table of firmware/delta/place.h."""
    found = read_place(place_with(blank))

    assert found.state is state
    assert (found.kind, found.value) == ((PlaceKind.COUNTER, 9) if state >= PlaceState.UNWITNESSED else (0, 0))


@pytest.mark.parametrize(
    ("appended", "settled", "taken"), [(b"", True, 0), (WHOLE, True, 1), (place_with(1), False, 1), (place_with(8), False, 1), (place_with(27), False, 1)]
)
def test_a_log_is_in_doubt_while_its_last_record_is_not_confirmed(appended: bytes, settled: bool, taken: int) -> None:
    """And a torn record takes a place like any other."""
    page = log_page(STATE, 1, page_bytes=PAGE_BYTES)
    used = HEADER_BYTES + 3 * PLACE_BYTES
    pool = read_pool((page[:used] + appended).ljust(PAGES * PAGE_BYTES, b"\xff"), page_bytes=PAGE_BYTES)

    assert (pool.settled, pool.room) == (settled, PLACES - 3 - taken)
    assert pool.free == (used + taken * PLACE_BYTES, HEADER_BYTES + PLACES * PLACE_BYTES)
    assert pool.state.counter == (9 if appended in (WHOLE, place_with(1)) else 3)


def test_a_page_that_may_come_to_count_keeps_the_log_in_doubt() -> None:
    """A later page whose `page` place has no witness: half. One that is not later is not."""
    active = log_page(STATE, 5, page_bytes=PAGE_BYTES)
    used = HEADER_BYTES + 3 * PLACE_BYTES
    halves = {sequence: log_page(STATE, sequence, page_bytes=PAGE_BYTES)[: used - 8].ljust(PAGE_BYTES, b"\xff") for sequence in (4, 6, 7)}
    pool = read_pool(active + halves[7] + halves[4] + halves[6] + b"\xff" * PAGE_BYTES, page_bytes=PAGE_BYTES)

    assert (pool.active, pool.half, pool.settled) == (0, (3, 1), False)
    assert pool.marked == (0, 1, 2, 3)
    assert (pool.sequence, next_page(pool, PAGES)) == (7, 2)


def test_a_patch_is_staged_past_pages_that_may_come_to_count() -> None:
    """In a page that nothing rests on, with a later sequence than theirs: whichever of them comes to count is not the active page again."""
    active = log_page(STATE, 5, page_bytes=PAGE_BYTES)
    half = log_page(STATE, 6, page_bytes=PAGE_BYTES)[: HEADER_BYTES + 3 * PLACE_BYTES - 8].ljust(PAGE_BYTES, b"\xff")
    staged = mark_pending(active + half + b"\xff" * 3 * PAGE_BYTES, page_bytes=PAGE_BYTES)
    pool = read_pool(staged, page_bytes=PAGE_BYTES)

    assert staged[: 2 * PAGE_BYTES] == active + half
    assert (pool.active, pool.sequence, pool.half, pool.settled) == (2, 7, (), True)
    assert pool.state == LogState(3, Stage.PENDING, cursor=2)


@pytest.mark.parametrize("free", [None, 1])
def test_an_update_is_closed_in_the_next_place(free: int | None) -> None:
    """One place more, which is confirmed; nothing else changes."""
    before = delivery_pool(STATE, page_bytes=PAGE_BYTES, pages=PAGES, free_places=free)
    first, _ = read_pool(before, page_bytes=PAGE_BYTES).free
    after = close_log(before, 11, page_bytes=PAGE_BYTES)
    pool = read_pool(after, page_bytes=PAGE_BYTES)

    assert (pool.state, pool.settled) == (LogState(3, Stage.IDLE, closed=11), True)
    assert (after[:first], after[first + PLACE_BYTES :]) == (before[:first], before[first + PLACE_BYTES :])


@pytest.mark.parametrize("pool", [b"\xff" * PAGES * PAGE_BYTES, delivery_pool(STATE, page_bytes=PAGE_BYTES, pages=PAGES, free_places=0)])
def test_a_log_without_a_free_place_can_not_be_closed(pool: bytes) -> None:
    """None is active, or it is full."""
    with pytest.raises(ValueError, match="no place for a record"):
        close_log(pool, 11, page_bytes=PAGE_BYTES)


def test_where_no_page_counts_the_log_begins() -> None:
    """A blank pool has no active page and no room; the first page to be taken is page 0."""
    blank = read_pool(b"\xff" * PAGES * PAGE_BYTES, page_bytes=PAGE_BYTES)

    assert (blank.active, blank.room, blank.settled, blank.state) == (None, 0, True, LogState(cursor=PAGES - 1))
    assert next_page(blank, PAGES) == 0
    assert read_pool(delivery_pool(STATE, page_bytes=PAGE_BYTES, pages=PAGES, free_places=2), page_bytes=PAGE_BYTES).room == 2
