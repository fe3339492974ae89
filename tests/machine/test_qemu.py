"""The QEMU engine against the embedded one: the same small programs on both, and what only QEMU has."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator

import pytest

from harness.cli import run_cli
from harness.device.loader import load_device
from harness.errors import EngineError, InputError
from harness.machine.embedded import EmbeddedMachine
from harness.machine.engines import make_machine
from harness.machine.noise import power_on_noise
from harness.machine.protocol import Domain, End, NonVolatile, Operation, OperationKind, Trace
from harness.machine.qemu import QemuMachine
from harness.scenario.prepare import PrepareOptions, prepare
from tests.machine.firmware import IN_RAM, WFE, Step, compile_program, send32, words, write16, write32
from tests.machine.nrf52840 import CONFIG, EEN, ERASEALL, ERASEPAGE, ERASEUICR, REN, SCRIPT, UICR, WRITE_ENABLE

pytestmark = pytest.mark.engine("qemu")

FLASH_BYTES, RAM_BYTES = 256 * 1024, 16 * 1024
CELL = 0x20000
AIRCR, RESET = 0xE000ED0C, 0x05FA0004
ERASE_ENABLE: Step = write32(CONFIG, EEN)
LOW, HIGH = Domain("low", 0, 0x10000), Domain("high", 0x10000, 0x30000)


@pytest.fixture(scope="module")
def qemu() -> Iterator[QemuMachine]:
    """One QEMU for all tests of this file: it boots any number of times."""
    machine = QemuMachine(load_device("nrf51822"), "qfaa", (LOW, HIGH))
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedMachine]:
    """The same chip on the embedded engine."""
    machine = EmbeddedMachine(load_device("nrf51822"), "qfaa", (LOW, HIGH))
    yield machine
    machine.close()


def script(*steps: Step, patches: dict[int, bytes] | None = None) -> NonVolatile:
    """Return a flash whose program performs `steps`."""
    content = b"".join(struct.pack("<III", *step) for step in (*steps, (0, 0, 0)))
    return NonVolatile(compile_program("script.c", "nrf51822").flash(FLASH_BYTES, {SCRIPT: content, **(patches or {})}), b"\xff" * 0x100)


def operations(trace: Trace) -> list[tuple[OperationKind, int, bytes, bytes, int]]:
    """Return the log without times."""
    log: list[Operation] = [trace.operations[index] for index in range(len(trace.operations))]
    return [(operation.kind, operation.address, operation.old, operation.new, operation.pc) for operation in log]


def seen(trace: Trace) -> tuple[object, ...]:
    """Return what both engines must show."""
    entries = [(entry.domain, entry.pc, entry.operations, entry.stack_pointer) for entry in trace.entries]
    return trace.end, trace.domain, operations(trace), trace.final.flash, trace.final.option_bytes, trace.uart, trace.erases, entries


PROGRAMS = {
    "nothing but sleep": (),
    "a wait for an event": (WFE, WFE),
    "words are programmed, and AND": (WRITE_ENABLE, write32(CELL, 0x1234FFFF), write32(CELL, 0xFFFF5678), write32(CELL, 0xFFFFFFFF), send32(CELL)),
    "a page is erased": (ERASE_ENABLE, write32(ERASEPAGE, CELL), send32(CELL), write32(CONFIG, REN)),
    "an erase is not enabled": (WRITE_ENABLE, write32(ERASEPAGE, CELL), send32(CELL)),
    "a page behind the flash": (ERASE_ENABLE, write32(ERASEPAGE, 0x40000)),
    "UICR is programmed": (WRITE_ENABLE, write32(UICR + 0x80, 0x12345678), send32(UICR + 0x80)),
    "a reset": (write32(AIRCR, RESET), send32(CELL)),
    "everything is erased, from RAM": (IN_RAM, WRITE_ENABLE, write32(CELL + 0x400, 0), ERASE_ENABLE, write32(ERASEALL, 1)),
}


@pytest.mark.parametrize("steps", PROGRAMS.values(), ids=PROGRAMS)
def test_both_engines_do_the_same(qemu: QemuMachine, embedded: EmbeddedMachine, steps: tuple[Step, ...]) -> None:
    """Operations with old and new bytes and program counter, flash, UART, entries and the kind of end."""
    state = script(*steps, patches={CELL: b"\xff\xff\xff\xff" + bytes(8)})
    one, other = (machine.boot(state, seed=3, instruction_budget=2_000_000) for machine in (embedded, qemu))
    assert seen(other) == seen(one)


FAULTS = {
    "a handler that steps over the fault": 0,
    "an undefined instruction": 2,
    "a handler that spins": 3,
    "a fault in the handler": 4,
    "a handler that requests a reset": 5,
}


@pytest.mark.parametrize("choice", FAULTS.values(), ids=FAULTS)
def test_both_engines_fault_the_same_way(qemu: QemuMachine, embedded: EmbeddedMachine, choice: int) -> None:
    """Every fault is a HardFault; in its handler it locks the core up, and QEMU ends with it and is started again."""
    state = NonVolatile(compile_program("faults.c", "nrf51822").flash(FLASH_BYTES, {0x4000: bytes([choice])}), b"\xff" * 0x100)
    one, other = (machine.boot(state, seed=3, instruction_budget=2_000_000) for machine in (embedded, qemu))
    assert seen(other) == seen(one)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_boot_stops_right_before_an_operation(qemu: QemuMachine, embedded: EmbeddedMachine, before: int) -> None:
    """The pending operation is told with what it would do, and has not changed a cell."""
    state = script(WRITE_ENABLE, write32(CELL, 0x1234FFFF), write32(CELL, 0xFFFF5678), ERASE_ENABLE, write32(ERASEPAGE, CELL))
    one, other = (machine.boot(state, seed=3, stop_before=before) for machine in (embedded, qemu))
    assert seen(other) == seen(one)
    assert one.pending is not None
    assert other.pending is not None
    for name in ("index", "kind", "address", "old", "new", "pc"):
        assert getattr(other.pending, name) == getattr(one.pending, name)


def test_a_mass_erase_cannot_be_stopped_half_way(qemu: QemuMachine) -> None:
    """The embedded engine logs it as two operations; QEMU makes both at once, and says so."""
    state = script(IN_RAM, ERASE_ENABLE, write32(ERASEALL, 1))
    with pytest.raises(EngineError, match="one step"):
        qemu.boot(state, seed=3, stop_before=1)
    assert qemu.boot(state, seed=3, stop_before=0).end is End.STOPPED


def test_input_reaches_the_uart_of_its_own_boot_only(qemu: QemuMachine, embedded: EmbeddedMachine) -> None:
    """A program that waits for a byte gets it; in the next boot it waits for good, which is proved and not guessed."""
    state = NonVolatile(compile_program("echo.c", "nrf51822").flash(FLASH_BYTES), b"\xff" * 0x100)
    fed, left = (qemu.boot(state, seed=3, uart_input=content) for content in (b"abcdefghij", b""))
    expected = [embedded.boot(state, seed=3, uart_input=content) for content in (b"abcdefghij", b"")]
    assert [(trace.end, trace.uart) for trace in (fed, left)] == [(trace.end, trace.uart) for trace in expected]
    assert (fed.uart, left.uart) == (b"bcdefghijk", b"")


def test_ram_and_registers_hold_the_noise_of_the_seed(qemu: QemuMachine, embedded: EmbeddedMachine) -> None:
    """Both engines draw the same noise, and another one for another seed."""
    steps = [send32(0x20000000 + offset) for offset in range(0, 64, 4)]
    traces = [machine.boot(script(*steps), seed=seed) for seed in (5, 6) for machine in (embedded, qemu)]
    ram, _ = power_on_noise(5, RAM_BYTES, 0)
    assert words(traces[0].uart) == words(ram[:64])
    assert traces[0].uart == traces[1].uart != traces[2].uart == traces[3].uart


def test_ram_outlives_a_reset_and_not_a_loss_of_power(qemu: QemuMachine) -> None:
    """What the next boot is given is what the last one left."""
    state = script(write32(0x20000100, 0xC0FFEE), write32(AIRCR, RESET))
    first = qemu.boot(state, seed=5)
    assert first.end is End.RESET
    assert first.retained is not None
    reading = script(send32(0x20000100))
    assert words(qemu.boot(reading, seed=6, retained=first.retained).uart) == [0xC0FFEE]
    assert words(qemu.boot(reading, seed=6).uart) != [0xC0FFEE]


KNOWN_DIFFERENCES = {
    "a fault without a handler locks the core up": ((write32(0x30000000, 1),), End.HARD_FAULT, End.LOCKUP),
    "a store while CONFIG.WEN is clear is ignored": ((write32(CELL, 0),), End.HARD_FAULT, End.SLEEPING),
    "a store of another width faults, and there is no handler": ((WRITE_ENABLE, write16(CELL, 0)), End.HARD_FAULT, End.LOCKUP),
}


@pytest.mark.parametrize(("steps", "on_embedded", "on_qemu"), KNOWN_DIFFERENCES.values(), ids=KNOWN_DIFFERENCES)
def test_known_differences_are_as_documented(qemu: QemuMachine, embedded: EmbeddedMachine, steps: tuple[Step, ...], on_embedded: End, on_qemu: End) -> None:
    """docs/engines.md lists them with their cause; neither engine changes the flash."""
    one, other = (machine.boot(script(*steps), seed=3) for machine in (embedded, qemu))
    assert (one.end, other.end) == (on_embedded, on_qemu)
    assert one.final.flash == other.final.flash == script(*steps).flash


def test_uicr_is_erased_where_the_flash_is_not(qemu: QemuMachine, embedded: EmbeddedMachine) -> None:
    """QEMU knows no condition for ERASEUICR, and no UICR that outlives a reset: a boot cannot start with one."""
    steps = (WRITE_ENABLE, write32(UICR + 0x80, 0), ERASE_ENABLE, write32(ERASEUICR, 1))
    one, other = (machine.boot(script(*steps), seed=3) for machine in (embedded, qemu))
    assert (len(one.operations), len(other.operations)) == (1, 2)
    with pytest.raises(EngineError, match="UICR"):
        qemu.boot(NonVolatile(script().flash, bytes(0x100)), seed=3)


def test_a_loop_without_an_end_is_a_budget_that_is_used_up(qemu: QemuMachine) -> None:
    """It is proved: the registers come back to what they were, and nothing was stored."""
    loop = struct.pack("<IIHHHH", 0x20002000, 0x9, 0xBF00, 0xBF00, 0xE7FC, 0xBF00)  # nop, nop, back to the first
    trace = qemu.boot(NonVolatile(loop.ljust(FLASH_BYTES, b"\xff")), seed=3)
    assert (trace.end, trace.end_detail) == (End.BUDGET, "a loop without an end")


def test_what_qemu_cannot_do_is_refused(qemu: QemuMachine) -> None:
    """Another chip, and arguments out of range."""
    with pytest.raises(InputError, match="no board with the chip nrf52840"):
        make_machine("qemu", load_device("nrf52840"), "qiaa", ())
    with pytest.raises(ValueError, match="the flash must have"):
        qemu.boot(NonVolatile(b""), seed=1)
    with pytest.raises(ValueError, match="seed"):
        qemu.boot(script(), seed=-1)
    with pytest.raises(ValueError, match="numbered from 0"):
        qemu.boot(script(), seed=1, stop_before=-1)


def test_a_closed_machine_says_so() -> None:
    """Using it is a mistake of the program."""
    machine = QemuMachine(load_device("nrf51822"), "qfaa")
    machine.close()
    with pytest.raises(RuntimeError, match="closed"):
        machine.boot(script(), seed=1)


def test_a_replay_id_brings_its_engine_along(capsys: pytest.CaptureFixture[str]) -> None:
    """`harness replay` runs it there, and says so where it is told another one."""
    scenario = prepare("nrf51822/speck-full", PrepareOptions())
    replay_id = f"nrf51822/speck-full+engine=qemu:update:clean:1:{scenario.fingerprint}"

    assert run_cli(["replay", replay_id]) == 0
    assert "by the qemu engine" in capsys.readouterr().out
    assert run_cli(["replay", replay_id, "--engine", "embedded"]) == 0
    assert "made on qemu, this is embedded" in capsys.readouterr().err


def test_a_qemu_that_dies_is_no_lockup() -> None:
    """Whatever ended it, the firmware did not: an error of the engine, and the next boot has a new QEMU."""
    machine = QemuMachine(load_device("nrf51822"), "qfaa")
    endless = struct.pack("<IIHHHH", 0x20002000, 0x9, 0x3001, 0xE7FD, 0xBF00, 0xBF00).ljust(FLASH_BYTES, b"\xff")  # counts for ever
    process = machine._process  # noqa: SLF001 -- there is no other way to end it from outside
    assert process is not None
    assert process._process is not None  # noqa: SLF001
    threading.Timer(0.3, process._process.kill).start()  # noqa: SLF001
    with pytest.raises(EngineError, match="not by a lockup"):
        machine.boot(NonVolatile(endless), seed=1)
    assert machine.boot(script(), seed=1).end is End.SLEEPING
    machine.close()
