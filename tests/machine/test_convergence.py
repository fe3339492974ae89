"""A boot that comes to a state of an earlier one ends with what followed there; and only where nothing can tell."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.device import NonVolatile, load_device
from harness.machine.calls import SharedCalls
from harness.machine.convergence import KnownStates
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import End
from harness.scenario.prepare import PrepareOptions, prepare

from .firmware import compile_program
from .test_calls import crash_states, described, seen

CHOICE, TARGET = 0x08005000, 0x08008000
CONVERGING = {"nothing": 0, "bytes sent": 1, "a broken rule": 2, "registers without a model": 3}
TIMED = {"SysTick": 4, "the cycle counter": 5, "the watchdog": 6}
RESETS = 7


def make_state(choice: int, rounds: int) -> NonVolatile:
    """Return a flash whose program takes as long as a page says that it erases then."""
    page = rounds.to_bytes(4, "little") + random.Random(rounds).randbytes(1020)
    return NonVolatile(compile_program("converge.c").flash(patches={CHOICE: choice.to_bytes(4, "little"), TARGET: page}))


def make_machines() -> tuple[EmbeddedMachine, EmbeddedMachine, KnownStates]:
    """Return a machine that makes every boot to its end, one that does not, and what that knows."""
    states = KnownStates()
    device = load_device("stm32f103")
    return EmbeddedMachine(device, "c8"), EmbeddedMachine(device, "c8", states=states), states


@pytest.mark.parametrize("name", CONVERGING)
def test_boots_that_come_together_go_on_together(name: str) -> None:
    """The third boot of a kind, and each after it, is cut short; traces and RAM are those of boots that were made, later times and counts included."""
    plain, machine, states = make_machines()

    for number, rounds in enumerate((10, 2000, 332, 2, 70_000)):
        state = make_state(CONVERGING[name], rounds)
        assert described(machine, state) == described(plain, state)
        assert states.counts().boots == max(0, number - 1)


@pytest.mark.parametrize("name", TIMED)
def test_where_something_counts_a_boot_is_made_to_its_end(name: str) -> None:
    """While a timer, the cycle counter or a watchdog runs, what follows depends on what time it is: nothing is cut short, or even compared."""
    plain, machine, states = make_machines()

    for rounds in (10, 2000, 332, 2):
        state = make_state(TIMED[name], rounds)
        assert described(machine, state) == described(plain, state)

    assert states.counts().looks == 0


def test_a_boot_that_the_chip_starts_again_is_made_to_its_end() -> None:
    """What a reset keeps is no part of what is known of a rest."""
    plain, machine, states = make_machines()

    for rounds in (10, 2000, 332, 2):
        state = make_state(RESETS, rounds)
        assert described(machine, state) == described(plain, state)

    assert machine.boot(make_state(RESETS, 5), seed=1).end is End.RESET
    assert states.counts().boots == states.counts().kept == 0


def test_another_filling_of_ram_is_another_state() -> None:
    """Noise in RAM that nobody looked at tells states apart, so does the seed that it came of."""
    _, machine, states = make_machines()

    for seed in (1, 2, 3, 4):
        machine.boot(make_state(0, 10), seed=seed)

    assert states.counts().boots == 0


@settings(max_examples=30)
@given(st.integers(1, 12_000), st.integers(0, 40))
def test_a_boot_that_ends_in_the_rest_ends_there(budget: int, stop_before: int) -> None:
    """A budget or a stop behind the state means that the boot is made."""
    plain, machine, _ = make_machines()
    for rounds in (2, 4, 6):
        machine.boot(make_state(1, rounds), seed=1)
    state = make_state(1, 8)

    assert described(machine, state, budget=budget) == described(plain, state, budget=budget)
    assert described(machine, state, stop_before=stop_before) == described(plain, state, stop_before=stop_before)


@pytest.mark.parametrize("shared_calls", [False, True], ids=["alone", "with shared calls"])
@pytest.mark.parametrize("reference", ["stm32f103/speck-full", "nrf52840/speck-full"])
def test_the_bootloader_cannot_tell_either(reference: str, shared_calls: bool) -> None:
    """Crash images of an update with a page of the application damaged in several ways: many boots are cut short, and no trace differs."""
    scenario = prepare(reference, PrepareOptions())
    build = (scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    states, calls = KnownStates(), SharedCalls() if shared_calls else None
    plain, machine = EmbeddedMachine(*build), EmbeddedMachine(*build, calls=calls, states=states)
    recorder = EmbeddedMachine(*build, records_reads=True, calls=calls)
    page = scenario.regions["application"].address - scenario.flash_address + scenario.device.flash.page_bytes.value

    for number, state in enumerate(list(crash_states(scenario, plain))[4:14:2]):
        for variant in range(4):
            flash = bytearray(state.flash)
            flash[page + variant] ^= 0xFF
            damaged = NonVolatile(bytes(flash), state.option_bytes)
            if number == 0:
                recorder.boot(damaged, seed=1)
            assert seen(machine.boot(damaged, seed=1)) == seen(plain.boot(damaged, seed=1))
            assert machine.ram() == plain.ram()

    assert states.counts().boots > 2
