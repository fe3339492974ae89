"""A pool as a boot finds it: two readers agree on what it says under any tear, and room, doubt and unused pages are told."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given

from harness.image.log import HEADER_BYTES, PLACE_BYTES, LogState, PlaceKind, Stage, delivery_pool, log_page, place, read_log
from harness.image.pool import PlaceState, read_place, read_pool
from tests.strategies import pools

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


@given(pools(page_bytes=PAGE_BYTES, pages=PAGES))
def test_both_readers_of_a_pool_agree_whatever_it_holds(pool: bytes) -> None:
    """But for the cursor where no phase says it: the firmware begins with the last page."""
    found, expected = read_pool(pool, page_bytes=PAGE_BYTES), read_log(pool, page_bytes=PAGE_BYTES)

    assert dataclasses.replace(found.state, cursor=0) == dataclasses.replace(expected, cursor=0)
    assert found.state.cursor == expected.cursor or found.active is None


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


def test_where_no_page_counts_the_log_begins() -> None:
    """A blank pool has no active page and no room; the first page to be taken is page 0."""
    blank = read_pool(b"\xff" * PAGES * PAGE_BYTES, page_bytes=PAGE_BYTES)

    assert (blank.active, blank.room, blank.settled, blank.state) == (None, 0, True, LogState(cursor=PAGES - 1))
    assert read_pool(delivery_pool(STATE, page_bytes=PAGE_BYTES, pages=PAGES, free_places=2), page_bytes=PAGE_BYTES).room == 2
