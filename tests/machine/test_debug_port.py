"""The debug port: what a debugger, code in RAM and code in flash get at each level, and what a lost write leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device import NonVolatile, load_device
from harness.errors import InputError
from harness.machine.debug_port import Access, AccessPortProtection, DebugPort, ReadOutProtection
from harness.machine.protocol import OperationKind

STM32, NRF = "stm32f103", "nrf52840"
RAM_BYTES = 64
RAM = 0x20000000
LOCK = {STM32: b"\xff\x00", NRF: b"\x00"}
PLACE = {STM32: 0, NRF: 0x208}


def make_port(device_name: str, *, protected: bool, connected: bool = False) -> DebugPort:
    """Return a small chip with a secret in flash and one in RAM."""
    device = load_device(device_name)
    option_bytes = device.option_bytes.delivery_state.value
    if protected:
        place, lock = PLACE[device_name], LOCK[device_name]
        option_bytes = option_bytes[:place] + lock + option_bytes[place + len(lock) :]
    port = DebugPort(device, NonVolatile(b"secret" + b"\xff" * 250, option_bytes), b"ram!" * (RAM_BYTES // 4))
    if connected:
        port.connect()
    return port


Case = tuple[str, bool, Callable[[DebugPort], Access], Access]
OPEN, CLOSED = False, True

CASES: dict[str, Case] = {
    "level 0 gives the flash to the debugger": (STM32, OPEN, DebugPort.read_flash, Access.DATA),
    "level 1 refuses flash to the debugger": (STM32, CLOSED, DebugPort.read_flash, Access.REFUSED),
    "level 0 gives RAM to the debugger": (STM32, OPEN, lambda port: port.read_ram(RAM, 4)[0], Access.DATA),
    "level 1 still leaves RAM readable": (STM32, CLOSED, lambda port: port.read_ram(RAM, 4)[0], Access.DATA),
    "level 1 still leaves RAM writable": (STM32, CLOSED, lambda port: port.write_ram(RAM, b"code"), Access.DATA),
    "at level 0 RAM code under a debugger reads flash": (STM32, OPEN, DebugPort.run_from_ram, Access.DATA),
    "at level 1 RAM code under a debugger does not": (STM32, CLOSED, DebugPort.run_from_ram, Access.FAULT),
    "at level 0 the firmware goes on under a debugger": (STM32, OPEN, DebugPort.resume, Access.DATA),
    "at level 1 it does not": (STM32, CLOSED, DebugPort.resume, Access.FAULT),
    "an open access port gives the flash": (NRF, OPEN, DebugPort.read_flash, Access.DATA),
    "a closed access port refuses the flash": (NRF, CLOSED, DebugPort.read_flash, Access.REFUSED),
    "an open access port gives RAM": (NRF, OPEN, lambda port: port.read_ram(RAM, 4)[0], Access.DATA),
    "a closed access port refuses RAM": (NRF, CLOSED, lambda port: port.read_ram(RAM, 4)[0], Access.REFUSED),
    "a closed access port refuses to write RAM": (NRF, CLOSED, lambda port: port.write_ram(RAM, b"code"), Access.REFUSED),
    "an open access port runs code in RAM": (NRF, OPEN, DebugPort.run_from_ram, Access.DATA),
    "a closed access port does not": (NRF, CLOSED, DebugPort.run_from_ram, Access.REFUSED),
    "a closed access port does not stop the firmware": (NRF, CLOSED, DebugPort.resume, Access.DATA),
}


@pytest.mark.parametrize("sentence", CASES)
def test_access(sentence: str) -> None:
    """A debugger gets what the sentence says."""
    device, protected, act, access = CASES[sentence]
    assert act(make_port(device, protected=protected, connected=True)) is access


def test_code_in_ram_without_a_debugger() -> None:
    """At level 1 code that the firmware itself put in RAM reads flash, until a debugger connects; it stays out until power is cycled."""
    port = make_port(STM32, protected=True)
    assert (port.run_from_ram(), port.resume()) == (Access.DATA, Access.DATA)
    port.connect()
    assert port.run_from_ram() is Access.FAULT
    port.power_cycle(bytes(RAM_BYTES))
    assert port.run_from_ram() is Access.DATA


def test_ram_is_read_as_it_was_written() -> None:
    """A refused write changes nothing, and a refused read shows nothing."""
    port = make_port(STM32, protected=True)
    port.write_ram(RAM + 4, b"code")
    assert port.read_ram(RAM, 8) == (Access.DATA, b"ram!code")
    closed = make_port(NRF, protected=True)
    closed.write_ram(RAM + 4, b"code")
    assert closed.read_ram(RAM, 8) == (Access.REFUSED, b"")
    assert closed.ram[:8] == b"ram!ram!"


@pytest.mark.parametrize("address", [RAM - 1, RAM + RAM_BYTES, 0x08000000])
def test_only_ram_is_ram(address: int) -> None:
    """A range outside of RAM is bad input."""
    with pytest.raises(InputError, match="is not RAM"):
        make_port(STM32, protected=False).read_ram(address, 4)


@pytest.mark.parametrize("device", [STM32, NRF])
def test_protection_is_in_force_from_the_next_power_on(device: str) -> None:
    """The debugger that wrote it still reads; after the power-on it does not, and the flash is as it was."""
    port = make_port(device, protected=False, connected=True)
    port.make(port.protection.protect(port.state, 0, 0))
    assert port.read_flash() is Access.DATA
    port.power_cycle(bytes(RAM_BYTES))
    assert port.read_flash() is Access.REFUSED
    assert port.state.flash.startswith(b"secret")


@pytest.mark.parametrize("device", [STM32, NRF])
def test_regression_erases_the_flash(device: str) -> None:
    """Back to level 0, the keys are gone with the application."""
    port = make_port(device, protected=True, connected=True)
    port.make(port.protection.regress(port.state, port.level))
    assert port.read_flash() is Access.REFUSED
    port.power_cycle(bytes(RAM_BYTES))
    assert port.read_flash() is Access.DATA
    assert port.state.flash == b"\xff" * 256


def test_regression_of_an_open_chip_keeps_its_flash() -> None:
    """Writing 0xA5 at level 0 erases option bytes only; CTRL-AP erases whatever the level is."""
    port = make_port(STM32, protected=False)
    assert OperationKind.MASS_ERASE not in [change.kind for change in port.protection.regress(port.state, 0)]
    opened = make_port(NRF, protected=False)
    assert OperationKind.MASS_ERASE in [change.kind for change in opened.protection.regress(opened.state, 0)]


def test_the_other_option_bytes_are_kept() -> None:
    """Protection and regression erase the block; write protection and user bytes come back."""
    protection = ReadOutProtection()
    options = bytes.fromhex("A55A FE01 12ED 34CB FB04 FF00 FF00 FF00")
    state = NonVolatile(bytes(16), options)
    for changes, rdp in ((protection.protect(state, 0xCC, 0), b"\xcc\x33"), (protection.regress(state, 1), b"\xa5\x5a")):
        after = state
        for change in changes:
            after = change.applied_to(after)
        assert after.option_bytes == rdp + options[2:]


def test_write_protection_covers_groups_of_pages() -> None:
    """Bit 1 of WRP0 protects pages 4 to 7 from the next power-on; RDP and the user bytes stay."""
    device = load_device(STM32)
    state = NonVolatile(bytes(65536), device.option_bytes.delivery_state.value)
    port = DebugPort(device, state, bytes(RAM_BYTES))
    port.make(port.protection.write_protect(port.state, bytes.fromhex("FD FF FF FF"), 0))
    assert port.state.option_bytes == bytes.fromhex("A55A FF00 FF00 FF00 FD02 FF00 FF00 FF00")
    assert port.erase_page(0x08001000) is Access.DATA
    port.power_cycle(bytes(RAM_BYTES))
    accesses = [port.erase_page(0x08000000 + 1024 * page) for page in range(3, 9)]
    assert accesses == [Access.DATA, *[Access.REFUSED] * 4, Access.DATA]
    assert port.state.flash[0x2000:0x2400] == b"\xff" * 1024
    with pytest.raises(InputError, match="not in the flash"):
        port.erase_page(0x20000000)
    with pytest.raises(InputError, match="2 bytes of write protection"):
        port.protection.write_protect(state, b"\xff\xff", 0)
    with pytest.raises(InputError, match="no write protection that outlives a reset"):
        AccessPortProtection().write_protect(state, b"\xff", 0)
    assert make_port(NRF, protected=True).erase_page(0) is Access.REFUSED


@given(value=st.integers(0, 255), complement=st.integers(0, 255))
def test_only_one_pair_is_level_0(value: int, complement: int) -> None:
    """Whatever RDP and its complement hold, the chip is at level 0 for 0xA5 and 0x5A alone; there is no level 2."""
    state = NonVolatile(b"", bytes([value, complement]) + bytes.fromhex("FF00") * 7)
    assert ReadOutProtection().level(state) == (0 if (value, complement) == (0xA5, 0x5A) else 1)


@given(value=st.integers(0, 255))
def test_any_cleared_bit_closes_the_access_port(value: int) -> None:
    """APPROTECT is open for 0xFF alone."""
    uicr = load_device(NRF).option_bytes.delivery_state.value
    state = NonVolatile(b"", uicr[:0x208] + bytes([value]) + uicr[0x209:])
    assert AccessPortProtection().level(state) == (0 if value == 0xFF else 1)
    assert AccessPortProtection().level(replace(state, option_bytes=uicr)) == 0
