"""Shared boots are exactly what the boots themselves would have been, and are shared only where they must be."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.device import NonVolatile, load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.engines import share_boots
from harness.machine.protocol import Machine, PageUse, Trace
from harness.machine.sharing import SharingMachine

from .firmware import FLASH, compile_program, make_machine

PAGE_BYTES = 1024
COPIED_FROM = range(24)
"""Pages that `copy.c` reads: the first 24 KiB, its own code among them."""
COPIED_TO = range(32, 56)
"""Pages that it erases and programs without having looked at them."""
UNTOUCHED = (*range(24, 32), *range(56, 64))


def make_sharing() -> SharingMachine:
    """Return a sharing machine on the session's plain one."""
    machine = share_boots(make_machine(), load_device("stm32f103"), "c8", ())
    assert isinstance(machine, SharingMachine)
    return machine


def with_noise(pages: tuple[int, ...], seed: int) -> bytes:
    """Return the flash of `copy.c` with some pages filled at random."""
    noise = random.Random(seed)
    return compile_program("copy.c").flash(patches={FLASH + page * PAGE_BYTES: noise.randbytes(PAGE_BYTES) for page in pages})


def boot(machine: Machine, flash: bytes) -> Trace:
    """Boot with fixed arguments."""
    return machine.boot(NonVolatile(flash, b""), seed=3)


def described(trace: Trace) -> tuple[object, ...]:
    """Return everything that a trace says, the operations one by one."""
    operations = tuple(trace.operations[index] for index in range(0, len(trace.operations), 97))
    erases = tuple(operation for operation in map(trace.operations.__getitem__, range(len(trace.operations))) if operation.kind.is_erase)
    plain = (trace.end, trace.end_detail, trace.pc, trace.final, trace.entries, trace.misuses, trace.erases, trace.uart)
    return (*plain, trace.instructions, trace.time_ps, trace.stack_bytes, len(trace.operations), operations, erases)


def test_recording_changes_nothing_but_the_record() -> None:
    """The recording machine gives the plain machine's trace, with the page uses of the program beside it."""
    flash = with_noise((*COPIED_TO, *UNTOUCHED), 1)
    recorder = EmbeddedMachine(load_device("stm32f103"), "c8", records_reads=True)

    trace = boot(recorder, flash)

    assert described(trace) == described(boot(make_machine(), flash))
    uses = {use: [page for page in range(64) if trace.page_uses[page] == use] for use in PageUse}
    assert uses[PageUse.READ] == list(COPIED_FROM)
    assert uses[PageUse.ERASED_FIRST] == list(COPIED_TO)
    assert uses[PageUse.UNTOUCHED] == list(UNTOUCHED)
    assert {trace.reach[page] for page in COPIED_FROM} == {PAGE_BYTES}
    assert {trace.reach[page] for page in (*COPIED_TO, *UNTOUCHED)} == {0}
    recorder.close()


@settings(deadline=None, max_examples=25)
@given(st.sets(st.sampled_from((*COPIED_TO, *UNTOUCHED)), max_size=6), st.integers(0, 2**32))
def test_what_nobody_looks_at_does_not_matter(pages: set[int], seed: int) -> None:
    """States that differ only in unread pages share one boot, and each gets its own final flash and its own old bytes."""
    machine = make_sharing()
    boot(machine, with_noise((), 0))
    flash = with_noise(tuple(pages), seed)

    shared = boot(machine, flash)

    assert described(shared) == described(boot(make_machine(), flash))
    assert (machine.boots_made, machine.boots_shared) == (1, 1)


@pytest.mark.parametrize("page", [20, 23])
def test_what_was_read_matters(page: int) -> None:
    """A state that differs in a page that the boot read is booted for real."""
    machine = make_sharing()
    boot(machine, with_noise((), 0))
    flash = with_noise((page,), 5)

    trace = boot(machine, flash)

    assert described(trace) == described(boot(make_machine(), flash))
    assert (machine.boots_made, machine.boots_shared) == (2, 0)


@pytest.mark.parametrize(
    "change",
    [{"seed": 4}, {"uart_input": b"x"}, {"instruction_budget": 1000}],
    ids=["another RAM filling", "other UART input", "another budget"],
)
def test_everything_else_that_a_boot_depends_on_is_part_of_the_key(change: dict[str, object]) -> None:
    """Another argument is another boot."""
    machine = make_sharing()
    arguments: dict[str, object] = {"seed": 3, **change}
    boot(machine, with_noise((), 0))

    machine.boot(NonVolatile(with_noise((), 0)), **arguments)  # type: ignore[arg-type]

    assert machine.boots_shared == 0


def test_other_option_bytes_are_another_boot() -> None:
    """Write protection changes what a boot may do."""
    machine = make_sharing()
    delivery = load_device("stm32f103").option_bytes.delivery_state.value
    boot(machine, with_noise((), 0))

    machine.boot(NonVolatile(with_noise((), 0), delivery[:8] + b"\x00\xff" + delivery[10:]), seed=3)

    assert machine.boots_shared == 0


def test_a_stop_is_never_shared() -> None:
    """A machine that stops before an operation runs for real."""
    machine = make_sharing()
    boot(machine, with_noise((), 0))

    stopped = machine.boot(NonVolatile(with_noise((40,), 1)), seed=3, stop_before=5)

    assert stopped.pending is not None
    assert machine.boots_shared == 0
