"""Everything that a chip can remember over an erase is part of the state at which boots come together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from harness.device import NonVolatile, load_device
from harness.machine.convergence import KnownStates
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import Trace

from . import firmware as stm
from . import nrf52840 as nrf
from .firmware import Step, jump, send32, spin, write16, write32
from .test_calls import seen

AFTER = 12
"""Bytes of the first step of a script: it goes on in a page that is erased later, and comes back behind it."""
SCRATCH = 0x20003000
"""A word of RAM that nothing else uses."""


@dataclass(frozen=True)
class Difference:
    """What two boots do before they erase the page that told them to, and what shows the difference afterwards.

    Attributes:
        one, other: each boot's steps. shows: what both do then. begins: what each finds beside its flash.
    """

    one: tuple[Step, ...]
    other: tuple[Step, ...]
    shows: tuple[Step, ...]
    begins: tuple[dict[str, Any], dict[str, Any]] = ({}, {})


def word(address: int, one: int, other: int, *before: Step) -> Difference:
    """Return boots that leave another word in a register, behind some steps."""
    return Difference((*before, write32(address, one)), (*before, write32(address, other)), (send32(address),))


def with_byte(chip: str, place: int, value: int) -> bytes:
    """Return option bytes as delivered, with one of them and its complement (on the STM32F103 the one behind it) changed."""
    content = bytearray(load_device(chip).option_bytes.delivery_state.value)
    content[place] = value
    if chip == "stm32f103":
        content[place + 1] = 0xFF ^ value
    return bytes(content)


def of_region(register: int, one: int, other: int) -> Difference:
    """Return boots that leave another word in a register of a region of the MPU, and then turn to another region."""
    region, away = write32(0xE000ED98, 1), write32(0xE000ED98, 0)
    return Difference((region, write32(register, one), away), (region, write32(register, other), away), (region, send32(register)))


WRITTEN = 0xC0000
"""A page of the nRF52840's flash that is not blank."""
PART_OF_ERASE = (nrf.ERASE_ENABLE, write32(nrf.ERASEPAGEPARTIALCFG, 10), write32(nrf.ERASEPAGEPARTIAL, WRITTEN), send32(nrf.READY), send32(WRITTEN))

TO_ZERO = (write32(0xE000E014, 9), write32(0xE000E018, 0), write32(0xE000E010, 5), spin(10), write32(0xE000E010, 4))
"""A timer that came to 0, and was stopped; whoever reads its control register takes that note away."""

