"""Histories of cells: at any point of a log, after a cut, and nothing where the controller counts nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fault.crash import FlashReplay, tear_state
from harness.fault.digest import digest_of
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import FlashMap
from harness.fault.write_count import CellHistory, history_after, history_of
from harness.machine.protocol import NonVolatile, Operation, OperationKind

PAGE_BYTES = 16
COUNTED = FlashMap(0, 0x1000, 4, PAGE_BYTES)
UNCOUNTED = FlashMap(0, 0x1000)
ERASED = b"\xff" * PAGE_BYTES
ONE, TWO, THREE = b"\xf0\xff\xff\xff", b"\xf0\xf0\xff\xff", b"\xf0\xf0\xf0\xff"


def program(index: int, address: int, old: bytes, new: bytes) -> Operation:
    """A program of one word."""
    return Operation(index, OperationKind.PROGRAM, address, old, new, 0, 41_000_000, 0, 0)


def erase(index: int, old: bytes, kind: OperationKind = OperationKind.PAGE_ERASE, new: bytes = ERASED) -> Operation:
    """An erase of page 0, or 10 ms of one."""
    return Operation(index, kind, 0, old, new, 0, 10_000_000_000, 0, 0)


WRITES = [program(0, 0, ERASED[:4], ONE), program(1, 0, ONE, TWO), program(2, 0, TWO, THREE), program(3, 4, ERASED[:4], ERASED[:4])]
START = NonVolatile(ERASED * 2, b"")


def test_a_log_tells_the_count_before_each_operation() -> None:
    """What the content tells is not kept: nothing after the first write, 2 after the second, and a write of all ones counts."""
    replay = FlashReplay(START, WRITES, COUNTED)
    assert [replay.state_before(place).writes for place in range(5)] == [(), (), ((0, 2),), ((0, 3),), ((0, 3), (4, 1))]
    assert [replay.state_before(place).writes for place in (4, 1, 3)] == [((0, 3), (4, 1)), (), ((0, 3),)]


def test_nothing_is_counted_where_the_controller_does_not() -> None:
    """The same log without n_WRITE carries no history."""
    assert FlashReplay(START, WRITES, UNCOUNTED).state_before(4).writes == ()


CUTS: dict[str, tuple[Tear, tuple[tuple[int, int], ...]]] = {
    "before the program nothing was written": (Tear.NONE, ()),
    "a program that changed no cell was a write": (Tear.FRACTION, ((8, 1),)),
    "a whole program is told by its content": (Tear.ALL, ()),
}


@pytest.mark.parametrize("sentence", CUTS)
def test_a_cut_program_counts(sentence: str) -> None:
    """The count after a cut is as the sentence says, and the digest of the crash image holds it."""
    tear, writes = CUTS[sentence]
    operation = program(0, 8, ERASED[:4], b"\xff\xff\xff\xfe")
    fault = Fault(0, 0, tear, 1) if tear is Tear.FRACTION else Fault(0, 0, tear)
    crash = tear_state(START, operation, fault, 3, COUNTED)
    assert crash.state.writes == writes
    assert crash.proof.crash_digest == digest_of(crash.state)
    assert (digest_of(crash.state) == digest_of(START)) == (tear is Tear.NONE)


def test_an_erase_ends_the_counts_whole_or_cut() -> None:
    """A whole erase and one that was cut forget the page; a part of one adds its time only where it was finished."""
    state = NonVolatile(THREE + ERASED[4:] + TWO + ERASED[4:], b"", writes=((0, 3), (16, 2)), partial_erases=((0, 20),))
    old = state.flash[:PAGE_BYTES]
    for kind, tear, writes, pages in (
        (OperationKind.PAGE_ERASE, Tear.ALL, ((16, 2),), ()),
        (OperationKind.PAGE_ERASE, Tear.SOME, ((16, 2),), ()),
        (OperationKind.PAGE_ERASE, Tear.NONE, ((0, 3), (16, 2)), ((0, 20),)),
        (OperationKind.PARTIAL_ERASE, Tear.ALL, ((0, 3), (16, 2)), ((0, 30),)),
        (OperationKind.PARTIAL_ERASE, Tear.SOME, ((16, 2),), ((0, 20),)),
    ):
        cut = tear_state(state, erase(0, old, kind), Fault(0, 0, tear), 3, COUNTED).state
        assert (cut.writes, cut.partial_erases) == (writes, pages), (kind, tear)


@given(st.lists(st.sampled_from([0, 4, 8, 16]), max_size=12))
def test_a_prefix_and_the_rest_make_the_whole(addresses: list[int]) -> None:
    """The history of a log is that of its rest, begun with that of any prefix."""
    words: dict[int, int] = {}
    operations = []
    for index, address in enumerate(addresses):
        old = words.get(address, 0xFFFFFFFF)
        words[address] = old & ~(1 << index)
        operations.append(program(index, address, old.to_bytes(4, "little"), words[address].to_bytes(4, "little")))
    whole = history_after(CellHistory(), operations, COUNTED)
    for place in range(len(operations) + 1):
        state = FlashReplay(START, operations, COUNTED).state_before(place)
        assert history_after(history_of(state), operations[place:], COUNTED) == whole
