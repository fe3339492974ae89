"""Why a boot ends, with the program counter and a word more."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from harness.machine.protocol import End, NonVolatile
from tests.machine.firmware import WFE, Step, call, make_machine, make_script_flash, run_script, send32, spin, write8, write16, write32

CODE = 0x0800B000
IWDG_KR, IWDG_PR, IWDG_RLR = 0x40003000, 0x40003004, 0x40003008
AIRCR = 0xE000ED0C
NOT_MAPPED = 0x30000000

BRANCH_TO_SELF = bytes.fromhex("FEE7")
BRANCH_TO_SELF_WIDE = bytes.fromhex("FFF7FEBF")
WFI = bytes.fromhex("30BF")


@dataclass(frozen=True)
class Case:
    """Accesses, code at CODE, and the end that they must reach."""

    steps: tuple[Step, ...]
    end: End
    detail: str
    pc: int | None = None
    code: bytes = b"\x70\x47"


RUN = (call(CODE + 1),)
START_WATCHDOG = (write32(IWDG_KR, 0x5555), write32(IWDG_PR, 0), write32(IWDG_RLR, 39), write32(IWDG_KR, 0xCCCC))

CASES: dict[str, Case] = {
    "WFI with nothing to wake up for": Case(RUN, End.SLEEPING, "WFI or WFE", CODE + 2, WFI),
    "WFE with nothing to wake up for": Case((WFE,), End.SLEEPING, "WFI or WFE"),
    "a branch to itself": Case(RUN, End.SLEEPING, "a branch to itself", CODE, BRANCH_TO_SELF),
    "a wide branch to itself": Case(RUN, End.SLEEPING, "a branch to itself", CODE, BRANCH_TO_SELF_WIDE),
    "YIELD goes on": Case(RUN, End.SLEEPING, "a branch to itself", CODE + 2, bytes.fromhex("10BF") + BRANCH_TO_SELF),
    "a system reset request": Case((write32(AIRCR, 0x05FA0004),), End.RESET, "SYSRESETREQ"),
    "a system reset request with a wrong key is ignored": Case((write32(AIRCR, 0x12340004),), End.SLEEPING, "WFI or WFE"),
    "erased flash": Case((call(0x0800C001),), End.ERASED_FLASH, "ran into erased flash", 0x0800C000),
    "code that runs on into erased flash": Case(RUN, End.ERASED_FLASH, "ran into erased flash", CODE + 4, bytes.fromhex("00BF00BF")),
    "erased flash through the alias": Case((call(0x0000C001),), End.ERASED_FLASH, "ran into erased flash", 0x0000C000),
    "an undefined instruction": Case(RUN, End.HARD_FAULT, "undefined instruction", CODE + 2, bytes.fromhex("00BF00DE")),
    "a breakpoint": Case(RUN, End.HARD_FAULT, "breakpoint instruction without a debugger", CODE, bytes.fromhex("00BE")),
    "a jump to an even address": Case((call(CODE),), End.HARD_FAULT, "jump to an even address", CODE),
    "a jump to nowhere": Case((call(NOT_MAPPED + 1),), End.HARD_FAULT, f"bus error: instruction fetch at 0x{NOT_MAPPED:08X}", NOT_MAPPED),
    "a jump into registers": Case((call(0x40022001),), End.HARD_FAULT, "bus error: instruction fetch at 0x40022000", 0x40022000),
    "a read of nothing": Case((send32(NOT_MAPPED),), End.HARD_FAULT, "bus error: read of 4 bytes at 0x30000000"),
    "a write to nothing": Case((write16(NOT_MAPPED, 1),), End.HARD_FAULT, "bus error: write of 2 bytes at 0x30000000"),
    "a read behind RAM": Case((send32(0x20005000),), End.HARD_FAULT, "bus error: read of 4 bytes at 0x20005000"),
    "a write to the chip's serial number": Case(
        (write8(0x1FFFF7E8, 1),), End.HARD_FAULT, "bus error: write of 1 byte at 0x1FFFF7E8: flash takes half-words only"
    ),
    "the boot loader in system memory": Case((call(0x1FFFF001),), End.UNSUPPORTED, "boot loader in system memory", 0x1FFFF000),
    "a bit-band access of RAM works": Case((write32(0x22000000, 1),), End.SLEEPING, "WFI or WFE"),
    "a bit-band access behind RAM": Case((write32(0x220A0000, 1),), End.HARD_FAULT, "bus error: bit-band write of 0x20005000"),
    "an idle interrupt of USART1": Case((write32(0xE000E104, 1 << 5), write32(0x4001380C, 0x201C)), End.UNSUPPORTED, "idle interrupt of USART1"),
    "the watchdog, while code runs": Case((*START_WATCHDOG, spin(100_000)), End.WATCHDOG, "independent watchdog ran out"),
    "the watchdog, in WFI": Case((*START_WATCHDOG, *RUN), End.WATCHDOG, "independent watchdog ran out during WFI or WFE", CODE + 2, WFI),
    "the watchdog, in a branch to itself": Case(
        (*START_WATCHDOG, *RUN), End.WATCHDOG, "independent watchdog ran out during a branch to itself", CODE, BRANCH_TO_SELF
    ),
    "the budget": Case((spin(10_000_000),), End.BUDGET, ""),
}


@pytest.mark.parametrize("sentence", CASES)
def test_end(sentence: str) -> None:
    """A boot ends as the sentence says."""
    case = CASES[sentence]
    trace = run_script(*case.steps, patches={CODE: case.code})
    assert (trace.end, trace.end_detail) == (case.end, case.detail)
    assert case.pc is None or trace.pc == case.pc


@pytest.mark.parametrize("code", [WFI, BRANCH_TO_SELF], ids=["WFI", "branch to itself"])
def test_the_watchdog_runs_out_on_time(code: bytes) -> None:
    """40 ticks of 4 periods of 40 kHz are 4 ms, asleep or not."""
    trace = run_script(*START_WATCHDOG, call(CODE + 1), patches={CODE: code})
    assert 4_000_000_000 <= trace.time_ps < 4_100_000_000


VECTORS = {
    "an erased vector table": (0xFFFFFFFF, 0xFFFFFFFF, End.LOCKUP, "initial stack pointer 0xFFFFFFFF is not in RAM"),
    "a stack outside of RAM": (0x30000000, 0x08000101, End.LOCKUP, "initial stack pointer 0x30000000 is not in RAM"),
    "an even reset vector": (0x20005000, 0x08000100, End.LOCKUP, "reset vector 0x08000100 is not a Thumb address in flash or RAM"),
    "a reset vector into nothing": (0x20005000, 0x30000001, End.LOCKUP, "reset vector 0x30000001 is not a Thumb address in flash or RAM"),
    "a reset vector into erased flash": (0x20005000, 0x0800C001, End.ERASED_FLASH, "ran into erased flash"),
}


@pytest.mark.parametrize("sentence", VECTORS)
def test_reset_vectors(sentence: str) -> None:
    """A device that can't start says why; nothing was executed, and the next boot on the machine is not harmed."""
    stack, entry, end, detail = VECTORS[sentence]
    flash = struct.pack("<II", stack, entry) + b"\xff" * (65536 - 8)
    trace = make_machine().boot(NonVolatile(flash), seed=1)
    assert (trace.end, trace.end_detail, trace.instructions) == (end, detail, 0)
    assert len(trace.entries) == 1
    assert make_machine().boot(NonVolatile(make_script_flash(())), seed=1).end == End.SLEEPING


def test_a_fault_in_the_middle_of_a_block_counts_what_ran() -> None:
    """Three instructions of the function ran, the fourth faults."""
    code = bytes.fromhex("4FF040500030 00BF 0168 00BF FEE7".replace(" ", ""))  # mov.w r0, #0x30000000; adds; nop; ldr r1, [r0]
    before = run_script(call(CODE + 1), patches={CODE: BRANCH_TO_SELF})
    trace = run_script(call(CODE + 1), patches={CODE: code})
    assert (trace.end, trace.pc) == (End.HARD_FAULT, CODE + 8)
    assert trace.instructions == before.instructions + 3
