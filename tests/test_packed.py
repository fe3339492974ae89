"""A packed list holds what a list holds, in little memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.packed import PackedList


@given(st.integers(0, 1500), st.integers(-1600, 1600), st.integers(-1600, 1600), st.sampled_from([None, -300, -1, 1, 7, 256]))
def test_a_packed_list_holds_what_a_list_holds(length: int, first: int, last: int, step: int | None) -> None:
    """Length, items, slices, order and equality are those of a list, over as many blocks as it takes."""
    plain = [(number, f"item {number % 5}") for number in range(length)]
    packed = PackedList(plain)

    assert (len(packed), list(packed), packed == plain, packed == [*plain, (0, "")]) == (length, plain, True, False)
    assert packed[first:last:step] == plain[first:last:step]
    assert [packed[place] for place in range(-length, length)] == plain + plain


def test_a_packed_list_grows_behind_what_was_looked_up() -> None:
    """Items that come later are found beside those that were looked up before, also across the end of a block."""
    packed: PackedList[int] = PackedList()
    for number in range(600):
        packed.append(number)
        assert (packed[number], packed[0], packed[-1]) == (number, 0, number)


def test_there_is_nothing_behind_the_end() -> None:
    """A place that does not exist is refused as by a list."""
    packed = PackedList(range(300))
    for place in (300, -301):
        with pytest.raises(IndexError, match=f"item {place} of 300"):
            packed[place]


def test_items_that_are_alike_take_a_fraction_of_their_memory() -> None:
    """The check of the bound itself: ten thousand lines of a hundred characters that differ in their number."""
    assert PackedList(f"{number:0100}" for number in range(10_000)).size_bytes < 10_000 * 10
