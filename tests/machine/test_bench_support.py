"""Bare Unicorn and the engine run the same call to the same result."""

from __future__ import annotations

from harness.device.loader import load_device
from harness.machine.bench_support import BareMachine, make_call_flash
from harness.machine.protocol import End, NonVolatile
from tests.machine.firmware import FLASH, compile_program, make_machine

ADD = bytes.fromhex("4018 7047")  # adds r0, r0, r1; bx lr


def test_a_call_on_bare_unicorn_and_on_the_engine() -> None:
    """The stub passes the arguments, calls, and sleeps."""
    flash = compile_program("script.c").flash(patches={0x0800B000: ADD})
    flash = make_call_flash(flash, FLASH, 0x0800C000, 0x20005000, 0x0800B000, [40, 2])
    assert BareMachine(load_device("stm32f103"), "c8", flash).run().result == 42
    trace = make_machine().boot(NonVolatile(flash), seed=1)
    assert (trace.end, trace.instructions) == (End.SLEEPING, 9)
