"""Random accesses to the flash controller do what the model of `fpec_model.py` does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.machine.protocol import End, NonVolatile
from tests.machine.firmware import (
    AR,
    CR,
    FLASH,
    KEY1,
    KEY2,
    KEYR,
    LOCK,
    MER,
    OPTPG,
    PER,
    PG,
    SR,
    STRT,
    UNLOCK,
    Step,
    make_machine,
    make_script_flash,
    send32,
    words,
    write8,
    write16,
    write32,
)
from tests.machine.fpec_model import FpecModel

PAGES = (0x0800A000, 0x0800A400, 0x0800A800)
PROTECTED_PAGES = frozenset(range(40, 44))
"""The pages of the second bit of WRP1."""
UNPROTECTED = bytes.fromhex("A55A FF00 FF00 FF00 FF00 FF00 FF00 FF00")
PROTECTED = UNPROTECTED[:10] + bytes([0xFF & ~4, 4]) + UNPROTECTED[12:]

cells = st.builds(lambda page, offset: page + 2 * offset, st.sampled_from(PAGES), st.integers(0, 3))
values = st.sampled_from([0x0000, 0x1234, 0x00FF, 0xFFFF])
selections = st.sampled_from([0, PG, PG, PG, PER, PER, OPTPG, LOCK, PG | PER, MER | PER])


def erase(address: int) -> list[Step]:
    """A correct page erase."""
    return [write32(CR, PER), write32(AR, address), write32(CR, PER | STRT), write32(CR, 0)]


def program(address: int, value: int) -> list[Step]:
    """A correct program."""
    return [write32(CR, PG), write16(address, value), write32(CR, 0)]


accesses = st.one_of(
    st.builds(program, cells, values),
    st.builds(erase, cells),
    st.builds(lambda value: [write32(CR, value)], selections),
    st.builds(lambda value: [write32(CR, value | STRT)], selections),
    st.builds(lambda address: [write32(AR, address)], cells | st.just(0x08020000)),
    st.builds(lambda address, value: [write16(address, value)], cells, values),
    st.builds(lambda address: [write8(address, 0)], cells),
    st.builds(lambda flags: [write32(SR, flags)], st.integers(0, 0x3F)),
    st.just(list(UNLOCK)),
    st.builds(lambda key: [write32(KEYR, key)], st.sampled_from([KEY1, KEY1, KEY2])),
)
scripts = st.builds(lambda parts: [*UNLOCK, *(step for part in parts for step in part)], st.lists(accesses, max_size=30))


@settings(max_examples=400, deadline=None)
@given(steps=scripts, protect=st.booleans())
def test_random_accesses_match_the_model(steps: list[Step], protect: bool) -> None:
    """Operations, cells, flags and recorded misuse are those of the model, and a fault comes at the same access."""
    flash = make_script_flash([*steps, send32(SR), send32(CR), send32(AR)], {PAGES[1]: bytes(8)})
    model = FpecModel(bytearray(flash), PROTECTED_PAGES if protect else frozenset())
    complete = model.run(steps)
    trace = make_machine().boot(NonVolatile(flash, PROTECTED if protect else UNPROTECTED), seed=5, instruction_budget=1_000_000)

    operations = [trace.operations[index] for index in range(len(trace.operations))]
    assert [(operation.kind, operation.address, operation.old, operation.new) for operation in operations] == model.operations
    assert [misuse.kind for misuse in trace.misuses] == model.misuses
    assert trace.final.flash == bytes(model.cells)
    assert trace.end == (End.SLEEPING if complete else End.HARD_FAULT)
    if complete:
        assert words(trace.uart) == [model.status, model.control, model.address]


@settings(max_examples=50, deadline=None)
@given(steps=scripts)
def test_the_log_rebuilds_the_flash(steps: list[Step]) -> None:
    """The initial flash with every operation applied is the final flash: no cell changes outside of the log."""
    flash = make_script_flash(steps)
    trace = make_machine().boot(NonVolatile(flash), seed=5, instruction_budget=1_000_000)
    rebuilt = bytearray(flash)
    for index in range(len(trace.operations)):
        operation = trace.operations[index]
        offset = operation.address - FLASH
        assert bytes(rebuilt[offset : offset + operation.size_bytes]) == operation.old
        rebuilt[offset : offset + operation.size_bytes] = operation.new
    assert bytes(rebuilt) == trace.final.flash
