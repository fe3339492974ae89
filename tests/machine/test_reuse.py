"""A boot is a function of its arguments: what a machine did before leaves no trace in it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from harness.device.loader import load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import Domain, End, NonVolatile, Trace
from tests.machine.firmware import CR, IN_RAM, PG, UNLOCK, call, compile_program, make_script_flash, send32, spin, write16, write32

DOMAINS = (Domain("low", 0x08000000, 0x4000), Domain("high", 0x08004000, 0xC000))
CELL = 0x0800A000
# movs r0, #1; bx lr and movs r0, #2; bx lr
LEAVES_A_MARK = (0x40011000, 0x4001100C, 0x40012C2C, 0x40010004, 0x40021010, 0xE0001000, 0xE000E104, 0xE000ED08, 0xE000EDFC, 0x20000100)
EVERY_REGISTER = (
    *range(0x40021000, 0x40021028, 4),  # RCC
    *range(0x40022000, 0x40022024, 4),  # flash controller
    *(0x40003000, 0x40003004, 0x40003008, 0x4000300C, 0x40013808, 0x4001380C, 0x40013810),  # watchdog, USART1
    *(0x40010004, 0x40011000, 0x4001100C, 0x40012C2C),  # pins, and a timer that is not modelled
    *(0xE000E010, 0xE000E014, 0xE000E018, 0xE0001000, 0xE0001004, 0xE000E100, 0xE000E104),  # SysTick, DWT, NVIC
    *range(0xE000ED00, 0xE000ED3C, 4),
    *(0xE000EDFC, 0x20000100, 0x20004000),  # DEMCR, RAM
)
SUPERVISOR_CALL = bytes.fromhex("00DF")  # the handler of the test programs sleeps: the boot ends inside of it
FUNCTIONS = (bytes.fromhex("01207047"), bytes.fromhex("02207047"))


def make_states() -> list[tuple[NonVolatile, int]]:
    """Boots that leave as much behind as they can: flash, option bytes, code in RAM, peripherals, faults, masks."""
    noise = random.Random(7).randbytes(0x4000)
    steps = (*UNLOCK, write32(CR, PG), write16(CELL, 1), write32(0xE000E010, 7), *(write32(address, 5) for address in LEAVES_A_MARK), spin(50))
    flashes = [
        compile_program("copy.c").flash(patches={0x08004000: noise}),
        compile_program("exceptions.c").flash(),
        compile_program("count.S").flash(),
        make_script_flash((*steps, call(0x0800B001)), {0x0800B000: FUNCTIONS[0]}),
        make_script_flash((*steps, call(0x0800B001)), {0x0800B000: FUNCTIONS[1]}),
        make_script_flash((IN_RAM, *steps)),
        make_script_flash((*steps, call(0x0800B001)), {0x0800B000: SUPERVISOR_CALL}),
        make_script_flash((*steps, write32(0x40003000, 0xCCCC), write32(CELL, 1))),
        make_script_flash(tuple(send32(address) for address in EVERY_REGISTER)),
        b"\xff" * 65536,
    ]
    return [(NonVolatile(flash), 100 + index) for index, flash in enumerate(flashes)]


def boot(machine: EmbeddedMachine, state: tuple[NonVolatile, int], stop_before: int | None = None) -> Trace:
    """One boot with the state's own seed."""
    return machine.boot(state[0], seed=state[1], stop_before=stop_before, instruction_budget=3_000_000)


def test_a_reused_machine_equals_a_fresh_one() -> None:
    """Any boot after any other boot, stopped or not, gives the trace of a machine that never ran."""
    device = load_device("stm32f103")
    states = make_states()
    fresh: list[Trace] = []
    for state in states:
        machine = EmbeddedMachine(device, "c8", DOMAINS)
        fresh.append(boot(machine, state))
        machine.close()
    reused = EmbeddedMachine(device, "c8", DOMAINS)
    order = [index for first in range(len(states)) for second in range(len(states)) for index in (first, second, first)]
    for position, index in enumerate(order):
        if position % 5 == 0:
            boot(reused, states[order[position - 1]], stop_before=position % 3)
        assert boot(reused, states[index]) == fresh[index]
    reused.close()


def test_a_change_of_code_alone_is_seen() -> None:
    """Two flashes that differ in one executed page behave differently on one machine: no translated code is stale."""
    machine = EmbeddedMachine(load_device("stm32f103"), "c8", DOMAINS)
    for _ in range(3):
        for value, function in enumerate((bytes.fromhex("4FF0000000BE"), bytes.fromhex("7047"))):
            trace = boot(machine, (NonVolatile(make_script_flash((call(0x0800B001),), {0x0800B000: function})), 1))
            assert trace.end == (End.HARD_FAULT, End.SLEEPING)[value]
    machine.close()


def test_code_changed_by_the_firmware_itself_is_seen() -> None:
    """A function that the firmware programs over runs in its new form, in the same boot."""
    steps = (
        call(0x0800B001),
        *UNLOCK,
        write32(CR, PG),
        write16(0x0800B000, 0),  # `bx lr` becomes `movs r0, r0`, and what follows it is a breakpoint
        call(0x0800B001),
    )
    trace = EmbeddedMachine(load_device("stm32f103"), "c8").boot(NonVolatile(make_script_flash(steps, {0x0800B000: bytes.fromhex("704700BE")})), seed=1)
    assert (trace.end, trace.pc) == (End.HARD_FAULT, 0x0800B002)


def test_the_seed_scrambles_ram_and_registers() -> None:
    """Equal seeds give equal noise, other seeds other noise: firmware that reads it before writing behaves differently."""
    state = NonVolatile(make_script_flash((send32(0x20001000), send32(0x20001004))))
    machine = EmbeddedMachine(load_device("stm32f103"), "c8")
    first, again, other = (machine.boot(state, seed=seed).uart for seed in (1, 1, 2))
    assert first == again != other
    assert first[:4] != first[4:]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process maps")
def test_translated_code_takes_a_bounded_amount_of_memory() -> None:
    """No mapping that code runs from is a gibibyte, as Unicorn has it if not told otherwise: a machine that lives long fills what it has."""

    def longest_executable() -> int:
        spans = (line.split()[:2] for line in Path("/proc/self/maps").read_text().splitlines())
        places = [[int(address, 16) for address in span.split("-")] for span, rights in spans if rights == "rwxp"]
        return max((end - start for start, end in places), default=0)

    machine = EmbeddedMachine(load_device("stm32f103"), "c8")
    try:
        assert 1 << 20 < longest_executable() <= 32 << 20
    finally:
        machine.close()
