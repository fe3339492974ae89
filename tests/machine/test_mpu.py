"""The MPU of the Cortex-M4, enforced: regions, their parts, access permissions, execute-never, the background region."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from harness.machine.protocol import End, NonVolatile, Trace
from tests.machine.firmware import compile_program, send32, words, write32
from tests.machine.nrf52840 import FLASH_BYTES, make_nrf_machine, run_nrf_script

ON, BACKGROUND = 1, 4
NO_ACCESS, PRIVILEGED_ONLY, USER_READS, FULL, READ_ONLY_PRIVILEGED, READ_ONLY = 0, 1, 2, 3, 5, 6
XN = 1 << 28
LOAD, STORE, CALL, LOAD_IN_HANDLER, UNPRIVILEGED, REGION_OFF, PUT_CODE = range(1, 8)
FLASH, RAM, PAGE, OTHER, STACK = 0x0, 0x20000000, 0x20008000, 0x2000A000, 0x2000C000
DATA_FAULT, FETCH_FAULT = 0x82, 0x01

Region = tuple[int, int]
Probe = tuple[int, int]


def region(address: int, size_bytes: int, permissions: int, *, never: bool = False, parts_off: int = 0) -> Region:
    """RBAR and RASR of a region."""
    return address, (size_bytes.bit_length() - 2) << 1 | 1 | permissions << 24 | (XN if never else 0) | parts_off << 8


def boot(control: int, regions: tuple[Region, ...], probes: tuple[Probe, ...]) -> Trace:
    """Boot an nRF52840 that sets these regions up and probes."""
    table = [control, len(regions), *(word for pair in (*regions, *probes, (0, 0)) for word in pair)]
    flash = compile_program("mpu.c", "nrf52840").flash(FLASH_BYTES, {0x4000: struct.pack(f"<{len(table)}I", *table)})
    return make_nrf_machine().boot(NonVolatile(flash), seed=1, instruction_budget=1_000_000)


def outcomes(uart: bytes) -> list[tuple[int, int] | None]:
    """Return (CFSR, MMFAR) of each probe that faulted with MemManage, None for one that did not."""
    found: list[tuple[int, int] | None] = []
    while uart:
        if uart[0] == 0:
            found.append(None)
            uart = uart[1:]
        else:
            number, status, address = struct.unpack_from("<BII", uart)
            assert number == 4
            found.append((status, address if status & 0x80 else 0))
            uart = uart[9:]
    return found


@dataclass(frozen=True)
class Case:
    """Regions, probes, and which of them must fault."""

    regions: tuple[Region, ...]
    probes: tuple[Probe, ...]
    faults: tuple[tuple[int, int] | None, ...]
    control: int = ON | BACKGROUND


def denied(address: int) -> tuple[int, int]:
    """A data access that MemManage tells with its address."""
    return DATA_FAULT, address


CASES: dict[str, Case] = {
    "off, nothing is enforced": Case((region(PAGE, 4096, NO_ACCESS),), ((LOAD, PAGE), (STORE, PAGE)), (None, None), control=BACKGROUND),
    "no access refuses loads and stores, and nothing beside the region": Case(
        (region(PAGE, 4096, NO_ACCESS),),
        ((LOAD, PAGE), (STORE, PAGE + 4092), (LOAD, PAGE - 4), (STORE, PAGE + 4096)),
        (denied(PAGE), denied(PAGE + 4092), None, None),
    ),
    "read-only refuses stores alone": Case((region(PAGE, 4096, READ_ONLY_PRIVILEGED),), ((LOAD, PAGE), (STORE, PAGE)), (None, denied(PAGE))),
    "a guard of 32 bytes refuses stores into it, and its page takes all others": Case(
        (region(PAGE + 64, 32, READ_ONLY),),
        ((STORE, PAGE + 60), (STORE, PAGE + 64), (STORE, PAGE + 92), (STORE, PAGE + 96), (LOAD, PAGE + 64)),
        (None, denied(PAGE + 64), denied(PAGE + 92), None, None),
    ),
    "the first load from a page with a guard of no access is judged by its byte": Case(
        (region(PAGE + 64, 32, NO_ACCESS),), ((LOAD, PAGE + 64), (LOAD, PAGE + 60)), (denied(PAGE + 64), None)
    ),
    "of two regions the higher number decides": Case(
        (region(PAGE, 8192, NO_ACCESS), region(PAGE, 4096, FULL)), ((STORE, PAGE), (STORE, PAGE + 4096)), (None, denied(PAGE + 4096))
    ),
    "a part that is switched off leaves its bytes to the background": Case(
        (region(PAGE, 256, READ_ONLY, parts_off=0x02),), ((STORE, PAGE), (STORE, PAGE + 32), (STORE, PAGE + 64)), (denied(PAGE), None, denied(PAGE + 64))
    ),
    "execute-never refuses a call into RAM": Case(
        (region(PAGE, 4096, FULL, never=True),),
        ((PUT_CODE, PAGE), (PUT_CODE, OTHER), (CALL, PAGE + 1), (CALL, OTHER + 1)),
        (None, None, (FETCH_FAULT, 0), None),
    ),
    "execute-never refuses a call into flash": Case(
        (region(0x10000, 4096, READ_ONLY, never=True),), ((LOAD, 0x10000), (CALL, 0x10001)), (None, (FETCH_FAULT, 0))
    ),
    "a store to flash that the MPU refuses is no bus fault": Case((region(FLASH, 1 << 20, READ_ONLY),), ((STORE, 0x80000),), (denied(0x80000),)),
    "a change of a region takes effect behind the barrier": Case(
        (region(PAGE, 4096, NO_ACCESS),), ((STORE, PAGE), (REGION_OFF, 0), (STORE, PAGE)), (denied(PAGE), None, None)
    ),
    "without a background region what no region holds is refused": Case(
        (region(FLASH, 1 << 20, READ_ONLY), region(RAM, 1 << 15, FULL), region(STACK, 1 << 14, FULL)),
        ((STORE, PAGE), (LOAD, PAGE), (STORE, PAGE - 4)),
        (denied(PAGE), denied(PAGE), None),
        control=ON,
    ),
    "unprivileged code has the rights of its own": Case(
        (region(FLASH, 1 << 20, READ_ONLY), region(RAM, 1 << 16, FULL), region(PAGE, 4096, PRIVILEGED_ONLY), region(OTHER, 4096, USER_READS)),
        ((STORE, PAGE), (STORE, OTHER), (UNPRIVILEGED, 0), (STORE, PAGE), (LOAD, OTHER), (STORE, OTHER), (LOAD_IN_HANDLER, PAGE), (LOAD, PAGE)),
        (None, None, None, denied(PAGE), None, denied(OTHER), None, denied(PAGE)),
    ),
}


@pytest.mark.parametrize("sentence", CASES)
def test_regions(sentence: str) -> None:
    """MemManage comes where the sentence says, with CFSR and MMFAR, and the boot goes on behind the instruction."""
    case = CASES[sentence]
    trace = boot(case.control, case.regions, case.probes)
    assert outcomes(trace.uart) == list(case.faults)
    assert trace.end is End.SLEEPING


def test_a_boot_leaves_no_protection_behind() -> None:
    """After a boot with an MPU, one without it reads, writes and takes its time as before."""
    plain = (write32(PAGE, 5), send32(PAGE), write32(0x20004000, 6), send32(0x20004000))
    before = run_nrf_script(*plain)
    boot(ON | BACKGROUND, (region(RAM, 1 << 18, READ_ONLY_PRIVILEGED, never=True), region(PAGE - 0x8000 + 0xF000, 4096, FULL)), ())
    boot(ON | BACKGROUND, (region(PAGE, 4096, NO_ACCESS),), ((STORE, PAGE),))
    assert run_nrf_script(*plain) == before


def test_without_a_handler_the_boot_ends_with_the_cause() -> None:
    """A firmware that leaves MemManage to a HardFault without a handler is told by what the MPU refused."""
    trace = run_nrf_script(write32(0xE000ED9C, PAGE | 0x10), write32(0xE000EDA0, region(PAGE, 4096, NO_ACCESS)[1]), write32(0xE000ED94, 5), send32(PAGE))
    assert (trace.end, trace.end_detail) == (End.HARD_FAULT, f"MPU: read of 4 bytes at 0x{PAGE:08X}")
    assert words(trace.uart) == []
