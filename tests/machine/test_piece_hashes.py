"""The hashes of a flash array's pieces."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from harness.machine.piece_hashes import PieceHashes

ARRAYS = st.builds(
    lambda pieces, rest, kind: kind(b"".join(bytes([number]) * 8 for number in pieces) + rest),
    st.lists(st.integers(0, 2), max_size=5),
    st.binary(max_size=9),
    st.sampled_from([bytes, bytearray]),
)


@given(st.lists(ARRAYS, max_size=8))
def test_each_array_has_the_hashes_that_it_has_alone(arrays: list[bytes]) -> None:
    """Whatever the array before it was, of whatever size."""
    hashes = PieceHashes(8)

    for flash in arrays:
        assert hashes.of(flash) == [hashlib.sha256(flash[start : start + 8]).digest() for start in range(0, len(flash), 8)]


def test_an_array_that_changes_afterwards_is_hashed_anew() -> None:
    """What is kept of a mutable array is a copy."""
    hashes = PieceHashes(8)
    flash = bytearray(16)
    before = hashes.of(flash)
    flash[9] = 1

    assert hashes.of(flash) == [before[0], hashlib.sha256(flash[8:]).digest()]
