"""Tears lie between old and new, bit by bit, and are the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fault.faults import ERASE_TEARS, Fault, Tear, tears_of
from harness.fault.tears import tear_cells
from harness.machine.protocol import OperationKind

CONTENTS = st.integers(1, 64).flatmap(lambda length: st.tuples(st.binary(min_size=length, max_size=length), st.binary(min_size=length, max_size=length)))
SEEDS = st.integers(0, 2**32)


def bits(content: bytes) -> int:
    """Return all cells as one number."""
    return int.from_bytes(content, "little")


@given(CONTENTS, st.sampled_from(ERASE_TEARS), SEEDS, st.integers(0, 10_000))
def test_a_torn_cell_is_old_or_new(contents: tuple[bytes, bytes], tear: Tear, seed: int, operation: int) -> None:
    """Every bit that the operation does not change stays, whatever the tear."""
    old, new = contents

    torn = tear_cells(old, new, Fault(0, operation, tear), seed)

    assert (bits(torn) ^ bits(old)) & ~(bits(old) ^ bits(new)) == 0
    assert len(torn) == len(old)


@given(CONTENTS, SEEDS, st.integers(0, 10_000))
def test_some_and_most_are_strictly_between(contents: tuple[bytes, bytes], seed: int, operation: int) -> None:
    """With two changing bits or more, `some` and `most` are neither the old nor the new content."""
    old, new = contents
    if (bits(old) ^ bits(new)).bit_count() < 2:
        return

    for tear in (Tear.SOME, Tear.MOST):
        assert tear_cells(old, new, Fault(0, operation, tear), seed) not in (old, new)


@pytest.mark.parametrize(("tear", "expected"), [(Tear.NONE, b"\xff\xff"), (Tear.SOME, b"\xff\xff"), (Tear.MOST, b"\xff\xfe"), (Tear.ALL, b"\xff\xfe")])
def test_a_single_changing_bit_has_no_state_between(tear: Tear, expected: bytes) -> None:
    """One bit is either programmed or not."""
    assert tear_cells(b"\xff\xff", b"\xff\xfe", Fault(0, 0, tear), 1) == expected


def test_half_page_leaves_one_half_old_and_one_half_new() -> None:
    """Over many seeds both halves occur as the finished one, and nothing else does."""
    old, new = b"\x00" * 8, b"\xff" * 8

    seen = {tear_cells(old, new, Fault(0, 0, Tear.HALF_PAGE), seed) for seed in range(32)}

    assert seen == {b"\x00" * 4 + b"\xff" * 4, b"\xff" * 4 + b"\x00" * 4}


@given(CONTENTS, SEEDS)
def test_a_tear_is_a_function_of_seed_and_fault(contents: tuple[bytes, bytes], seed: int) -> None:
    """Equal arguments tear equally: this is what a replay rests on."""
    old, new = contents
    fault = Fault(0, 7, Tear.SOME)

    assert tear_cells(old, new, fault, seed) == tear_cells(old, new, fault, seed)


def test_seeds_and_operations_draw_different_cells() -> None:
    """The draw really depends on its inputs."""
    old, new = b"\x00" * 64, b"\xff" * 64

    torn = {tear_cells(old, new, Fault(0, operation, Tear.SOME), seed) for seed in range(4) for operation in range(4)}

    assert len(torn) == 16


@pytest.mark.parametrize("fault", [Fault(0, 0, Tear.METASTABLE), Fault(0, 0, Tear.FRACTION, 500)])
def test_bytes_alone_do_not_tell_where_a_cut_in_time_leaves_cells(fault: Fault) -> None:
    """Such a cut needs the operation: whether it erases, and where."""
    with pytest.raises(ValueError, match="depends on the operation"):
        tear_cells(b"\xff\xff", b"\0\0", fault, 1)


def test_contents_of_different_length_are_refused() -> None:
    """A mismatch is a caller's bug, not a tear."""
    with pytest.raises(ValueError, match="2 bytes"):
        tear_cells(b"\xff\xff", b"\xff", Fault(0, 0, Tear.NONE), 1)


def test_only_an_erase_can_tear_at_half_a_page() -> None:
    """`half-page` makes no sense for a half-word."""
    assert Tear.HALF_PAGE in tears_of(OperationKind.PAGE_ERASE)
    assert Tear.HALF_PAGE not in tears_of(OperationKind.PROGRAM)
