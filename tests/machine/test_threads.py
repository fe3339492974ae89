"""What an operating system asks of the core, all at once: threads, a tick, sleep, masks and nesting."""

from __future__ import annotations

import pytest

from harness.machine.protocol import End, NonVolatile, Trace
from tests.machine.firmware import compile_program, make_machine
from tests.machine.nrf52840 import FLASH_BYTES, make_nrf_machine


def run_threads(chip: str, seed: int) -> Trace:
    """Boot the firmware with its threads."""
    program = compile_program("threads.c", chip)
    if chip == "nrf52840":
        return make_nrf_machine().boot(NonVolatile(program.flash(FLASH_BYTES)), seed=seed, instruction_budget=3_000_000)
    return make_machine().boot(NonVolatile(program.flash()), seed=seed, instruction_budget=3_000_000)


@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
@pytest.mark.parametrize("seed", [1, 2])
def test_threads_keep_their_registers(chip: str, seed: int) -> None:
    """Preempted at any instruction, every thread finds its registers again, those of the FPU too; masks, nesting and sleep hold."""
    trace = run_threads(chip, seed)
    assert (trace.uart, trace.end) == (b"kcnus.", End.SLEEPING), trace.end_detail
    assert trace == run_threads(chip, seed)


def test_a_switch_that_forgets_registers_is_seen() -> None:
    """The program tells when its own PendSV handler makes room for s16 to s31 and does not store them."""
    store, make_room = bytes.fromhex("20ED108A"), bytes.fromhex("A0F14000")  # vstmdb r0!, {s16-s31}; sub.w r0, r0, #64
    flash = compile_program("threads.c", "nrf52840").flash(FLASH_BYTES)
    assert flash.count(store) == 1
    trace = make_nrf_machine().boot(NonVolatile(flash.replace(store, make_room)), seed=1, instruction_budget=3_000_000)
    assert trace.uart == b"!cnus."
