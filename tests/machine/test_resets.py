"""What a reset of the chip's own leaves for the next boot, and what only power keeps: flags, RAM, backup registers, the nRF's watchdog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.campaign.boots import live_crash_image, log_of, run_until_settled
from harness.device import load_device
from harness.fault.faults import Fault, Tear
from harness.machine.engines import share_boots
from harness.machine.protocol import End, NonVolatile, Retained, Trace
from harness.machine.sharing import SharingMachine
from tests.machine.firmware import CR, IN_RAM, PG, UNLOCK, Step, call, make_machine, make_script_flash, send32, spin, words, write16, write32
from tests.machine.nrf52840 import make_nrf_flash, make_nrf_machine
from tests.oracle.runs import make_run, make_scenario

AIRCR = 0xE000ED0C
RESET: Step = write32(AIRCR, 0x05FA0004)
RAM_WORD = 0x20004000
MAGIC = 0xB007B007
RCC_CSR, RCC_BDCR, RCC_APB1ENR, PWR_CR, BKP_DR1, BKP_DR10 = 0x40021024, 0x40021020, 0x4002101C, 0x40007000, 0x40006C04, 0x40006C28
POWER_ON_FLAGS, SOFTWARE_FLAG, WATCHDOG_FLAG, PIN_FLAG, RMVF = 0x0C000000, 0x10000000, 0x20000000, 0x04000000, 1 << 24
IWDG_KR, IWDG_RLR = 0x40003000, 0x40003008
BACKUP_CLOCKS, DBP = 0x18000000, 0x100
RESETREAS, GPREGRET, GPREGRET2 = 0x40000400, 0x4000051C, 0x40000520
SREQ, DOG, LOCKUP = 4, 2, 8
WDT_START, WDT_RUNSTATUS, WDT_CRV, WDT_RR0 = 0x40010000, 0x40010400, 0x40010504, 0x40010600
WDT_FEED: Step = write32(WDT_RR0, 0x6E524635)


def boot_f103(*steps: Step, retained: Retained | None = None) -> Trace:
    """Boot an STM32F103 that performs `steps`."""
    return make_machine().boot(NonVolatile(make_script_flash(steps)), seed=1, instruction_budget=2_000_000, retained=retained)


def boot_nrf(*steps: Step, retained: Retained | None = None) -> Trace:
    """Boot an nRF52840 that performs `steps`."""
    return make_nrf_machine().boot(NonVolatile(make_nrf_flash(steps)), seed=1, instruction_budget=2_000_000, retained=retained)


BITE_F103 = (write32(IWDG_KR, 0x5555), write32(IWDG_RLR, 10), write32(IWDG_KR, 0xCCCC))
BITE_NRF = (write32(WDT_CRV, 327), write32(WDT_START, 1))


@pytest.mark.parametrize(("ends", "end", "flags"), [((RESET,), End.RESET, SOFTWARE_FLAG), (BITE_F103, End.WATCHDOG, WATCHDOG_FLAG)])
def test_the_f103_tells_its_resets_apart(ends: tuple[Step, ...], end: End, flags: int) -> None:
    """CSR names the cause beside PINRSTF, which every reset sets; power-on's flags go with RMVF, and RAM is kept."""
    first = boot_f103(write32(RCC_CSR, RMVF), write32(RAM_WORD, MAGIC), *ends)
    assert first.end == end
    second = boot_f103(send32(RCC_CSR), send32(RAM_WORD), retained=first.retained)
    assert words(second.uart) == [flags | PIN_FLAG, MAGIC]


def test_reset_flags_of_the_f103_add_up_until_they_are_removed() -> None:
    """Without RMVF the flags of power-on stay beside those of the reset."""
    first = boot_f103(RESET)
    assert words(boot_f103(send32(RCC_CSR), retained=first.retained).uart) == [POWER_ON_FLAGS | SOFTWARE_FLAG]


