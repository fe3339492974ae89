"""The Renode engine against the embedded one: the same programs on both."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings

from harness.campaign.agreement import AgreeOptions, agree
from harness.campaign.conformance import Outcome, run_conformance
from harness.device.loader import load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import Domain, End, Machine, NonVolatile, Operation, OperationKind, Trace
from harness.machine.renode import RenodeMachine
from harness.scenario.prepare import PrepareOptions, prepare
from tests.machine import test_domains, test_ends, test_fpec, test_fpec_properties, test_nvmc
from tests.machine.firmware import CR, UNLOCK, Step, call, make_script_flash, send32, spin, words, write32
from tests.machine.nrf52840 import UICR, make_nrf_flash

pytestmark = pytest.mark.engine("renode")

Pair = tuple[Machine, Machine]
FLASH_BYTES = 64 * 1024
CELL = 0x0800A000
F103_DOMAINS = (Domain("low", 0x08000000, 0x8000), Domain("high", 0x08008000, 0x8000))
NRF_DOMAINS = (Domain("low", 0, 0x80000), Domain("high", 0x80000, 0x80000))


@pytest.fixture(scope="module")
def f103() -> Pair:
    """An STM32F103 on the embedded engine, and one on Renode."""
    device = load_device("stm32f103")
    return EmbeddedMachine(device, "c8", F103_DOMAINS), RenodeMachine(device, "c8", F103_DOMAINS)


@pytest.fixture(scope="module")
def nrf() -> Pair:
    """An nRF52840 on the embedded engine, and one on Renode."""
    device = load_device("nrf52840")
    return EmbeddedMachine(device, "qiaa", NRF_DOMAINS), RenodeMachine(device, "qiaa", NRF_DOMAINS)


def logged(operation: Operation | None) -> tuple[OperationKind, int, bytes, bytes, int] | None:
    """Return an operation without its time."""
    return None if operation is None else (operation.kind, operation.address, operation.old, operation.new, operation.pc)


def seen(trace: Trace, *, aligned: bool = True) -> dict[str, object]:
    """Return what both engines must show."""
    return {
        "end": (trace.end, trace.domain),
        "operations": [logged(trace.operations[index]) for index in range(len(trace.operations))],
        "pending": logged(trace.pending),
        "final": trace.final,
        "misuses": [(misuse.kind, misuse.address if aligned else 0, misuse.pc, misuse.operations) for misuse in trace.misuses],
        "uart": trace.uart,
        "erases": trace.erases,
        "entries": [(entry.domain, entry.pc, entry.operations, entry.stack_pointer) for entry in trace.entries],
        "stack": trace.stack_bytes,
    }


def boot_once(machine: Machine, flash: bytes, budget: int = 2_000_000) -> Trace:
    """Power a machine up with a content of the flash."""
    return machine.boot(NonVolatile(flash), seed=1, instruction_budget=budget)


def compare(pair: Pair, state: NonVolatile, *, stop_before: int | None = None, aligned: bool = True) -> Trace:
    """Boot both with one request, hold what they show against each other, and return Renode's trace.

    Args:
        aligned: no store is unaligned; Renode makes bytes of one, and records the address of the byte that it stores first.
    """
    embedded, renode = (machine.boot(state, seed=1, stop_before=stop_before, instruction_budget=2_000_000) for machine in pair)
    assert seen(renode, aligned=aligned) == seen(embedded, aligned=aligned)
    return renode


@pytest.mark.parametrize("sentence", test_fpec.CASES)
def test_flash_rules_of_the_f103(f103: Pair, sentence: str) -> None:
    """Each list of accesses that holds a rule of the FPEC does the same on Renode."""
    compare(f103, NonVolatile(make_script_flash(test_fpec.CASES[sentence].steps)), aligned="unaligned" not in sentence)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=test_fpec_properties.scripts)
def test_random_accesses_of_the_f103(f103: Pair, steps: list[Step]) -> None:
    """Whatever a firmware does to the FPEC: same operations, misuse, faults, flash and option bytes."""
    compare(f103, NonVolatile(make_script_flash(steps), test_fpec_properties.PROTECTED))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=test_nvmc.scripts)
def test_random_accesses_of_the_nrf(nrf: Pair, steps: list[Step]) -> None:
    """The same for the NVMC, with counts of writes that the flash's content does not tell."""
    flash = make_nrf_flash(steps, {test_nvmc.PAGES[1]: bytes(8)})
    compare(nrf, NonVolatile(flash, writes=((test_nvmc.PAGES[1], 2), (UICR, 1))))


OTHER_ENDS = {
    "a jump to an even address": "Renode names the instruction that jumped, not where to",
    "the boot loader in system memory": "the embedded engine says that it does not model it; on Renode there is nothing to execute",
    "a bit-band access behind RAM": "Renode's bit-band region ends nowhere",
    "an idle interrupt of USART1": "the embedded engine refuses it; Renode models it",
}
"""Ends that differ, and why: docs/engines.md lists them."""


