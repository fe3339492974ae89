"""Cycles: each instruction costs what its core's manual says, time is the middle of the range, and wait states widen its end."""

from __future__ import annotations

import functools
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from harness.device import Timing, load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import CallTimes, End, NonVolatile, OperationKind, Trace
from tests.machine.firmware import AR, CR, FLASH, PER, STRT, UNLOCK, make_machine, make_script_flash, run_script, spin, write32

ACR = 0x40022000
IWDG = 0x40003000
ACR_TWO_WAIT_STATES = 0x32
RAM_STACK = 0x20001000
PROLOGUE = "ldr r0, =0x20000100; ldr r1, =0x20000200; movs r2, #3; movs r3, #5; movs r4, #7; movs r5, #1"

# DDI 0337 table 3-1 (M3) and DDI 0439 table 3-1 (M4); P, the refill of the pipeline, is 1 to 3 cycles.
SAME_ON_BOTH: dict[str, tuple[int, int]] = {
    "adds r2, r3, r4": (1, 1),
    "add.w r2, r3, r4, lsl #3": (1, 1),
    "movw r2, #0x1234": (1, 1),
    "mov r8, r2": (1, 1),
    "lsls r2, r3": (1, 1),
    "ubfx r2, r3, #1, #4": (1, 1),
    "clz r2, r3": (1, 1),
    "cmp r2, r3": (1, 1),
    "nop": (1, 1),
    "mul r2, r3, r4": (1, 1),
    "sdiv r2, r3, r4": (2, 12),
    "udiv r2, r3, r4": (2, 12),
    "ldr r2, [r0]": (1, 2),
    "ldrb.w r2, [r0, #3]": (1, 2),
    "ldrsh r2, [r0, r5, lsl #1]": (1, 2),
    "ldr r2, =0x12345678": (1, 2),
    "ldr r2, [sp, #4]": (1, 2),
    "str r2, [r0]": (1, 2),
    "strh r2, [r0, #2]": (1, 2),
    "str.w r2, [r0], #4": (1, 2),
    "ldrd r2, r3, [r0]": (3, 3),
    "strd r2, r3, [r0]": (3, 3),
    "ldmia r0!, {r2, r3, r4, r5}": (5, 5),
    "stmia r0!, {r2, r3, r4}": (4, 4),
    "ldmia.w r0, {r2-r9}": (9, 9),
    "push {r2, r3, lr}": (4, 4),
    "pop {r2, r3}": (3, 3),
    "push.w {r2-r9}": (9, 9),
    "ldrex r2, [r0]": (2, 2),
    "strex r2, r3, [r0]": (2, 2),
    "b.n 9f\n 9:": (2, 4),
    "b.w 9f\n 9:": (2, 4),
    "bl 9f\n 9:": (2, 4),
    "beq.n 9f\n nop\n 9:": (2, 5),
    "beq.w 9f\n nop\n 9:": (2, 5),
    "cbz r2, 9f\n nop\n 9:": (2, 5),
    "adr r2, 9f\n adds r2, #1\n bx r2\n .balign 4\n 9:": (4, 6),
    "adr r2, 9f\n adds r2, #1\n push {r2}\n pop {pc}\n .balign 4\n 9:": (7, 9),
    "movs r2, #0\n tbb [pc, r2]\n .byte 1, 1\n 9:": (4, 6),
    "mrs r2, primask": (1, 2),
    "msr primask, r5": (1, 2),
    "cpsid i": (1, 2),
    "dmb": (1, 4),
    "isb": (2, 4),
    "cmp r2, r2\n it eq\n moveq r2, r3": (2, 3),
    "cmp r2, r2\n ite eq\n ldmiaeq.w r0, {r2-r9}\n mulne r2, r3, r4": (3, 12),
    "cmp r2, r2\n it ne\n udivne r2, r3, r4\n udiv r2, r3, r4": (4, 26),
}
ON_THE_M3 = {
    "mla r2, r3, r4, r5": (2, 2),
    "mls r2, r3, r4, r5": (2, 2),
    "umull r2, r3, r4, r5": (3, 5),
    "smull r2, r3, r4, r5": (3, 5),
    "umlal r2, r3, r4, r5": (4, 7),
    "smlal r2, r3, r4, r5": (4, 7),
}
ON_THE_M4 = {
    "mla r2, r3, r4, r5": (1, 2),
    "mls r2, r3, r4, r5": (1, 2),
    "umull r2, r3, r4, r5": (1, 1),
    "smlal r2, r3, r4, r5": (1, 1),
}
DELAY_ROUNDS = 200
DELAY_LOOP = f"movs r2, #{DELAY_ROUNDS}\n 9: subs r2, #1\n bne.n 9b"
CALLED = "adds r2, #1\n cmp r2, #6\n it lo\n udivlo r2, r3, r4\n bx lr"  # 5 to 19 cycles
TWO_CALLS = f"bl 7f\n bl 7f\n b.n 8f\n .balign 4\n 7: {CALLED}\n 8:"
CALLED_ADDRESS = FLASH + 0x118
NRF_FEEDING = (
    "ldr r0, =0x40010000\n movw r2, #999\n str.w r2, [r0, #0x504]\n movs r2, #1\n str r2, [r0]\n"  # CRV, TASKS_START
    f"movs r2, #{DELAY_ROUNDS}\n 9: subs r2, #1\n bne.n 9b\n ldr r2, =0x6E524635\n str.w r2, [r0, #0x600]"  # RR[0]
)
SNIPPETS = (*SAME_ON_BOTH, *ON_THE_M3, DELAY_LOOP, TWO_CALLS, NRF_FEEDING)


