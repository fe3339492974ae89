"""Option bytes: programmed under their own lock, kept without power, loaded at reset (PM0075 2.5)."""

from __future__ import annotations

from harness.machine.protocol import End, MisuseKind, OperationKind, Trace
from tests.machine.firmware import (
    AR,
    CR,
    EOP,
    FLASH,
    MER,
    OBR,
    OPTER,
    OPTKEYR,
    OPTPG,
    OPTWRE,
    PER,
    PG,
    PGERR,
    SR,
    STRT,
    UNLOCK,
    UNLOCK_OPTIONS,
    WRPR,
    WRPRTERR,
    run_script,
    send32,
    words,
    write16,
    write32,
)

OPTION = 0x1FFFF800
RDP, USER, WRP1 = OPTION, OPTION + 2, OPTION + 10
DELIVERY = bytes.fromhex("A55A FF00 FF00 FF00 FF00 FF00 FF00 FF00")
ERASED = b"\xff" * 16
CELL = 0x0800A000

ERASE = (write32(CR, OPTWRE | OPTER), write32(CR, OPTWRE | OPTER | STRT))
PROGRAM = write32(CR, OPTWRE | OPTPG)


def kinds(trace: Trace) -> list[OperationKind]:
    """Kinds of the boot's operations."""
    return [trace.operations[index].kind for index in range(len(trace.operations))]


def test_the_delivery_state_is_unprotected() -> None:
    """No option bytes given: nothing is protected, the watchdog waits for software."""
    trace = run_script(send32(OBR), send32(WRPR), send32(OPTION))
    assert words(trace.uart) == [0x03FFFFFC, 0xFFFFFFFF, 0x00FF5AA5]
    assert trace.final.option_bytes == DELIVERY


def test_keys_set_optwre_and_software_clears_it() -> None:
    """OPTWRE comes with the option keys only, and only after CR was unlocked."""
    trace = run_script(*UNLOCK, write32(CR, OPTWRE), send32(CR), *UNLOCK_OPTIONS[2:], send32(CR), write32(CR, 0), send32(CR))
    assert words(trace.uart) == [0, OPTWRE, 0]
    assert [misuse.kind for misuse in run_script(write32(OPTKEYR, 1)).misuses] == [MisuseKind.LOCKED]
    wrong = run_script(*UNLOCK, write32(OPTKEYR, 1), *UNLOCK_OPTIONS[2:], send32(CR))
    assert words(wrong.uart) == [0]


def test_erase_and_program_are_operations_that_last() -> None:
    """The controller erases the block, computes complements, and the registers follow at the next reset only."""
    trace = run_script(*UNLOCK_OPTIONS, *ERASE, PROGRAM, write16(RDP, 0xA5), write16(WRP1, 0xFB), send32(SR), send32(WRPR))
    assert kinds(trace) == [OperationKind.OPTION_ERASE, OperationKind.OPTION_PROGRAM, OperationKind.OPTION_PROGRAM]
    erase, first, second = (trace.operations[index] for index in range(3))
    assert (erase.address, erase.old, erase.new) == (OPTION, DELIVERY, ERASED)
    assert (first.address, first.old, first.new) == (RDP, b"\xff\xff", b"\xa5\x5a")
    assert (second.address, second.new) == (WRP1, b"\xfb\x04")
    assert words(trace.uart) == [EOP, 0xFFFFFFFF]
    after = run_script(send32(WRPR), option_bytes=trace.final.option_bytes)
    assert words(after.uart) == [0xFFFFFBFF]