STM32F103 = {
    "RAM": word(SCRATCH, 1, 2),
    "another page of the flash": Difference(
        (*stm.UNLOCK, write32(stm.CR, stm.PG), write16(0x0800C000, 1)),
        (*stm.UNLOCK, write32(stm.CR, stm.PG), write16(0x0800C000, 2)),
        (send32(0x0800C000),),
    ),
    "option bytes": Difference((), (), (send32(stm.OBR),), ({}, {"option_bytes": with_byte("stm32f103", 4, 0xFD)})),
    "half a lock of the option bytes": Difference((write32(stm.OPTKEYR, stm.KEY1),), (spin(1),), (write32(stm.OPTKEYR, stm.KEY2), send32(stm.CR))),
    "wait states": word(0x40022000, 0x10, 0x12),
    "the vector table": word(0xE000ED08, 0x08000000, 0x08000200),
    "a priority": word(0xE000ED20, 0, 0x40000000),
    "the fault handlers": word(0xE000ED24, 0, 0x70000),
    "an interrupt": word(0xE000E100, 0, 0x20),
    "its priority": word(0xE000E400, 0, 0x40),
    "the timer's reload": word(0xE000E014, 5, 7),
    "where the timer stopped": Difference(
        (write32(0xE000E014, 0xFFFF), write32(0xE000E018, 0), write32(0xE000E010, 5), spin(10), write32(0xE000E010, 4)),
        (write32(0xE000E014, 0xFFFF), write32(0xE000E018, 0), write32(0xE000E010, 5), spin(90), write32(0xE000E010, 4)),
        (send32(0xE000E018),),
    ),
    "that the timer came to 0": Difference((*TO_ZERO, send32(0xE000E014)), (*TO_ZERO, send32(0xE000E010)), (send32(0xE000E010),)),
    "where the cycle counter stopped": word(0xE0001004, 100, 200, write32(0xE000EDFC, 1 << 24)),
    "the cycle counter's control": word(0xE000EDFC, 0, 1 << 24),
    "the watchdog's prescaler": word(0x40003004, 1, 2, write32(0x40003000, 0x5555)),
    "the watchdog's reload": word(0x40003008, 1, 2, write32(0x40003000, 0x5555)),
    "the watchdog's lock": Difference((write32(0x40003000, 0x5555),), (write32(0x40003000, 0),), (write32(0x40003004, 3), send32(0x40003004))),
    "the clock tree": word(0x40021004, 0x4000, 0x8000),
    "clocks of peripherals": word(0x4002101C, 1, 2),
    "a backup register": word(0x40006C04, 1, 2, write32(0x4002101C, 0x18000000), write32(0x40007000, 0x100)),
    "the UART's rate": word(0x40013808, 16, 32),
    "the UART's stop bits": word(0x40013810, 0, 0x2000),
    "a pin": word(0x4001100C, 1, 2),
    "which registers without a model were used": Difference((write32(0x40010400, 1),), (write32(0x40010404, 1),), (spin(1),)),
}

NRF52840 = {
    "RAM": word(SCRATCH, 1, 2),
    "writes of a word": Difference(
        (nrf.WRITE_ENABLE, write32(0xD0000, 0), write32(0xD0000, 0)),
        (nrf.WRITE_ENABLE, write32(0xD0000, 0), write32(SCRATCH, 0)),
        (nrf.WRITE_ENABLE, write32(0xD0000, 0)),
    ),
    "parts of an erase": Difference((), (), PART_OF_ERASE, ({"partial_erases": ((WRITTEN, 80),)}, {"partial_erases": ((WRITTEN, 10),)})),
    "UICR": Difference((), (), (send32(nrf.UICR + 0x80),), ({}, {"option_bytes": with_byte("nrf52840", 0x80, 1)})),
    "the crystal": Difference((write32(0x40000000, 1), spin(9000)), (write32(0x40000004, 1), spin(9000)), (send32(0x40000408), send32(0x4000040C))),
    "the slow clock": Difference((write32(0x40000008, 1), spin(90000)), (write32(0x4000000C, 1), spin(90000)), (send32(0x40000414), send32(0x40000418))),
    "the MPU's region": word(0xE000ED98, 1, 2),
    "the bounds of a region": of_region(0xE000ED9C, 0x20000000, 0x20001000),
    "the rights of a region": of_region(0xE000EDA0, 0x01000000, 0x02000000),
    "the FPU": word(0xE000ED88, 0, 0xF00000),
    "the watchdog's requests": word(0x40010508, 1, 3),
    "a timer's width": word(0x40008508, 0, 3),
    "where a timer stopped": Difference(
        (write32(0x40008000, 1), spin(100), write32(0x40008004, 1)),
        (write32(0x40008000, 1), spin(900), write32(0x40008004, 1)),
        (write32(0x40008040, 1), send32(0x40008540)),
    ),
    "a retained register": word(0x4000051C, 1, 2),
    "a pin": word(0x50000504, 1, 2),
}


