"""The flash controller's rules (PM0075), each as a short list of accesses that real code performs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from harness.machine.protocol import End, MisuseKind, OperationKind
from tests.machine.firmware import (
    AR,
    BSY,
    CR,
    EOP,
    FLASH,
    IN_RAM,
    KEY1,
    KEY2,
    KEYR,
    LOCK,
    MER,
    PER,
    PG,
    PGERR,
    SR,
    STRT,
    UNLOCK,
    WRPRTERR,
    Step,
    call,
    run_script,
    send32,
    spin,
    wait_clear,
    words,
    write8,
    write16,
    write32,
)

CELL = 0x0800A000
PAGE = 0x0800A000
OTHER_PAGE = 0x0800A400
PAGE_BYTES = 1024
ERASED = b"\xff\xff"

PROGRAM = OperationKind.PROGRAM
PAGE_ERASE = OperationKind.PAGE_ERASE

Change = tuple[OperationKind, int, bytes, bytes]


@dataclass(frozen=True)
class Case:
    """Accesses, and what must come of them."""

    steps: tuple[Step, ...]
    sent: tuple[int, ...] = ()
    changes: tuple[Change, ...] = ()
    misuses: tuple[MisuseKind, ...] = ()
    end: End = End.SLEEPING
    detail: str = "WFI or WFE"


def erase(address: int) -> tuple[Step, ...]:
    """Erase a page as the manual says, and clear PER."""
    return (write32(CR, PER), write32(AR, address), write32(CR, PER | STRT), write32(CR, 0))


RAM_CODE, RESULT = 0x20002000, 0x20003000
NOP, LOAD_STATUS = 0xBF00, 0x68C2  # nop; ldr r2, [r0, #12]


def start_and_read(then: int) -> tuple[Step, ...]:
    """Write STRT and read SR right behind it, then perform `then`; r2, the last value of SR, goes to RESULT. The code is put in RAM."""
    # ldr r0, =FLASH_ACR; ldr r3, =RESULT; movs r1, #PER|STRT; str r1, [r0, #16]; ldr r2, [r0, #12]; ...; str r2, [r3]; bx lr
    code = (0x4803, 0x4B04, 0x2142, 0x6101, LOAD_STATUS, then, 0x601A, 0x4770)
    halves = [*code, 0x2000, 0x4002, RESULT & 0xFFFF, RESULT >> 16]
    words_of_code = [halves[index] | halves[index + 1] << 16 for index in range(0, len(halves), 2)]
    return (*(write32(RAM_CODE + 4 * index, word) for index, word in enumerate(words_of_code)), call(RAM_CODE + 1))


def half(value: int) -> bytes:
    """Little-endian half-word."""
    return value.to_bytes(2, "little")


def fault(address: int, size: str, why: str) -> str:
    """Detail of a bus fault."""
    return f"bus error: write of {size} at 0x{address:08X}: {why}"


UNLOCKED = UNLOCK
PROGRAMMING = (*UNLOCK, write32(CR, PG))
FULL_PAGE = (PAGE_ERASE, PAGE, b"\x34\x12" + b"\xff" * (PAGE_BYTES - 2), b"\xff" * PAGE_BYTES)
PROGRAMMED = (PROGRAM, CELL, ERASED, half(0x1234))

CASES: dict[str, Case] = {
    "CR is locked after reset": Case((send32(CR),), sent=(LOCK,)),
    "both keys in order unlock CR": Case((*UNLOCK, send32(CR)), sent=(0,)),
    "keys written again after the unlock are harmless": Case((*UNLOCK, *UNLOCK, send32(CR)), sent=(0,)),
    "LOCK locks, and the keys unlock again": Case(
        (*UNLOCK, write32(CR, LOCK), send32(CR), *UNLOCK, send32(CR)),
        sent=(LOCK, 0),
    ),
    "a wrong first key faults": Case(
        (write32(KEYR, KEY2),),
        misuses=(MisuseKind.WRONG_KEY,),
        end=End.HARD_FAULT,
        detail=fault(KEYR, "4 bytes", "wrong flash key"),
    ),
    "a wrong second key faults": Case(
        (write32(KEYR, KEY1), write32(KEYR, KEY1)),
        misuses=(MisuseKind.WRONG_KEY,),
        end=End.HARD_FAULT,
        detail=fault(KEYR, "4 bytes", "wrong flash key"),
    ),
    "a locked CR ignores writes": Case((write32(CR, PG), send32(CR)), sent=(LOCK,), misuses=(MisuseKind.LOCKED,)),
    "writing its own value to a locked CR is no misuse": Case((write32(CR, LOCK), send32(CR)), sent=(LOCK,)),
    "a locked AR ignores writes": Case((write32(AR, PAGE), send32(AR)), sent=(0,), misuses=(MisuseKind.LOCKED,)),
    "a half-word store with PG programs an erased cell": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), send32(SR), send32(AR), send32(CELL)),
        sent=(EOP, CELL, 0xFFFF1234),
        changes=(PROGRAMMED,),
    ),
    "a store through the alias at 0 programs the same cell": Case(
        (*PROGRAMMING, write16(CELL - FLASH, 0x1234), send32(CELL)),
        sent=(0xFFFF1234,),
        changes=(PROGRAMMED,),
    ),
    "0xFFFF over an erased cell is an operation": Case(
        (*PROGRAMMING, write16(CELL, 0xFFFF), send32(SR)),
        sent=(EOP,),
        changes=((PROGRAM, CELL, ERASED, ERASED),),
    ),
    "a cell that is not erased refuses another value": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), write32(SR, EOP), write16(CELL, 0x1230), send32(SR), send32(CELL)),
        sent=(PGERR, 0xFFFF1234),
        changes=(PROGRAMMED,),
        misuses=(MisuseKind.PROGRAM_NOT_ERASED,),
    ),
    "a cell that is not erased refuses its own value": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), write16(CELL, 0x1234), send32(SR)),
        sent=(PGERR | EOP,),
        changes=(PROGRAMMED,),
        misuses=(MisuseKind.PROGRAM_NOT_ERASED,),
    ),
    "a cell that is not erased takes 0x0000": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), write16(CELL, 0), send32(SR), send32(CELL)),
        sent=(EOP, 0xFFFF0000),
        changes=(PROGRAMMED, (PROGRAM, CELL, half(0x1234), half(0))),
    ),
    "after an error the next cell still programs": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), write16(CELL, 1), write16(CELL + 2, 5), send32(CELL)),
        sent=(0x00051234,),
        changes=(PROGRAMMED, (PROGRAM, CELL + 2, ERASED, half(5))),
        misuses=(MisuseKind.PROGRAM_NOT_ERASED,),
    ),
    "flags clear by writing 1 to them, one at a time": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), write16(CELL, 1), write32(SR, EOP), send32(SR), write32(SR, PGERR), send32(SR)),
        sent=(PGERR, 0),
        changes=(PROGRAMMED,),
        misuses=(MisuseKind.PROGRAM_NOT_ERASED,),
    ),
    "a word store with PG faults": Case(
        (*PROGRAMMING, write32(CELL, 1)),
        misuses=(MisuseKind.WRONG_WIDTH,),
        end=End.HARD_FAULT,
        detail=fault(CELL, "4 bytes", "flash takes half-words only"),
    ),
    "a byte store with PG faults": Case(
        (*PROGRAMMING, write8(CELL, 1)),
        misuses=(MisuseKind.WRONG_WIDTH,),
        end=End.HARD_FAULT,
        detail=fault(CELL, "1 byte", "flash takes half-words only"),
    ),
    "an unaligned half-word store with PG faults": Case(
        (*PROGRAMMING, write16(CELL + 1, 1)),
        misuses=(MisuseKind.WRONG_WIDTH,),
        end=End.HARD_FAULT,
        detail=fault(CELL + 1, "2 bytes", "flash takes half-words only"),
    ),
    "a store without PG faults": Case(
        (*UNLOCK, write16(CELL, 1)),
        misuses=(MisuseKind.NOT_ENABLED,),
        end=End.HARD_FAULT,
        detail=fault(CELL, "2 bytes", "PG is clear"),
    ),
    "PER, AR and STRT erase the page that holds AR": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), *erase(PAGE + 6), send32(SR), send32(CR), send32(CELL)),
        sent=(EOP, 0, 0xFFFFFFFF),
        changes=(PROGRAMMED, FULL_PAGE),
    ),
    "STRT clears itself": Case(
        (*UNLOCK, write32(CR, PER), write32(AR, PAGE), write32(CR, PER | STRT), send32(CR)),
        sent=(PER,),
        changes=((PAGE_ERASE, PAGE, b"\xff" * PAGE_BYTES, b"\xff" * PAGE_BYTES),),
    ),
    "STRT with no operation selected does nothing": Case((*UNLOCK, write32(CR, STRT), send32(CR)), sent=(0,)),
    "STRT with PG alone does nothing": Case((*UNLOCK, write32(CR, PG | STRT), send32(CR)), sent=(PG,)),
    "an erase outside the array is refused": Case(
        (*UNLOCK, write32(CR, PER), write32(AR, 0x08010000), write32(CR, PER | STRT), send32(SR)),
        sent=(WRPRTERR,),
        misuses=(MisuseKind.WRITE_PROTECTED,),
    ),
    "a program with PER left set does nothing but is recorded": Case(
        (*UNLOCK, write32(CR, PG | PER), write16(CELL, 0x1234), send32(SR), send32(CELL)),
        sent=(0, 0xFFFFFFFF),
        misuses=(MisuseKind.ERASE_BIT_LEFT_SET,),
    ),
    "an erase with PG set does nothing but is recorded": Case(
        (*UNLOCK, write32(CR, PG | PER), write32(AR, PAGE), write32(CR, PG | PER | STRT), send32(SR), send32(CR)),
        sent=(0, PG | PER),
        misuses=(MisuseKind.PG_AND_PER,),
    ),
    "PER and MER together do nothing but are recorded": Case(
        (
            *UNLOCK,
            write32(CR, PER | MER | STRT),
        ),
        misuses=(MisuseKind.PG_AND_PER,),
    ),
    "code in RAM sees BSY until the program ends": Case(
        (IN_RAM, *PROGRAMMING, write16(CELL, 0x1234), send32(SR), wait_clear(SR, BSY), send32(SR)),
        sent=(BSY, EOP),
        changes=(PROGRAMMED,),
    ),
    "a store while BSY waits, and is recorded": Case(
        (IN_RAM, *PROGRAMMING, write16(CELL, 0x1234), write16(CELL + 2, 5), send32(SR)),
        sent=(BSY | EOP,),
        changes=(PROGRAMMED, (PROGRAM, CELL + 2, ERASED, half(5))),
        misuses=(MisuseKind.BUSY_WRITE,),
    ),
    "CR ignores writes while BSY, and they are recorded": Case(
        (IN_RAM, *PROGRAMMING, write16(CELL, 0x1234), write32(CR, 0), send32(CR)),
        sent=(PG,),
        changes=(PROGRAMMED,),
        misuses=(MisuseKind.BUSY_WRITE,),
    ),
    "code that returns to flash while BSY stalls until the end": Case(
        (IN_RAM, *PROGRAMMING, write16(CELL, 0x1234), call(0x08009001), send32(SR)),
        sent=(EOP,),
        changes=(PROGRAMMED,),
    ),
    "ACR shows the prefetch buffer as its enable bit says": Case(
        (send32(0x40022000), write32(0x40022000, 0x12), send32(0x40022000), write32(0x40022000, 0), send32(0x40022000)),
        sent=(0x30, 0x32, 0),
    ),
    "the keys can't be read back": Case((write32(KEYR, KEY1), send32(KEYR)), sent=(0,)),
}

RCC_CR, RCC_CFGR = 0x40021000, 0x40021004
HSION, HSEON, SW_HSE = 1, 0x10000, 1
WITHOUT_INTERNAL_OSCILLATOR = (write32(RCC_CR, HSION | HSEON), write32(RCC_CFGR, SW_HSE), write32(RCC_CR, HSEON))

CASES |= {
    "without the internal oscillator nothing is programmed": Case(
        (*WITHOUT_INTERNAL_OSCILLATOR, *PROGRAMMING, write16(CELL, 0x1234), send32(SR), send32(CELL)),
        sent=(0, 0xFFFFFFFF),
        misuses=(MisuseKind.CLOCK_OFF,),
    ),
    "without the internal oscillator nothing is erased": Case(
        (*PROGRAMMING, write16(CELL, 0x1234), write32(SR, EOP), *WITHOUT_INTERNAL_OSCILLATOR, *erase(PAGE), send32(SR), send32(CELL)),
        sent=(0, 0xFFFF1234),
        changes=(PROGRAMMED,),
        misuses=(MisuseKind.CLOCK_OFF,),
    ),
    "the internal oscillator does not stop while the core runs from it": Case(
        (write32(RCC_CR, 0), *PROGRAMMING, write16(CELL, 0x1234), send32(CELL)),
        sent=(0xFFFF1234,),
        changes=(PROGRAMMED,),
    ),
    "SR read right behind the store of STRT does not show BSY": Case(
        (IN_RAM, *UNLOCK, write32(CR, PER), write32(AR, PAGE), *start_and_read(NOP), send32(RESULT), wait_clear(SR, BSY)),
        sent=(0,),
        changes=((PAGE_ERASE, PAGE, b"\xff" * PAGE_BYTES, b"\xff" * PAGE_BYTES),),
    ),
    "SR read once more shows BSY": Case(
        (IN_RAM, *UNLOCK, write32(CR, PER), write32(AR, PAGE), *start_and_read(LOAD_STATUS), send32(RESULT), wait_clear(SR, BSY)),
        sent=(BSY,),
        changes=((PAGE_ERASE, PAGE, b"\xff" * PAGE_BYTES, b"\xff" * PAGE_BYTES),),
    ),
}

RETURN_AT_ONCE = {0x08009000: b"\x70\x47"}


@pytest.mark.parametrize("sentence", CASES)
def test_rule(sentence: str) -> None:
    """The controller does what the sentence says."""
    case = CASES[sentence]
    trace = run_script(*case.steps, patches=RETURN_AT_ONCE)
    assert (trace.end, trace.end_detail) == (case.end, case.detail)
    assert tuple(words(trace.uart)) == case.sent
    operations = [trace.operations[index] for index in range(len(trace.operations))]
    assert tuple((operation.kind, operation.address, operation.old, operation.new) for operation in operations) == case.changes
    assert tuple(misuse.kind for misuse in trace.misuses) == case.misuses


def test_mass_erase_takes_the_whole_array() -> None:
    """MER and STRT erase every page, and the code that asked for it."""
    trace = run_script(*UNLOCK, write32(CR, MER), write32(CR, MER | STRT))
    operation = trace.operations[0]
    assert (operation.kind, operation.address, operation.size_bytes) == (OperationKind.MASS_ERASE, FLASH, 65536)
    assert trace.final.flash == b"\xff" * 65536
    assert trace.end == End.ERASED_FLASH
    assert trace.erases == b"\x01" * 64


def test_durations_pass_in_virtual_time() -> None:
    """From flash, the next instruction comes when the operation is done; the log holds start and length."""
    trace = run_script(*PROGRAMMING, write16(CELL, 1), write16(CELL + 2, 2), *erase(OTHER_PAGE))
    first, second, third = (trace.operations[index] for index in range(3))
    assert (first.duration_ps, third.duration_ps) == (52_500_000, 30_000_000_000)
    assert second.start_ps >= first.start_ps + first.duration_ps
    assert trace.time_ps >= third.start_ps + third.duration_ps
    assert trace.erases[41] == 1
    assert sum(trace.erases) == 1


def test_busy_lasts_as_long_as_the_operation() -> None:
    """Polled from RAM, an erase takes its time too, in instructions instead of a stall."""
    polled = run_script(IN_RAM, *UNLOCK, write32(CR, PER), write32(AR, PAGE), write32(CR, PER | STRT), wait_clear(SR, BSY))
    operation = polled.operations[0]
    end_ps = operation.start_ps + operation.duration_ps
    assert end_ps <= polled.time_ps < end_ps + 20_000_000
    assert polled.instructions > 100_000


def test_stop_before_an_operation() -> None:
    """The machine stops with every cell as it was, and tells what the operation would have done."""
    steps = (*PROGRAMMING, write16(CELL, 0x1234), spin(10), *erase(PAGE), write32(CR, PG), write16(CELL, 5))
    whole = run_script(*steps)
    for index in range(3):
        stopped = run_script(*steps, stop_before=index)
        assert stopped.end == End.STOPPED
        assert stopped.pending == whole.operations[index]
        assert stopped.pc == whole.operations[index].pc
        assert stopped.instructions == whole.operations[index].instructions
        assert [stopped.operations[at] for at in range(len(stopped.operations))] == [whole.operations[at] for at in range(index)]
        operation = whole.operations[index]
        offset = operation.address - FLASH
        assert stopped.final.flash[offset : offset + operation.size_bytes] == operation.old
    assert run_script(*steps, stop_before=3).end == End.SLEEPING


def test_endless_erase_ends_with_the_budget() -> None:
    """A firmware that erases for ever fills the log and ends there, with the log complete."""
    loop = _erase_loop()
    trace = run_script(*UNLOCK, write32(CR, PER), write32(AR, PAGE), call(0x0800B001), patches={0x0800B000: loop}, budget=10_000_000)
    assert trace.end == End.BUDGET
    assert trace.end_detail == f"operation log full: {len(trace.operations)} operations"
    assert trace.erases[40] == 255


def _erase_loop() -> bytes:
    """`ldr r0, =CR; movs r1, #0x42; 1: str r1, [r0]; b 1b`."""
    return bytes.fromhex("01484221") + bytes.fromhex("0160FDE7") + CR.to_bytes(4, "little")


CONDITIONAL_LOAD = (
    *(0x4807, 0x2200, 0x2300, 0x2A00),  # ldr r0, =CELL; movs r2, #0; movs r3, #0; cmp r2, #0
    *(0xBF06, 0x6801, 0x3201, 0x3301),  # itte eq; ldreq r1, [r0]; addeq r2, #1; addne r3, #1
    *(0x2A01, 0xBF14, 0x2309, 0x3320),  # cmp r2, #1; ite ne; movne r3, #9; addeq r3, #32
    *(0x4802, 0x6002, 0x6043, 0x4770),  # ldr r0, =RESULT; str r2, [r0]; str r3, [r0, #4]; bx lr
    *(CELL & 0xFFFF, CELL >> 16, RESULT & 0xFFFF, RESULT >> 16),
)
START_ERASE = (*UNLOCK, write32(CR, PER), write32(AR, PAGE), write32(CR, PER | STRT))


@pytest.mark.parametrize("address", [CELL, CELL - FLASH, 0x1FFFF800])
def test_code_in_ram_that_reads_the_flash_waits(address: int) -> None:
    """A load from the flash, its alias or the option bytes while BSY comes back when the operation is over; one from RAM does not wait."""
    waits = run_script(IN_RAM, *START_ERASE, write32(RESULT, 5), send32(address), send32(SR))
    assert words(waits.uart)[1] == EOP
    assert waits.time_ps > waits.operations[0].start_ps + waits.operations[0].duration_ps
    assert waits.misuses == ()
    runs_on = run_script(IN_RAM, *START_ERASE, write32(RESULT, 5), send32(RESULT), send32(SR))
    assert words(runs_on.uart) == [5, BSY]


def test_a_conditional_load_that_waits_does_not_disturb_what_follows() -> None:
    """The load inside an IT block is executed once, and the conditional code behind it as its conditions say."""
    code = [CONDITIONAL_LOAD[index] | CONDITIONAL_LOAD[index + 1] << 16 for index in range(0, len(CONDITIONAL_LOAD), 2)]
    place = tuple(write32(RAM_CODE + 4 * index, word) for index, word in enumerate(code))
    trace = run_script(IN_RAM, *place, *START_ERASE, call(RAM_CODE + 1), send32(SR), send32(RESULT), send32(RESULT + 4))
    assert words(trace.uart) == [EOP, 1, 32]


def test_loads_are_watched_only_where_code_runs_in_ram() -> None:
    """A boot after one that ran code in RAM is the one that it would have been before it, instruction by instruction."""
    before = run_script(*START_ERASE, send32(CELL), spin(1000))
    run_script(IN_RAM, *START_ERASE, send32(CELL))
    assert run_script(*START_ERASE, send32(CELL), spin(1000)) == before
