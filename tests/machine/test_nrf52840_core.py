"""The Cortex-M core around the nRF52840's peripherals: interrupts, sleep, faults, FP frames; and the bit-band of the M3."""

from __future__ import annotations

import pytest

from harness.machine.protocol import End, NonVolatile, Trace
from tests.machine.firmware import compile_program, make_machine, run_script, send32, words, write32
from tests.machine.nrf52840 import FLASH_BYTES, make_nrf_machine, run_nrf_script

CHOICE = 0x4000
HARD_FAULT, BUS_FAULT, USAGE_FAULT = b"3", b"5", b"6"
PRECISE = (1 << 9 | 1 << 15).to_bytes(4, "little")
UNDEFINED = (1 << 16).to_bytes(4, "little")
NONE = bytes(4)
FORCED = (1 << 30).to_bytes(4, "little")
DEBUG_EVENT = (1 << 31).to_bytes(4, "little")
NOWHERE = (0x30000000).to_bytes(4, "little")


def run_faults(chip: str, choice: int) -> Trace:
    """Boot the firmware that has fault handlers."""
    program = compile_program("faults.c", chip)
    if chip == "nrf52840":
        state = NonVolatile(program.flash(FLASH_BYTES, {CHOICE: bytes([choice])}))
        return make_nrf_machine().boot(state, seed=1, instruction_budget=1_000_000)
    return make_machine().boot(NonVolatile(program.flash(patches={0x08000000 + CHOICE: bytes([choice])})), seed=1, instruction_budget=1_000_000)


FAULTS = {
    "a store to nothing is a HardFault that the handler steps over": (0, End.SLEEPING, HARD_FAULT + PRECISE + FORCED + NOWHERE + b"!"),
    "a store to nothing is a BusFault where SHCSR enables it": (1, End.SLEEPING, BUS_FAULT + PRECISE + NONE + NOWHERE + b"!"),
    "an undefined instruction is a UsageFault where SHCSR enables it": (2, End.SLEEPING, USAGE_FAULT + UNDEFINED + NONE + NONE + b"!"),
    "a handler that spins ends the boot": (3, End.HARD_FAULT, HARD_FAULT + PRECISE + FORCED + NOWHERE),
    "a fault in the HardFault handler is a lockup": (4, End.LOCKUP, HARD_FAULT + PRECISE + FORCED + NOWHERE),
    "a handler that requests a reset gets it": (5, End.RESET, HARD_FAULT + PRECISE + FORCED + NOWHERE),
    "a breakpoint is a HardFault with DEBUGEVT": (6, End.SLEEPING, HARD_FAULT + NONE + DEBUG_EVENT + NONE + b"!"),
}


@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
@pytest.mark.parametrize("sentence", FAULTS)
def test_faults_reach_the_handler_of_the_firmware(sentence: str, chip: str) -> None:
    """The handler sees the exception number, CFSR, HFSR and BFAR, and the boot goes on or ends as the sentence says."""
    choice, end, story = FAULTS[sentence]
    trace = run_faults(chip, choice)
    if NOWHERE not in story:  # BFAR is not valid then
        story, uart = story[:9], trace.uart[:9]
    else:
        uart = trace.uart
    assert (trace.end, uart) == (end, story)


def test_a_fault_whose_handler_spins_is_told_with_its_cause() -> None:
    """The end names the access and its program counter, not the loop in the handler."""
    trace = run_faults("nrf52840", 3)
    program = compile_program("faults.c", "nrf52840")
    assert trace.end_detail == "bus error: write of 4 bytes at 0x30000000"
    assert program.symbols["run"] <= trace.pc < program.symbols["run"] + 0x100


def test_interrupts_in_their_order() -> None:
    """Preemption by priority, equal ones wait, BASEPRI and PRIMASK mask, FP registers survive, RTC and SEVONPEND wake WFE."""
    state = NonVolatile(compile_program("interrupts.c", "nrf52840").flash(FLASH_BYTES))
    first, second = (make_nrf_machine().boot(state, seed=1, instruction_budget=1_000_000) for _ in range(2))
    # l: low, h: preempts it, L: goes on, x: the equal one after it; 2..5: masks; F: FP context; k: clock; r, w: RTC; e: event only
    assert first.uart == b"lhLx" + b"1" + b"h2" + b"3h4" + b"5" + b"lhLF" + b"krw" + b"e"
    assert first.end == End.SLEEPING
    assert first == second


def test_the_core_registers_of_the_m4() -> None:
    """CPUID, and MPU regions that hold what was written to each of them."""
    rnr, rbar, rasr, kind = 0xE000ED98, 0xE000ED9C, 0xE000EDA0, 0xE000ED90
    trace = run_nrf_script(
        send32(0xE000ED00), send32(kind), write32(rbar, 0x20000013), write32(rasr, 0x11), write32(rnr, 2), write32(rbar, 0x1000),
        write32(rnr, 3), send32(rbar), send32(rasr), write32(rnr, 2), send32(rbar),
    )  # fmt: skip
    assert words(trace.uart) == [0x410FC241, 8 << 8, 0x20000003, 0x11, 0x1002]


def test_bit_band_of_the_m3() -> None:
    """A word of the alias is a bit of RAM, of a port, or of a register of the flash controller; the M4 of the nRF52840 has none."""
    ram, alias = 0x20004000, 0x22000000 + 0x4000 * 32
    port, port_alias = 0x4001080C, 0x42000000 + 0x1080C * 32
    clear_pgerr = 0x42000000 + 0x22000 * 32 + 0x10 * 32 + 9 * 4
    trace = run_script(
        write32(ram, 0x80), write32(alias, 1), write32(alias + 7 * 4, 0), write32(alias + 31 * 4, 1), send32(ram), send32(alias + 31 * 4),
        write32(port_alias + 5 * 4, 1), send32(port), send32(port_alias + 5 * 4), send32(clear_pgerr),
    )  # fmt: skip
    assert words(trace.uart) == [0x80000001, 1, 0x20, 1, 0]
    assert run_nrf_script(write32(0x22000000, 1)).end == End.HARD_FAULT