def test_backup_registers_outlive_a_reset_and_not_a_loss_of_power() -> None:
    """With both clocks and DBP they take 16 bits; the next boot finds them, and BDCR, unless power was lost."""
    setup = (write32(RCC_APB1ENR, BACKUP_CLOCKS), write32(PWR_CR, DBP))
    first = boot_f103(*setup, write32(BKP_DR1, 0x12345678), write32(BKP_DR10, 0xA5A5), write32(RCC_BDCR, 1), RESET)
    read = (write32(RCC_APB1ENR, BACKUP_CLOCKS), send32(BKP_DR1), send32(BKP_DR10), send32(RCC_BDCR))
    assert words(boot_f103(*read, retained=first.retained).uart) == [0x5678, 0xA5A5, 3]
    cleared = (*setup, write32(RCC_BDCR, 0x10000), *read[1:])
    assert words(boot_f103(*cleared, retained=first.retained).uart) == [0, 0, 0x10000]
    assert words(boot_f103(*read).uart) == [0, 0, 0]


def test_backup_registers_need_their_clocks_and_dbp() -> None:
    """Without DBP writes are lost; without a clock a register reads 0 and ignores writes. None of this counts as not modelled."""
    trace = boot_f103(
        *(write32(PWR_CR, DBP), write32(RCC_APB1ENR, BACKUP_CLOCKS), send32(PWR_CR), write32(BKP_DR1, 1), write32(RCC_BDCR, 1)),
        *(send32(BKP_DR1), send32(RCC_BDCR), write32(PWR_CR, DBP), write32(BKP_DR1, 1), send32(BKP_DR1)),
        *(write32(RCC_APB1ENR, 0), send32(BKP_DR1), send32(PWR_CR)),
    )
    assert words(trace.uart) == [0, 0, 0, 1, 0, 0]
    assert trace.unmodelled == ()


def test_a_soft_reset_of_the_nrf_keeps_ram_and_retention_registers() -> None:
    """RESETREAS gathers SREQ until 1 is written to it; GPREGRET and GPREGRET2 are bytes; power-on clears all."""
    first = boot_nrf(write32(GPREGRET, 0x1B1), write32(GPREGRET2, 7), write32(RAM_WORD, MAGIC), RESET)
    second = boot_nrf(send32(RESETREAS), send32(GPREGRET), send32(GPREGRET2), send32(RAM_WORD), RESET, retained=first.retained)
    third = boot_nrf(send32(RESETREAS), write32(RESETREAS, SREQ), send32(RESETREAS), *BITE_NRF, retained=second.retained)
    assert (words(second.uart), words(third.uart)) == ([SREQ, 0xB1, 7, MAGIC], [SREQ, 0])
    assert words(boot_nrf(send32(RESETREAS), send32(GPREGRET)).uart) == [0, 0]


def test_the_watchdog_of_the_nrf_resets_more() -> None:
    """DOG is set; the retention registers are 0 and RAM is noise again."""
    first = boot_nrf(write32(GPREGRET, 0xB1), write32(RAM_WORD, MAGIC), *BITE_NRF)
    assert first.end == End.WATCHDOG
    again = boot_nrf(send32(RESETREAS), send32(GPREGRET), send32(RAM_WORD), send32(WDT_RUNSTATUS), retained=first.retained)
    reason, kept, ram, runs = words(again.uart)
    assert (reason, kept, runs) == (DOG, 0, 0)
    assert ram != MAGIC


def test_a_running_watchdog_of_the_nrf_outlives_a_soft_reset() -> None:
    """Started with 10 ms in one boot, it ends the next one, which never heard of it, in what was left of them; fed, it starts anew."""
    first = boot_nrf(*BITE_NRF, spin(10_000), RESET)
    second = boot_nrf(send32(WDT_RUNSTATUS), send32(WDT_CRV), retained=first.retained)
    assert words(second.uart) == [1, 327]
    assert second.end == End.WATCHDOG
    assert first.time_ps + second.time_ps == pytest.approx(10_010_000_000, rel=0.01)
    fed = boot_nrf(spin(10_000), WDT_FEED, retained=first.retained)
    assert fed.time_ps > second.time_ps
    assert first.time_ps < fed.watchdog_longest_ps < fed.watchdog_period_ps == 10_009_765_625


def test_a_lockup_resets_the_nrf_alone() -> None:
    """The nRF52840 starts again and says so; the STM32F103 stands still until its power is cycled."""
    erased = make_nrf_machine().boot(NonVolatile(b"\xff" * 2**20), seed=1)
    assert erased.end == End.LOCKUP
    assert words(boot_nrf(send32(RESETREAS), retained=erased.retained).uart) == [LOCKUP]
    stuck = make_machine().boot(NonVolatile(b"\xff" * 65536), seed=1)
    assert (stuck.end, stuck.retained) == (End.LOCKUP, None)


