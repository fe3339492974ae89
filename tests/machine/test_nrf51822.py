"""The nRF51822: what its Cortex-M0 lacks, what its instructions cost, and where its flash controller differs from the nRF52840's."""

from __future__ import annotations

import functools
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from harness.device.loader import load_device
from harness.errors import InputError
from harness.machine.debug_port import protection_of
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import End, MisuseKind, NonVolatile, OperationKind, Trace
from tests.machine.firmware import IN_RAM, Step, compile_program, send32, words, write16, write32
from tests.machine.nrf52840 import CONFIG, EEN, ERASEALL, ERASEPAGE, ERASEPAGEPARTIAL, ERASEUICR, READY, READYNEXT, SCRIPT, UICR, WRITE_ENABLE

FLASH_BYTES = 256 * 1024
PAGE_BYTES = 1024
CELL = 0x20000
ERASE_ENABLE: Step = write32(CONFIG, EEN)
CPUID, VTOR, AIRCR, CCR, SYST_CSR, DWT_CTRL = 0xE000ED00, 0xE000ED08, 0xE000ED0C, 0xE000ED14, 0xE000E010, 0xE0001000
NOTHING_TOLD = bytes(12)
"""CFSR, HFSR and BFAR, which ARMv6-M does not have."""


@functools.cache
def make_nrf51_machine() -> EmbeddedMachine:
    """Return the session's nRF51822."""
    return EmbeddedMachine(load_device("nrf51822"), "qfaa")


def run_nrf51_script(*steps: Step, patches: dict[int, bytes] | None = None) -> Trace:
    """Boot a machine that performs `steps`."""
    script = b"".join(struct.pack("<III", *step) for step in (*steps, (0, 0, 0)))
    flash = compile_program("script.c", "nrf51822").flash(FLASH_BYTES, {SCRIPT: script, **(patches or {})})
    return make_nrf51_machine().boot(NonVolatile(flash), seed=1, instruction_budget=2_000_000)


FAULTS = {
    "a store to nothing is a HardFault that the handler steps over": (0, End.SLEEPING, b"3" + NOTHING_TOLD + b"!"),
    "there is no BusFault that SHCSR could enable": (1, End.SLEEPING, b"3" + NOTHING_TOLD + b"!"),
    "nor a UsageFault": (2, End.SLEEPING, b"3" + NOTHING_TOLD + b"!"),
    "a handler that spins ends the boot": (3, End.HARD_FAULT, b"3" + NOTHING_TOLD),
    "a fault in the HardFault handler is a lockup": (4, End.LOCKUP, b"3" + NOTHING_TOLD),
    "a handler that requests a reset gets it": (5, End.RESET, b"3" + NOTHING_TOLD),
    "a breakpoint is a HardFault": (6, End.SLEEPING, b"3" + NOTHING_TOLD + b"!"),
}


@pytest.mark.parametrize(("choice", "end", "uart"), FAULTS.values(), ids=FAULTS)
def test_every_fault_is_a_hard_fault(choice: int, end: End, uart: bytes) -> None:
    """ARMv6-M has no other fault exception, and no register that tells the cause."""
    flash = compile_program("faults.c", "nrf51822").flash(FLASH_BYTES, {0x4000: bytes([choice])})
    trace = make_nrf51_machine().boot(NonVolatile(flash), seed=1, instruction_budget=1_000_000)
    assert (trace.end, trace.uart) == (end, uart)


def test_an_unaligned_access_faults() -> None:
    """The Cortex-M0 takes none, where the larger cores do."""
    assert run_nrf51_script(send32(0x20000100)).end is End.SLEEPING
    assert run_nrf51_script(send32(0x20000101)).end is End.HARD_FAULT


def test_the_core_registers_of_the_m0() -> None:
    """CPUID tells the core; VTOR does not take a value, CCR never changes, and the priority group of AIRCR does not exist."""
    trace = run_nrf51_script(
        send32(CPUID), write32(VTOR, 0x6C00), send32(VTOR), send32(CCR), write32(CCR, 0), send32(CCR), write32(AIRCR, 0x05FA0700), send32(AIRCR)
    )
    assert words(trace.uart) == [0x410CC200, 0, 0x208, 0x208, 0xFA050000]


def test_there_is_neither_systick_nor_dwt() -> None:
    """Their addresses read 0, and the report names them."""
    trace = run_nrf51_script(write32(SYST_CSR, 7), send32(SYST_CSR), send32(DWT_CTRL))
    assert words(trace.uart) == [0, 0]
    assert {SYST_CSR, DWT_CTRL} <= {address for address, _ in trace.unmodelled}


def test_flash_is_programmed_by_words_and_erased_by_pages_of_1_kib() -> None:
    """A store ANDs, ERASEPAGE erases 1 KiB in 22.3 ms, and a store of another width faults."""
    trace = run_nrf51_script(WRITE_ENABLE, write32(CELL, 0x1234FFFF), write32(CELL, 0xFFFF5678), ERASE_ENABLE, write32(ERASEPAGE, CELL))
    assert [(operation.kind, operation.address, operation.size_bytes) for operation in map(trace.operations.__getitem__, range(3))] == [
        (OperationKind.PROGRAM, CELL, 4),
        (OperationKind.PROGRAM, CELL, 4),
        (OperationKind.PAGE_ERASE, CELL, PAGE_BYTES),
    ]
    assert trace.operations[2].old[:4] == (0x12345678).to_bytes(4, "little")
    assert trace.operations[2].duration_ps == 22_300_000_000
    narrow = run_nrf51_script(WRITE_ENABLE, write16(CELL, 0))
    assert (narrow.end, [misuse.kind for misuse in narrow.misuses]) == (End.HARD_FAULT, [MisuseKind.WRONG_WIDTH])