@pytest.mark.parametrize("sentence", [sentence for sentence in test_ends.CASES if sentence not in OTHER_ENDS])
def test_ends_of_boots(f103: Pair, sentence: str) -> None:
    """A boot ends for the same reason, in the same state of the flash; where the core stood then, both agree too, unless a watchdog reset it."""
    case = test_ends.CASES[sentence]
    embedded, renode = (boot_once(machine, make_script_flash(case.steps, {test_ends.CODE: case.code})) for machine in f103)
    assert (renode.end, renode.final) == (embedded.end, embedded.final)
    assert renode.pc == embedded.pc or renode.end in (End.WATCHDOG, End.BUDGET)


@pytest.mark.parametrize("sentence", test_ends.VECTORS)
def test_vectors_that_start_nothing(f103: Pair, sentence: str) -> None:
    """A device that can't start says so on Renode too, and the next boot on the machine is not harmed."""
    stack, entry, end, detail = test_ends.VECTORS[sentence]
    renode = f103[1]
    trace = boot_once(renode, struct.pack("<II", stack, entry) + b"\xff" * (FLASH_BYTES - 8))
    assert (trace.end, trace.end_detail) == (end, detail)
    assert boot_once(renode, make_script_flash(())).end == End.SLEEPING


@pytest.mark.parametrize("sentence", test_domains.SETTLING)
def test_an_application_that_settles(sentence: str) -> None:
    """A boot ends when its application has run for long enough, whether it runs or sleeps."""
    domains = (test_domains.BOOT, Domain("application", 0x0800B000, 0x400, settles_after_ps=2_000_000_000))
    machine = RenodeMachine(load_device("stm32f103"), "c8", domains)
    steps = (call(0x0800B001), spin(100), call(0x0800B001), *test_domains.SETTLING[sentence])
    trace = boot_once(machine, make_script_flash(steps, test_domains.RETURN), budget=200_000)
    assert trace.end == End.SETTLED


@pytest.mark.parametrize("stop_before", [0, 1, 2, 3])
def test_the_machine_stands_right_before_an_operation(f103: Pair, stop_before: int) -> None:
    """The pending operation has changed no cell yet; both engines stop at the same one."""
    steps = (*UNLOCK, *test_fpec_properties.erase(CELL), *test_fpec_properties.program(CELL, 0x1234), *test_fpec_properties.program(CELL + 2, 0))
    trace = compare(f103, NonVolatile(make_script_flash(steps)), stop_before=stop_before)
    assert (trace.end, len(trace.operations)) == ((End.STOPPED, stop_before) if stop_before < 3 else (End.SLEEPING, 3))


def test_a_boot_leaves_nothing_behind(f103: Pair) -> None:
    """The same boot before and after others, cut ones and faulting ones among them, shows the same, RAM noise included."""
    renode = f103[1]
    flash = make_script_flash((*UNLOCK, *test_fpec_properties.erase(CELL), send32(0x20003000), send32(CR)))
    first = boot_once(renode, flash)
    renode.boot(NonVolatile(flash), seed=2, stop_before=0)
    boot_once(renode, make_script_flash((write32(0x30000000, 1),)))
    again = boot_once(renode, flash)
    assert (seen(again), again.time_ps, again.instructions) == (seen(first), first.time_ps, first.instructions)


def test_resets_keep_ram_and_their_cause(f103: Pair) -> None:
    """What a reset retains, the next boot finds: RAM, and the flags of RCC_CSR."""
    status = 0x40021024
    flash = make_script_flash((send32(status), send32(0x20003000), write32(0x20003000, 0x600D600D), write32(0xE000ED0C, 0x05FA0004)))
    for machine in f103:
        first = boot_once(machine, flash)
        second = machine.boot(NonVolatile(flash), seed=2, instruction_budget=2_000_000, retained=first.retained)
        assert words(first.uart)[0] == 0x0C000000
        assert words(second.uart) == [0x1C000000, 0x600D600D]


@pytest.mark.parametrize(("device", "rules"), [("stm32f103", 46), ("nrf52840", 20)])
def test_conformance(device: str, rules: int) -> None:
    """The conformance program sees every rule of the flash controller on Renode."""
    result = run_conformance(device, None, "renode")
    assert len(result.rows) == rules
    assert [row for row in result.rows if row.outcome is not Outcome.SHOWN] == []


@pytest.mark.parametrize("reference", ["stm32f103/speck-full", "nrf52840/speck-full"])
def test_sampled_cuts_agree(reference: str) -> None:
    """The same cuts of an update, made live on both engines: no difference."""
    scenario = prepare(reference, PrepareOptions())
    result = agree(scenario, AgreeOptions(engines=("embedded", "renode"), sample=12, jobs=1))
    assert (result.compared, result.differences) == (12, [])
