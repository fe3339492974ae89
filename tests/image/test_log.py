"""The log of a device whose updates are patches: what its bytes say, and that no tear makes them say more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.image.log import HEADER_BYTES, PLACE_BYTES, VALUE_END, LogState, PlaceKind, Stage, delivery_pool, log_page, place
from harness.image.pool import read_pool

PAGE_BYTES = 1024
STATES = st.builds(
    LogState,
    counter=st.integers(0, VALUE_END - 1),
    stage=st.sampled_from(Stage),
    closed=st.integers(0, 255),
    steps=st.integers(0, 0xFFFF),
    scratch=st.integers(0, 255),
    inverted=st.booleans(),
    cursor=st.integers(0, 255),
    key=st.integers(0, 15),
)


def said(pool: bytes) -> LogState:
    """Return what the log of a pool says."""
    return read_pool(pool, page_bytes=PAGE_BYTES).state


@given(STATES)
def test_a_page_says_what_it_was_made_from(state: LogState) -> None:
    """Every state survives its bytes."""
    assert said(log_page(state, 1, page_bytes=PAGE_BYTES)) == state


def test_the_greatest_sequence_is_active() -> None:
    """Of two log pages the later one counts, wherever it lies; a page without the mark is none."""
    old, new = (log_page(LogState(counter), counter, page_bytes=PAGE_BYTES) for counter in (3, 4))
    assert said(new + old).counter == 4
    assert said(old + new).counter == 4
    assert said(old + b"\xff" + new[1:]).counter == 3


@pytest.mark.parametrize(("free", "blank_bytes"), [(0, 0), (2, 2 * PLACE_BYTES)])
def test_filled_pages_say_the_same(free: int, blank_bytes: int) -> None:
    """A page that cuts have filled with torn places keeps its state and has the places left that it should."""
    state = LogState(7, Stage.PENDING)
    pool = delivery_pool(state, page_bytes=PAGE_BYTES, pages=7, free_places=free)
    assert said(pool) == state
    assert PAGE_BYTES - len(pool[:PAGE_BYTES].rstrip(b"\xff")) == blank_bytes + (PAGE_BYTES - HEADER_BYTES) % PLACE_BYTES


@given(st.integers(0, VALUE_END - 1), st.binary(min_size=PLACE_BYTES, max_size=PLACE_BYTES))
def test_no_tear_forges_a_value(value: int, ones: bytes) -> None:
    """A place with ones added anywhere says its own value or nothing."""
    page = log_page(LogState(1), 1, page_bytes=PAGE_BYTES)
    torn = bytes(byte | one for byte, one in zip(place(PlaceKind.COUNTER, value), ones, strict=True))
    used = HEADER_BYTES + 3 * PLACE_BYTES
    assert said(page[:used] + torn + page[used + PLACE_BYTES :]).counter in (1, value)


def test_values_end_at_48_bits() -> None:
    """A greater value is refused, not cut."""
    with pytest.raises(ValueError, match="48 bits"):
        place(PlaceKind.COUNTER, VALUE_END)
