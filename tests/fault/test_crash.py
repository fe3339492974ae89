"""Crash images are what the log says, and a log that does not fit the flash is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import EngineError
from harness.fault.crash import FlashReplay, tear_state
from harness.fault.digest import PIECE_BYTES, digest_of
from harness.fault.faults import Fault, Tear, tears_of
from harness.fault.flash_map import FlashMap
from harness.machine.protocol import NonVolatile, Operation, OperationKind

BASE = 0x0800_0000
MAP = FlashMap(BASE, 0x1FFF_F800)
PAGE_BYTES = 16


def make_log(flash: bytes, steps: list[tuple[bool, int, int]]) -> tuple[list[Operation], bytes]:
    """Apply programs (half-word) and page erases to a flash; return the log and the flash after it."""
    content = bytearray(flash)
    log = []
    for index, (erase, place, value) in enumerate(steps):
        size = PAGE_BYTES if erase else 2
        offset = place % (len(flash) // size) * size
        old = bytes(content[offset : offset + size])
        new = b"\xff" * size if erase else bytes(a & b for a, b in zip(old, value.to_bytes(2, "little"), strict=True))
        kind = OperationKind.PAGE_ERASE if erase else OperationKind.PROGRAM
        log.append(Operation(index, kind, BASE + offset, old, new, index * 1000, 1000, 0x0800_0100, index))
        content[offset : offset + size] = new
    return log, bytes(content)


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 1000), st.integers(0, 0xFFFF)), min_size=1, max_size=40)
FLASH = st.binary(min_size=64, max_size=64)


@given(FLASH, STEPS, st.data())
def test_any_order_of_visits_gives_the_same_states(flash: bytes, steps: list[tuple[bool, int, int]], data: st.DataObject) -> None:
    """Forwards or backwards, the state before an operation is the one that its prefix leaves."""
    log, final = make_log(flash, steps)
    replay = FlashReplay(NonVolatile(flash), log, MAP)

    for _ in range(5):
        at = data.draw(st.integers(0, len(log)))
        _, expected = make_log(flash, steps[:at])
        assert replay.state_before(at).flash == expected

    assert replay.state_before(len(log)).flash == final


@given(st.integers(1, 3), STEPS, st.data())
def test_a_digest_is_of_the_state_that_was_cut(pieces: int, steps: list[tuple[bool, int, int]], data: st.DataObject) -> None:
    """Whatever was cut before, a cut's proof and state are those of a cut made alone, and its digest is that of the state, over several pieces too."""
    flash = bytes(pieces * PIECE_BYTES - 64)
    start = NonVolatile(data.draw(FLASH) + flash, b"option bytes")
    log, _ = make_log(start.flash, steps)
    replay = FlashReplay(start, log, MAP)

    for _ in range(6):
        operation = data.draw(st.sampled_from(log))
        fault = Fault(0, operation.index, data.draw(st.sampled_from(tears_of(operation.kind))))
        crash = replay.crash_image(fault, 1)
        assert crash == tear_state(FlashReplay(start, log, MAP).state_before(operation.index), operation, fault, 1, MAP)
        assert crash.proof.crash_digest == digest_of(crash.state)


@given(FLASH, STEPS)
def test_all_of_an_operation_is_none_of_the_next(flash: bytes, steps: list[tuple[bool, int, int]]) -> None:
    """A finished operation and a next one not started leave the same bytes."""
    log, _ = make_log(flash, steps)
    replay = FlashReplay(NonVolatile(flash), log, MAP)

    for index in range(len(log) - 1):
        finished = replay.crash_image(Fault(0, index, Tear.ALL), 1)
        assert finished.state == replay.crash_image(Fault(0, index + 1, Tear.NONE), 1).state


def test_the_proof_counts_the_cells() -> None:
    """The proof names the operation and how much of it had happened."""
    log, _ = make_log(b"\xff" * 32, [(False, 3, 0x0F0F)])

    proof = FlashReplay(NonVolatile(b"\xff" * 32), log, MAP).crash_image(Fault(0, 0, Tear.SOME), 1).proof

    assert (proof.address, proof.kind, proof.size_bytes, proof.cells_changing) == (BASE + 6, "program", 2, 8)
    assert 0 < proof.cells_changed < 8


def test_a_fault_past_the_log_did_not_fire() -> None:
    """Planning an operation that never happened is an error of the harness, not a pass."""
    log, _ = make_log(b"\xff" * 32, [(False, 3, 0x0F0F)])

    with pytest.raises(EngineError, match="did not fire"):
        FlashReplay(NonVolatile(b"\xff" * 32), log, MAP).crash_image(Fault(0, 1, Tear.NONE), 1)


def test_a_log_with_a_hole_is_noticed() -> None:
    """Dropping one operation makes the next one on that page contradict the flash."""
    log, _ = make_log(b"\xff" * 32, [(False, 3, 0x0F0F), (True, 0, 0)])

    with pytest.raises(EngineError, match="contradicts"):
        FlashReplay(NonVolatile(b"\xff" * 32), log[1:], MAP).state_before(1)


def test_a_live_state_that_is_not_what_the_operation_read_did_not_fire() -> None:
    """A machine stopped at the wrong place cannot pass for a fault that fired."""
    log, _ = make_log(b"\xff" * 32, [(False, 3, 0x0F0F)])

    with pytest.raises(EngineError, match="did not fire"):
        tear_state(NonVolatile(b"\x00" * 32), log[0], Fault(0, 0, Tear.NONE), 1, MAP)