def test_write_protection_refuses_program_and_erase() -> None:
    """Bit 2 of WRP1 protects pages 40 to 43, against page erase, mass erase and program."""
    protected = DELIVERY[:10] + b"\xfb\x04" + DELIVERY[12:]
    for steps in (
        (write32(CR, PG), write16(CELL, 1)),
        (write32(CR, PER), write32(AR, CELL), write32(CR, PER | STRT)),
        (write32(CR, MER), write32(CR, MER | STRT)),
    ):
        trace = run_script(*UNLOCK, *steps, send32(SR), option_bytes=protected)
        assert words(trace.uart) == [WRPRTERR]
        assert [misuse.kind for misuse in trace.misuses] == [MisuseKind.WRITE_PROTECTED]
        assert len(trace.operations) == 0
    beside = run_script(*UNLOCK, write32(CR, PG), write16(CELL + 4096, 1), option_bytes=protected)
    assert kinds(beside) == [OperationKind.PROGRAM]


def test_erased_option_bytes_protect_against_reading() -> None:
    """After an erase RDP is 0xFF: protected, with the first four pages write-protected."""
    trace = run_script(send32(OBR), *UNLOCK, write32(CR, PER), write32(AR, FLASH), write32(CR, PER | STRT), option_bytes=ERASED)
    assert words(trace.uart) == [0x03FFFFFE]
    assert [misuse.kind for misuse in trace.misuses] == [MisuseKind.WRITE_PROTECTED]


def test_lifting_read_protection_erases_the_array() -> None:
    """Programming RDP to 0xA5 while protected is a mass erase first."""
    trace = run_script(*UNLOCK_OPTIONS, PROGRAM, write16(RDP, 0xA5), option_bytes=ERASED)
    assert kinds(trace) == [OperationKind.MASS_ERASE, OperationKind.OPTION_PROGRAM]
    assert trace.final.flash == b"\xff" * 65536
    assert trace.operations[1].start_ps >= trace.operations[0].start_ps + trace.operations[0].duration_ps
    assert trace.end == End.ERASED_FLASH


def test_a_store_without_optwre() -> None:
    """A store without OPTWRE is refused with WRPRTERR."""
    trace = run_script(*UNLOCK, write32(CR, OPTPG), write16(USER, 0), send32(SR))
    assert words(trace.uart) == [WRPRTERR]
    assert trace.final.option_bytes == DELIVERY


def test_an_option_byte_that_is_not_erased() -> None:
    """An option byte is programmed once, then erased with all the others."""
    trace = run_script(*UNLOCK_OPTIONS, PROGRAM, write16(USER, 0), send32(SR))
    assert words(trace.uart) == [PGERR]
    assert trace.final.option_bytes == DELIVERY
    assert [misuse.kind for misuse in trace.misuses] == [MisuseKind.PROGRAM_NOT_ERASED]


def test_code_in_flash_is_not_kept_out() -> None:
    """Code in flash reads and programs it while read protection is on."""
    trace = run_script(*UNLOCK, write32(CR, PG), write16(CELL, 0x1234), send32(CELL), send32(FLASH), option_bytes=ERASED)
    assert words(trace.uart) == [0xFFFF1234, 0x20005000]
    assert kinds(trace) == [OperationKind.PROGRAM]


def test_a_wrong_complement_is_an_error() -> None:
    """The byte counts as 0xFF and OPTERR is set."""
    trace = run_script(send32(OBR), send32(WRPR), option_bytes=DELIVERY[:10] + b"\xfb\x05" + DELIVERY[12:])
    assert words(trace.uart) == [0x03FFFFFD, 0xFFFFFFFF]


def test_the_hardware_watchdog_starts_by_itself() -> None:
    """USER.WDG_SW at 0: the watchdog runs from reset, 409.6 ms with its reset values."""
    trace = run_script(option_bytes=DELIVERY[:2] + b"\xfe\x01" + DELIVERY[4:])
    assert trace.end == End.WATCHDOG
    assert trace.time_ps == 409_600_000_000


def test_the_chip_names_itself() -> None:
    """The unique id and the flash size are those of the device file."""
    trace = run_script(send32(0x1FFFF7E8), send32(0x1FFFF7EC), send32(0x1FFFF7F0), send32(0x1FFFF7E0))
    assert trace.uart == bytes.fromhex("2A003B00 0F473230 35393436") + b"\x40\x00\xff\xff"
