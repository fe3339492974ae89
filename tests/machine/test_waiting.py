"""A boot ends as waiting only when the firmware provably polls the UART for ever."""

from __future__ import annotations

import pytest

from harness.machine.protocol import End, NonVolatile, Trace
from tests.machine.firmware import compile_program, make_machine

CASES = {
    "polling the status register": (0, End.WAITING),
    "polling and feeding the watchdog": (1, End.WAITING),
    "polling with a local counter that wraps at eight": (2, End.WAITING),
    "polling with a timeout counted in a register": (3, End.SLEEPING),
    "polling with a timeout counted in RAM": (4, End.SLEEPING),
    "polling with a timeout read from SysTick": (5, End.SLEEPING),
    "polling with the watchdog running, not fed": (6, End.WATCHDOG),
    "polling while a pin blinks": (7, End.BUDGET),
    "waiting for the transmitter only": (8, End.SLEEPING),
    "echoing until a full stop": (9, End.WAITING),
}


def run_case(number: int, uart_input: bytes = b"") -> Trace:
    """Boot the program with the case's number in flash."""
    flash = compile_program("waiting.c").flash(patches={0x08004000: bytes([number])})
    return make_machine().boot(NonVolatile(flash), seed=9, instruction_budget=1_000_000, uart_input=uart_input)


@pytest.mark.parametrize("sentence", CASES)
def test_waiting(sentence: str) -> None:
    """The loop ends the boot as it should."""
    number, end = CASES[sentence]
    assert run_case(number).end == end


def test_input_is_received_before_waiting() -> None:
    """All that the host sends arrives, in order; only then does the firmware wait."""
    trace = run_case(9, b"hello")
    assert (trace.end, trace.uart) == (End.WAITING, b"hello")
    assert run_case(9, b"hello. world").end == End.SLEEPING