@functools.cache
def assembled() -> dict[str, bytes]:
    """Assemble every snippet once: a prologue, the snippet, WFI, and its literals, as one piece that runs at the same place."""
    pieces = ["", *SNIPPETS]
    text = [".syntax unified", ".cpu cortex-m3", ".thumb", ".text"]
    for number, snippet in enumerate(pieces):
        text += [".balign 256", f"piece{number}:", *PROLOGUE.split("; "), ".balign 4", snippet, "wfi", "b .", ".ltorg", f"end{number}:"]
    with tempfile.TemporaryDirectory() as folder:
        source, object_file = Path(folder) / "snippets.S", Path(folder) / "snippets.o"
        source.write_text("\n".join(text) + "\n")
        command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3", "-c", "-o", str(object_file), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        with object_file.open("rb") as stream:
            file = ELFFile(stream)
            text_section, table = file.get_section_by_name(".text"), file.get_section_by_name(".symtab")
            assert text_section is not None
            assert isinstance(table, SymbolTableSection)
            code = text_section.data()
            places = {symbol.name: symbol["st_value"] & ~1 for symbol in table.iter_symbols()}
    return {snippet: code[places[f"piece{number}"] : places[f"end{number}"]] for number, snippet in enumerate(pieces)}


@functools.cache
def machine_with(core: str) -> EmbeddedMachine:
    """Return a machine that counts cycles as that core does."""
    return EmbeddedMachine(load_device("stm32f103").model_copy(update={"core": core}), "c8")


def snippet_state(snippet: str) -> NonVolatile:
    """Return a flash that runs one assembled piece after reset."""
    image = struct.pack("<II", RAM_STACK, FLASH + 0x100 + 1).ljust(0x100, b"\xff") + assembled()[snippet]
    return NonVolatile(image.ljust(65536, b"\xff"))


def run_snippet(snippet: str, core: str) -> Trace:
    """Boot one assembled piece."""
    trace = machine_with(core).boot(snippet_state(snippet), seed=1)
    assert trace.end is End.SLEEPING, f"{snippet}: {trace.end_detail}"
    return trace


def cycles_of(snippet: str, core: str) -> tuple[int, int]:
    """Return what the snippet adds to the range of cycles of an empty one."""
    base, trace = run_snippet("", core), run_snippet(snippet, core)
    return trace.cycles_low - base.cycles_low, trace.cycles_high - base.cycles_high


@pytest.mark.parametrize(("snippet", "expected"), [*SAME_ON_BOTH.items(), *ON_THE_M3.items()])
def test_an_instruction_costs_what_the_manual_of_the_cortex_m3_says(snippet: str, expected: tuple[int, int]) -> None:
    """Fewest and most cycles, without wait states."""
    assert cycles_of(snippet, "cortex-m3") == expected


@pytest.mark.parametrize(("snippet", "expected"), [*SAME_ON_BOTH.items(), *ON_THE_M4.items()])
def test_an_instruction_costs_what_the_manual_of_the_cortex_m4_says(snippet: str, expected: tuple[int, int]) -> None:
    """Multiplications take one cycle; the rest is as on the M3."""
    assert cycles_of(snippet, "cortex-m4") == expected


def test_counts_are_equal_on_repeated_boots() -> None:
    """On a used machine and on a fresh one, with other contents of RAM."""
    state = NonVolatile(make_script_flash((*UNLOCK, write32(CR, PER), write32(AR, FLASH + 0x8000), write32(CR, PER | STRT), spin(5000))))
    fresh = EmbeddedMachine(load_device("stm32f103"), "c8")
    traces = [machine.boot(state, seed=seed) for machine, seed in ((make_machine(), 1), (make_machine(), 2), (fresh, 3))]
    assert len({(trace.instructions, trace.cycles_low, trace.cycles_high, trace.time_ps, trace.time_low_ps, trace.time_high_ps) for trace in traces}) == 1


def test_time_lies_in_the_middle_of_its_range() -> None:
    """Without wait states and at one clock, the range of time is that of the cycles."""
    trace = run_script(spin(1000))
    assert trace.time_ps == (trace.cycles_low + trace.cycles_high) * 125_000 // 2
    assert (trace.time_low_ps, trace.time_high_ps) == (trace.cycles_low * 125_000, trace.cycles_high * 125_000)


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4"])
def test_the_range_contains_what_a_delay_loop_takes(core: str) -> None:
    """SUBS and a taken BNE are known to take three cycles a round on both cores, without wait states: 1 + (1 + P) with P = 1."""
    low, high = cycles_of(DELAY_LOOP, core)
    assert low < 3 * DELAY_ROUNDS < high


