"""Entries: when the program counter moves from one domain into another."""

from __future__ import annotations

import pytest

from harness.device.loader import load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import Domain, End, Entry, NonVolatile
from tests.machine.firmware import CR, IN_RAM, PG, UNLOCK, Step, call, make_machine, make_script_flash, spin, write16, write32

BOOT = Domain("bootloader", 0x08000000, 0x4000)
APPLICATION = Domain("application", 0x0800B000, 0x100)
RAM = Domain("ram", 0x20000000, 0x1000)
RETURN = {0x0800B000: bytes.fromhex("7047"), 0x0800B100: bytes.fromhex("7047")}


def run_entries(domains: tuple[Domain, ...], *steps: Step) -> tuple[Entry, ...]:
    """Boot the steps and return the entries."""
    state = NonVolatile(make_script_flash(steps, RETURN))
    return make_machine("c8", domains).boot(state, seed=1, instruction_budget=1_000_000).entries


@pytest.mark.parametrize("address", [0x0800B000, 0x0000B000], ids=["main range", "alias"])
def test_a_call_is_two_entries(address: int) -> None:
    """Into the application and back; the alias at 0 counts as the main range, and the operations so far are told."""
    steps = (call(address + 1), *UNLOCK, write32(CR, PG), write16(0x0800C000, 1), call(address + 1))
    entries = run_entries((BOOT, APPLICATION), *steps)
    assert [(entry.domain, entry.operations) for entry in entries] == [
        ("bootloader", 0), ("application", 0), ("bootloader", 0), ("application", 1), ("bootloader", 1),
    ]  # fmt: skip
    assert [entry.pc for entry in entries if entry.domain == "application"] == [0x0800B000] * 2
    assert [entry.time_ps for entry in entries] == sorted(entry.time_ps for entry in entries)


def test_code_outside_of_all_domains_is_an_entry_without_a_name() -> None:
    """Right behind a domain that ends inside a page."""
    entries = run_entries((BOOT, APPLICATION), call(0x0800B101), call(0x0800B001), call(0x0800B101))
    assert [entry.domain for entry in entries] == ["bootloader", "", "bootloader", "application", "bootloader", "", "bootloader"]


def test_code_in_ram_has_a_domain_too() -> None:
    """The interpreter goes on in RAM."""
    assert [entry.domain for entry in run_entries((BOOT, RAM), IN_RAM)] == ["bootloader", "ram"]


SETTLING = {
    "it runs": (spin(100_000),),
    "it sleeps, and a timer would wake it later": (write32(0xE000E014, 0xFFFFFF), write32(0xE000E018, 0), write32(0xE000E010, 7)),
    "it sleeps, and a timer wakes it often": (write32(0xE000E014, 999), write32(0xE000E018, 0), write32(0xE000E010, 7)),
}


@pytest.mark.parametrize("sentence", SETTLING)
def test_a_boot_ends_when_its_application_has_run_for_long_enough(sentence: str) -> None:
    """The time counts from the first entry, in virtual time; without it the same code goes on."""
    state = NonVolatile(make_script_flash((call(0x0800B001), spin(100), call(0x0800B001), *SETTLING[sentence]), RETURN))
    settling = (BOOT, Domain("application", 0x0800B000, 0x100, settles_after_ps=2_000_000_000))
    trace = make_machine("c8", settling).boot(state, seed=1, instruction_budget=200_000)
    entered = next(entry for entry in trace.entries if entry.domain == "application")
    assert trace.end == End.SETTLED
    assert 2_000_000_000 <= trace.time_ps - entered.time_ps < 2_001_000_000
    assert make_machine("c8", (BOOT, APPLICATION)).boot(state, seed=1, instruction_budget=200_000).end != End.SETTLED


def test_without_domains_there_is_one_entry() -> None:
    """The reset, in no domain."""
    entries = run_entries((), call(0x0800B001))
    assert [(entry.domain, entry.operations, entry.time_ps) for entry in entries] == [("", 0, 0)]


@pytest.mark.parametrize(
    ("domains", "problem"),
    [
        ([BOOT, Domain("other", 0x08003FFE, 2)], "'bootloader' and 'other' overlap"),
        ([Domain(str(index), index * 16, 16) for index in range(17)], "17 domains"),
    ],
)
def test_bad_domains(domains: list[Domain], problem: str) -> None:
    """What the engine can't tell apart is refused."""
    with pytest.raises(ValueError, match=problem):
        EmbeddedMachine(load_device("stm32f103"), "c8", domains)