def make_state_of_stm(difference: Difference, number: int) -> NonVolatile:
    """Return a flash whose program does what a page says, erases it, programs it, and shows what is left."""
    target = 0x08008000
    steps = (difference.one, difference.other)[number]
    erase = (*stm.UNLOCK, write32(stm.CR, stm.PER), write32(stm.AR, target), write32(stm.CR, stm.PER | stm.STRT), stm.wait_clear(stm.SR, stm.BSY))
    program = (write32(stm.CR, stm.PG), write16(target, 1), stm.wait_clear(stm.SR, stm.BSY), write32(stm.CR, 0))
    if any(step[1] == stm.KEYR for step in steps):
        erase = erase[len(stm.UNLOCK) :]
    patches = {target: stm.make_script(*steps, jump(stm.SCRIPT + AFTER))}
    return NonVolatile(stm.make_script_flash((jump(target), *erase, *program, *difference.shows, spin(900)), patches), **difference.begins[number])


def make_state_of_nrf(difference: Difference, number: int) -> NonVolatile:
    """Return the same for the nRF52840."""
    target = 0x80000
    steps = (difference.one, difference.other)[number]
    ready = nrf.READY
    erase = (nrf.ERASE_ENABLE, write32(nrf.ERASEPAGE, target), send32(ready))
    program = (nrf.WRITE_ENABLE, write32(target, 1), send32(ready), write32(nrf.CONFIG, nrf.REN))
    patches = {target: stm.make_script(*steps, jump(nrf.SCRIPT + AFTER)), WRITTEN: bytes(4)}
    return NonVolatile(nrf.make_nrf_flash((jump(target), *erase, *program, *difference.shows, spin(900)), patches), **difference.begins[number])


ROWS = [("stm32f103", name) for name in STM32F103] + [("nrf52840", name) for name in NRF52840]


@pytest.fixture(scope="module", name="plain")
def _plain() -> dict[str, EmbeddedMachine]:
    """Machines that make every boot to its end."""
    return {chip: EmbeddedMachine(load_device(chip), part) for chip, part in (("stm32f103", "c8"), ("nrf52840", "qiaa"))}


def shown(trace: Trace) -> tuple[object, ...]:
    """Return what the last steps show, whatever time it is."""
    return trace.uart, trace.end, len(trace.misuses), [address for address, _ in trace.unmodelled]


@pytest.mark.parametrize(("chip", "name"), ROWS, ids=[f"{chip}: {name}" for chip, name in ROWS])
def test_boots_that_differ_in_it_do_not_go_on_together(chip: str, name: str, plain: dict[str, EmbeddedMachine]) -> None:
    """The same boot is cut short when it comes again; one that left something else before the erase is not, and shows what it left."""
    make = make_state_of_stm if chip == "stm32f103" else make_state_of_nrf
    difference = (STM32F103 if chip == "stm32f103" else NRF52840)[name]
    states = KnownStates()
    machine = EmbeddedMachine(load_device(chip), "c8" if chip == "stm32f103" else "qiaa", states=states)
    one, other = (make(difference, number) for number in (0, 1))
    expected = {number: plain[chip].boot(state, seed=1) for number, state in enumerate((one, other))}
    assert shown(expected[0]) != shown(expected[1]), "the steps show nothing"

    cut_short = []
    for number in (0, 0, 0, 1, 1, 1, 0):
        assert seen(machine.boot((one, other)[number], seed=1)) == seen(expected[number])
        cut_short.append(states.counts().boots)

    assert cut_short[2:4] == [1, 1]
    assert cut_short[-1] >= 2
    machine.close()


def test_boots_that_took_another_time_go_on_together(plain: dict[str, EmbeddedMachine]) -> None:
    """Whatever they did before, down to half a cycle: each has its own times, and all but the first two are cut short."""
    states = KnownStates()
    machine = EmbeddedMachine(load_device("stm32f103"), "c8", states=states)
    for steps in range(8):
        longer = Difference((write32(SCRATCH, 1), *[send32(SCRATCH)] * steps, write32(SCRATCH, 1)), (), (send32(SCRATCH),))
        state = make_state_of_stm(longer, 0)
        assert seen(machine.boot(state, seed=1)) == seen(plain["stm32f103"].boot(state, seed=1))

    assert states.counts().boots >= 4
    machine.close()