def test_wait_states_widen_only_the_high_end() -> None:
    """The prefetch buffer may hide all of them, or none; timers count neither."""
    steps = (spin(10_000),)
    without, waiting = run_script(write32(ACR, 0x30), *steps), run_script(write32(ACR, ACR_TWO_WAIT_STATES), *steps)
    assert (waiting.time_ps, waiting.cycles_low, waiting.time_low_ps) == (without.time_ps, without.cycles_low, without.time_low_ps)
    waited_cycles = waiting.cycles_high - without.cycles_high
    assert waited_cycles > 2 * 10_000
    assert waiting.time_high_ps - without.time_high_ps == waited_cycles * 125_000


def test_a_stall_is_part_of_both_ends() -> None:
    """A page erase of 30 ms at 8 MHz adds 240,000 cycles to the range, not to its width."""
    erase = (*UNLOCK, write32(CR, PER), write32(AR, FLASH + 0x8000))
    idle, erasing = run_script(*erase, write32(CR, PER)), run_script(*erase, write32(CR, PER | STRT))
    assert erasing.cycles_low - idle.cycles_low == 240_000
    assert erasing.cycles_high - idle.cycles_high == 240_000
    assert erasing.time_high_ps - erasing.time_low_ps == idle.time_high_ps - idle.time_low_ps


def test_a_watched_function_is_timed_from_its_entry_to_its_return() -> None:
    """Two calls of 5 to 19 cycles at 8 MHz, the branch back included and the call not; the same when booted again."""
    machine = EmbeddedMachine(load_device("stm32f103"), "c8", watched=CALLED_ADDRESS)
    for seed in (1, 2):
        watched = machine.boot(snippet_state(TWO_CALLS), seed=seed).watched
        assert watched == CallTimes(2, 2 * 12 * 125_000, 2 * 5 * 125_000, 2 * 19 * 125_000)
    assert run_snippet(TWO_CALLS, "cortex-m3").watched == CallTimes()


@pytest.mark.parametrize(("timing", "erase_us", "program_us"), [(Timing.MINIMUM, 20_000, 40), (Timing.TYPICAL, 30_000, 52.5), (Timing.MAXIMUM, 40_000, 70)])
def test_timing_chooses_among_the_durations_of_the_data_sheet(timing: Timing, erase_us: float, program_us: float) -> None:
    """Minimum, typical or maximum, for erase and program."""
    machine = EmbeddedMachine(load_device("stm32f103"), "c8", timing=timing)
    steps = (*UNLOCK, write32(CR, PER), write32(AR, FLASH + 0x8000), write32(CR, PER | STRT), write32(CR, 1), (2, FLASH + 0x8000, 0x1234))
    trace = machine.boot(NonVolatile(make_script_flash(steps)), seed=1)
    durations = {operation.kind: operation.duration_ps / 1e6 for operation in (trace.operations[0], trace.operations[1])}
    assert durations == {OperationKind.PAGE_ERASE: erase_us, OperationKind.PROGRAM: program_us}


def test_the_feeding_closest_to_the_watchdog_s_end_is_kept() -> None:
    """Of three feedings after different waits, the longest wait, with the period of 40 ticks of 0.1 ms."""
    start = (write32(IWDG, 0x5555), write32(IWDG + 8, 39), write32(IWDG, 0xCCCC))
    feed = write32(IWDG, 0xAAAA)
    trace = run_script(*start, spin(500), feed, spin(2000), feed, spin(500), feed, budget=10_000_000)
    spun_ps = run_script(spin(2000)).time_ps - run_script().time_ps
    assert trace.watchdog_period_ps == 40 * 100_000_000
    assert trace.watchdog_longest_ps == pytest.approx(spun_ps, rel=0.02)


def test_the_watchdog_of_the_nrf52840_is_measured_too() -> None:
    """One feeding after about 200 rounds of a delay loop at 64 MHz, of a period of 1000 ticks of 1/32768 s."""
    image = struct.pack("<II", RAM_STACK, 0x100 + 1).ljust(0x100, b"\xff") + assembled()[NRF_FEEDING]
    machine = EmbeddedMachine(load_device("nrf52840"), "qiaa")
    trace = machine.boot(NonVolatile(image.ljust(1 << 20, b"\xff")), seed=1)
    assert trace.watchdog_period_ps == 1000 * 10**12 // 32768
    assert trace.watchdog_longest_ps == pytest.approx(DELAY_ROUNDS * 3.5 * 15_625, rel=0.05)


def test_without_a_watchdog_there_is_no_feeding() -> None:
    """Both numbers are 0."""
    assert (run_script().watchdog_longest_ps, run_script().watchdog_period_ps) == (0, 0)