def test_registers_of_the_nrf52_are_not_there() -> None:
    """READYNEXT reads 0, and ERASEPAGEPARTIAL erases nothing."""
    trace = run_nrf51_script(send32(READY), send32(READYNEXT), ERASE_ENABLE, write32(ERASEPAGEPARTIAL, CELL), patches={CELL: bytes(4)})
    assert words(trace.uart) == [1, 0]
    assert len(trace.operations) == 0


def test_uicr_is_erased_only_where_the_flash_is() -> None:
    """ERASEUICR does nothing while the flash holds code; ERASEALL erases both arrays, in 22.3 ms together."""
    refused = run_nrf51_script(WRITE_ENABLE, write32(UICR + 0x80, 0), ERASE_ENABLE, write32(ERASEUICR, 1))
    assert [misuse.kind for misuse in refused.misuses] == [MisuseKind.WRITE_PROTECTED]
    assert refused.final.option_bytes[0x80:0x84] == bytes(4)
    both = run_nrf51_script(IN_RAM, WRITE_ENABLE, write32(UICR + 0x80, 0), ERASE_ENABLE, write32(ERASEALL, 1))
    assert both.final == NonVolatile(b"\xff" * FLASH_BYTES, b"\xff" * 0x100)
    assert sum(both.operations[index].duration_ps for index in (1, 2)) == 22_300_000_000


def test_a_debugger_is_refused_where_its_port_is_not_modelled() -> None:
    """The access port protection of the nRF52840 is not taken for this chip's."""
    with pytest.raises(InputError, match="not modelled"):
        protection_of(load_device("nrf51822"))


CYCLES = {
    "nop": (1, 1),
    "muls r2, r3": (1, 1),
    "ldr r2, [r0]": (2, 2),
    "str r2, [r0]": (2, 2),
    "ldrh r2, [r0]": (2, 2),
    "ldr r2, [sp]": (2, 2),
    "ldr r2, =0x12345678": (2, 2),
    "stmia r0!, {r2, r3}": (3, 3),
    "push {r2, r3}\n pop {r2, r3}": (6, 6),
    "bl 9f\n 9:": (4, 4),
    "b 9f\n 9:": (3, 3),
    "cmp r2, r2\n beq 9f\n 9:": (2, 4),
    "adr r2, 9f\n adds r2, #1\n bx r2\n .balign 4\n 9:": (5, 5),
    "adr r2, 9f\n mov pc, r2\n .balign 4\n 9:": (4, 4),
    "adr r2, 9f\n adds r2, #1\n push {r2}\n pop {pc}\n .balign 4\n 9:": (9, 9),
    "mrs r2, primask": (4, 4),
    "msr primask, r5": (4, 4),
    "cpsid i": (1, 1),
    "dmb": (4, 4),
    "isb": (4, 4),
}


@functools.cache
def assembled() -> dict[str, bytes]:
    """Assemble every snippet once, behind a prologue that gives r0 and r5 a value."""
    pieces = ["", *CYCLES]
    text = [".syntax unified", ".cpu cortex-m0", ".thumb", ".text"]
    for number, snippet in enumerate(pieces):
        text += [".balign 256", f"piece{number}:", "movs r5, #1", "lsls r0, r5, #29", ".balign 4", snippet, "wfi", "b .", ".ltorg", f"end{number}:"]
    with tempfile.TemporaryDirectory() as folder:
        source, object_file = Path(folder) / "snippets.S", Path(folder) / "snippets.o"
        source.write_text("\n".join(text) + "\n")
        command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0", "-c", "-o", str(object_file), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        with object_file.open("rb") as stream:
            section = ELFFile(stream).get_section_by_name(".text")
            assert section is not None
            code = section.data()
    return {snippet: code[256 * number : 256 * (number + 1)] for number, snippet in enumerate(pieces)}


def run_snippet(snippet: str) -> Trace:
    """Boot one assembled piece."""
    image = struct.pack("<II", 0x20002000, 0x101).ljust(0x100, b"\xff") + assembled()[snippet]
    trace = make_nrf51_machine().boot(NonVolatile(image.ljust(FLASH_BYTES, b"\xff")), seed=1)
    assert trace.end is End.SLEEPING, f"{snippet}: {trace.end_detail}"
    return trace


@pytest.mark.parametrize(("snippet", "expected"), CYCLES.items())
def test_an_instruction_costs_what_the_manual_of_the_cortex_m0_says(snippet: str, expected: tuple[int, int]) -> None:
    """Fewest and most cycles: one number, but for a branch that may not be taken."""
    base, trace = run_snippet(""), run_snippet(snippet)
    assert (trace.cycles_low - base.cycles_low, trace.cycles_high - base.cycles_high) == expected