def test_only_a_reset_retains() -> None:
    """A boot that sleeps or faults leaves nothing behind."""
    assert boot_f103().retained is None
    assert boot_f103(write32(0x30000000, 1)).retained is None


def test_code_that_ram_kept_runs_after_the_reset() -> None:
    """What the first boot copied to RAM and ran, the second finds there; another content in its place is what runs then."""
    first = boot_f103(IN_RAM, RESET)
    assert first.retained is not None
    code = first.retained.ram
    jump = call(0x20000101)  # `bx lr` is put where the first boot had other code
    patched = replace(first.retained, ram=code[:0x100] + b"\x70\x47" + code[0x102:])
    assert boot_f103(jump, send32(0x20000100), retained=patched).uart[:2] == b"\x70\x47"


def test_retained_state_of_another_machine_is_refused() -> None:
    """RAM of another size, or registers that this engine did not give."""
    with pytest.raises(ValueError, match="RAM must have 20480 bytes"):
        boot_f103(retained=Retained(bytes(104), b"x"))
    with pytest.raises(ValueError, match="retained registers take 104 bytes"):
        boot_f103(retained=Retained(b"x"))


def test_boots_that_find_other_ram_are_not_shared() -> None:
    """What a reset kept is part of what a boot depends on."""
    machine = share_boots(make_machine(), load_device("stm32f103"), "c8", ())
    assert isinstance(machine, SharingMachine)
    state = NonVolatile(make_script_flash((send32(RAM_WORD),)))
    kept = [boot_f103(write32(RAM_WORD, value), RESET).retained for value in (1, 1, 2)]
    sent = [words(machine.boot(state, seed=1, retained=retained).uart) for retained in (*kept, None)]
    assert sent[:3] == [[1], [1], [2]]
    assert (machine.boots_made, machine.boots_shared) == (3, 1)


def test_a_run_carries_a_flag_in_ram_over_its_own_reset() -> None:
    """A run goes on with what the reset kept, and a cut in the boot after it starts from there too, log and machine alike."""
    counter = make_counting_flash()
    machine = make_machine()
    scenario = replace(make_scenario(), device=load_device("stm32f103"))
    case = replace(make_run().case, state=NonVolatile(counter, scenario.device.option_bytes.delivery_state.value))
    run = run_until_settled(machine, scenario, case, case.state, 1)
    assert [trace.end for trace in run.traces[:2]] == [End.RESET, End.SLEEPING]
    assert run.traces[1].operations[0].new == b"\x01\x00"
    log = log_of(run, 1)
    assert log.boots[1].retained == run.traces[0].retained
    live = live_crash_image(machine, scenario, log.boots, Fault(1, 0, Tear.ALL), 1)
    assert live.state.flash[0xA000:0xA002] == b"\x01\x00"


def make_counting_flash() -> bytes:
    """Return a program that, without the magic word in RAM, writes it and resets; with it, takes it back and programs a half-word."""
    code = (
        *(0x4807, 0x4908, 0x6802, 0x428A, 0xD004),  # ldr r0, =RAM_WORD; ldr r1, =MAGIC; ldr r2, [r0]; cmp r2, r1; beq 1f
        *(0x6001, 0x4806, 0x4907, 0x6001, 0xE7FE),  # str r1, [r0]; ldr r0, =AIRCR; ldr r1, =key; str r1, [r0]; b .
        *(0x2200, 0x6002, 0x4805, 0x4700),  # 1: movs r2, #0; str r2, [r0]; ldr r0, =script; bx r0
        *(0x0000, 0x0000),
    )
    literals = (RAM_WORD, MAGIC, AIRCR, 0x05FA0004)
    script = make_script_flash((*UNLOCK, write32(CR, PG), write16(0x0800A000, 1)))
    start = int.from_bytes(script[4:8], "little")
    blob = b"".join(half.to_bytes(2, "little") for half in code) + b"".join(word.to_bytes(4, "little") for word in (*literals, start))
    return script[:4] + (0x0800C001).to_bytes(4, "little") + script[8:0xC000] + blob.ljust(0x4000, b"\xff")
