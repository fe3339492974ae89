"""A core that is halted between instructions does what it does when nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest

from harness.device.loader import load_device
from harness.errors import EngineError
from harness.machine.debuggee import PROGRAM_COUNTER, Halt
from harness.machine.embedded_debuggee import EmbeddedDebuggee
from harness.machine.protocol import NonVolatile, Trace
from tests.machine.firmware import FLASH, compile_program, make_machine

PATCHES = {0x08004000: bytes(range(128))}
"""What `it_store.S` copies."""
RAM = 0x20000000
COPY = "copy"
RESULTS = 0x0800A400
"""Where `it_store.S` programs without a condition."""
TIMES = ("time_ps", "time_low_ps", "time_high_ps", "cycles_low", "cycles_high")
PROGRAMS = {"it_store.S": (), "copy.c": TIMES, "exceptions.c": TIMES, "threads.c": TIMES}
"""Programs, and what may differ: a core that is halted takes an interrupt a few instructions earlier, at the halt instead of the end of the block."""


@pytest.fixture(scope="module")
def debuggee() -> Iterator[EmbeddedDebuggee]:
    """One chip for all tests of this file."""
    machine = EmbeddedDebuggee(load_device("stm32f103"), "c8")
    yield machine
    machine.close()


def state_of(name: str) -> NonVolatile:
    """Return the flash of a program, with the data that it takes."""
    return NonVolatile(compile_program(name).flash(patches=PATCHES))


def power_up(debuggee: EmbeddedDebuggee, name: str) -> None:
    """Hold a program before its first instruction."""
    debuggee.power_up(state_of(name), seed=1, retained=None, peer=None, before=None)


def told(trace: Trace) -> dict[str, object]:
    """Return all that a trace says, the log decoded."""
    values = {field.name: getattr(trace, field.name) for field in fields(trace)}
    return values | {"operations": [trace.operations[index] for index in range(len(trace.operations))]}


@pytest.mark.parametrize(("name", "free"), PROGRAMS.items())
def test_a_boot_that_is_stepped_through_is_the_same(debuggee: EmbeddedDebuggee, name: str, free: tuple[str, ...]) -> None:
    """Instruction by instruction, IT blocks and exceptions included, the trace is that of a boot that nobody halts."""
    power_up(debuggee, name)
    for _ in range(20_000):
        if debuggee.step() is Halt.ENDED:
            break
    assert debuggee.run(lambda: False) is Halt.ENDED
    assert debuggee.trace is not None
    stepped, plain = told(debuggee.trace), told(make_machine().boot(state_of(name), seed=1))
    assert {key for key in plain if plain[key] != stepped[key]} <= set(free)


def test_it_stands_before_the_operation(debuggee: EmbeddedDebuggee) -> None:
    """Before each operation of a boot its cells are old, the core stands at it, or at the IT before it; one step further they are new."""
    trace = make_machine().boot(state_of("it_store.S"), seed=1)
    for index in range(len(trace.operations)):
        operation = trace.operations[index]
        debuggee.power_up(state_of("it_store.S"), seed=1, retained=None, peer=None, before=operation)
        assert operation.pc - debuggee.registers()[PROGRAM_COUNTER] == (2 if operation.address < RESULTS else 0)
        assert debuggee.read(operation.address, 2) == operation.old
        debuggee.step()
        assert debuggee.read(operation.address, 2) == operation.new


def test_an_operation_that_never_comes_is_an_error(debuggee: EmbeddedDebuggee) -> None:
    """A hold that does not fire is an error of the harness, never a boot to look at."""
    operation = make_machine().boot(state_of("it_store.S"), seed=1).operations[0]
    with pytest.raises(EngineError, match="never came to operation 0"):
        debuggee.power_up(state_of("threads.c"), seed=1, retained=None, peer=None, before=operation)


def test_breakpoints(debuggee: EmbeddedDebuggee) -> None:
    """The core halts before the instruction, as often as it comes there; a removed one does not halt it."""
    place = compile_program("it_store.S").symbols[COPY]
    power_up(debuggee, "it_store.S")
    assert debuggee.set_breakpoints({place})
    for round_ in range(64):
        assert debuggee.run(lambda: False) is Halt.BREAKPOINT
        registers = debuggee.registers()
        assert (registers[PROGRAM_COUNTER], registers[4]) == (place, 64 - round_)
    assert debuggee.run(lambda: False) is Halt.ENDED
    assert not debuggee.set_breakpoints(set(range(0, 200, 2)))
    debuggee.set_breakpoints(set())
    power_up(debuggee, "it_store.S")
    assert debuggee.run(lambda: False) is Halt.ENDED


def test_watchpoints(debuggee: EmbeddedDebuggee) -> None:
    """The core halts behind the instruction that changes the cells, IT or not, and nowhere else; what the debugger writes is no change."""
    trace = make_machine().boot(state_of("it_store.S"), seed=1)
    third = trace.operations[2]
    power_up(debuggee, "it_store.S")
    assert debuggee.set_watchpoints([range(third.address, third.address + 2), range(RAM, RAM + 4)])
    debuggee.write(RAM, b"\x00\x11\x22\x33")
    assert debuggee.run(lambda: False) is Halt.WATCHED
    assert (debuggee.watched, debuggee.read(third.address, 2)) == (third.address, third.new)
    assert debuggee.run(lambda: False) is Halt.ENDED
    assert not debuggee.set_watchpoints([range(0x60000000, 0x60000004)])
    assert not debuggee.set_watchpoints([range(RAM, RAM + 17)])
    assert debuggee.set_watchpoints([])


def test_somebody_may_interrupt(debuggee: EmbeddedDebuggee) -> None:
    """A core that would never end is halted where it is."""
    endless = bytes.fromhex("00500020 09000008 00bf00bf fce7".replace(" ", "")).ljust(65536, b"\xff")
    debuggee.power_up(NonVolatile(endless), seed=1, retained=None, peer=None, before=None)
    assert debuggee.run(lambda: True) is Halt.INTERRUPTED
    assert debuggee.registers()[PROGRAM_COUNTER] - FLASH in range(8, 14)


def test_registers_and_ram_are_written_and_flash_is_not(debuggee: EmbeddedDebuggee) -> None:
    """What the debugger writes the core finds; the cells of the flash change by the controller only; where nothing is, nothing is read."""
    power_up(debuggee, "it_store.S")
    debuggee.write_register(4, 0x1234)
    assert debuggee.registers()[4] == 0x1234
    assert debuggee.write(RAM + 4, b"\x11\x22")
    assert debuggee.read(RAM + 4, 2) == b"\x11\x22"
    assert not debuggee.write(FLASH, b"\x00\x00")
    assert debuggee.read(FLASH, 4) == debuggee.read(0, 4) == state_of("it_store.S").flash[:4]
    assert debuggee.read(0x60000000, 4) is None
    assert debuggee.read(RAM + 20480 - 2, 4) is None
