"""Exceptions that the engine takes by hand: order, nesting, both stacks, masks, and registers kept."""

from __future__ import annotations

from harness.machine.protocol import End, NonVolatile
from tests.machine.firmware import call, compile_program, make_machine, run_script, send32, words, write32

CODE = 0x0800B000


def test_order_and_nesting() -> None:
    """SVCall, then PendSV after it; SysTick preempts PendSV, waits while masked, and leaves a computation untouched."""
    trace = make_machine().boot(NonVolatile(compile_program("exceptions.c").flash()), seed=3, instruction_budget=3_000_000)
    story, _, computation = trace.uart.partition(b"e")
    # a: SVC from the main stack, b: from the process stack, c: WFI woken by a tick, then PendSV preempted by a tick
    assert story == b"a" + b"sSpP" + b"b" + b"sSpP" + b"c" + b"t" + b"sSptP" + b"d" + b"m"
    assert computation.rstrip(b"=").strip(b"t") == b""
    assert computation.endswith(b"=")
    assert trace.end == End.SLEEPING


def test_two_boots_take_the_ticks_at_the_same_instructions() -> None:
    """Interrupts are a function of virtual time, so they repeat."""
    state = NonVolatile(compile_program("exceptions.c").flash())
    first, second = (make_machine().boot(state, seed=3, instruction_budget=3_000_000) for _ in range(2))
    assert first == second


def test_a_bad_exception_return_faults() -> None:
    """A jump to an EXC_RETURN value outside of any handler is a hard fault."""
    trace = run_script(call(0xFFFFFFF9))
    assert trace.end == End.HARD_FAULT


def test_icsr_shows_what_is_pending() -> None:
    """SysTick set pending under PRIMASK stays pending and shows in ICSR."""
    disable_interrupts = bytes.fromhex("72B67047")
    trace = run_script(
        call(CODE + 1), write32(0xE000ED04, 1 << 26), send32(0xE000ED04), write32(0xE000ED04, 1 << 25), send32(0xE000ED04),
        patches={CODE: disable_interrupts},
    )  # fmt: skip
    assert words(trace.uart) == [1 << 26, 0]
    assert trace.end == End.SLEEPING


def test_an_exception_without_a_vector_faults() -> None:
    """SVC with nothing in its vector is a hard fault that says so."""
    trace = run_script(call(CODE + 1), patches={CODE: bytes.fromhex("00DF7047"), 0x0800002C: b"\x00" * 4})
    assert (trace.end, trace.end_detail) == (End.HARD_FAULT, "vector of exception 11 is even: 0x00000000")
