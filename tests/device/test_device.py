"""The bundled devices say what the manuals say, and a wrong device file is refused with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ValidationError

from harness.bundled import bundled_path
from harness.device import Device, Duration, Sourced, Timing, device_names, device_part, load_device
from harness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUNDLED_TEXT = (bundled_path("platforms") / "stm32f103" / "device.toml").read_text(encoding="utf-8")


def sourced_in(model: BaseModel) -> Iterator[BaseModel]:
    """Yield every sourced number below `model`."""
    for value in dict(model).values():
        for item in value.values() if isinstance(value, dict) else (value,):
            if isinstance(item, Sourced | Duration):
                yield item
            elif isinstance(item, BaseModel):
                yield from sourced_in(item)


@pytest.mark.parametrize("name", device_names())
def test_every_number_has_a_source(name: str) -> None:
    """Each number of a bundled device names the document that it is from."""
    numbers = list(sourced_in(load_device(name)))

    assert len(numbers) > 30
    assert all(getattr(number, "source").strip() for number in numbers)  # noqa: B009 -- two models share the attribute, not a base


def test_the_stm32f103_is_as_its_manuals_say() -> None:
    """Geometry, times and addresses that the rest of the harness rests on."""
    device = load_device("stm32f103")

    assert {name: (part.flash_bytes.value, part.ram_bytes.value) for name, part in device.parts.items()} == {
        "c8": (64 * 1024, 20 * 1024),
        "cb": (128 * 1024, 20 * 1024),
    }
    assert (device.flash.address.value, device.flash.page_bytes.value, device.flash.program_unit_bytes.value) == (0x08000000, 1024, 2)
    assert device.flash.write_protection_pages_per_bit is not None
    assert device.flash.write_protection_pages_per_bit.value == 4
    assert (device.flash.program_us.minimum, device.flash.program_us.typical, device.flash.program_us.maximum) == (40, 52.5, 70)
    assert (device.flash.page_erase_us.minimum, device.flash.page_erase_us.maximum) == (20_000, 40_000)
    assert device.flash.program_us.at_ps(Timing.TYPICAL) == 52_500_000
    assert device.registers["flash_controller"].value == 0x40022000


def test_the_nrf52840_is_as_its_specification_says() -> None:
    """Flash at 0 and no alias of it, 32-bit words that take two writes, and UICR as the second non-volatile array."""
    device = load_device("nrf52840")

    assert {name: (part.flash_bytes.value, part.ram_bytes.value) for name, part in device.parts.items()} == {"qiaa": (1024 * 1024, 256 * 1024)}
    assert (device.flash.address.value, device.flash.page_bytes.value, device.flash.program_unit_bytes.value) == (0, 4096, 4)
    assert device.flash.alias_address is None
    assert device.flash.writes_per_unit is not None
    assert device.flash.writes_per_unit.value == 2
    assert (device.flash.program_us.typical, device.flash.page_erase_us.typical, device.flash.mass_erase_us.typical) == (41, 85_000, 169_000)
    assert device.option_bytes.address.value == 0x10001000
    assert device.option_bytes.delivery_state.value == b"\xff" * 0x308


def test_the_nrf51822_is_as_its_manuals_say() -> None:
    """A Cortex-M0 with pages of 1 KiB, 32-bit words, and a UICR of 256 bytes."""
    device = load_device("nrf51822")

    assert {name: (part.flash_bytes.value, part.ram_bytes.value) for name, part in device.parts.items()} == {"qfaa": (256 * 1024, 16 * 1024)}
    assert (device.core, device.flash.address.value, device.flash.page_bytes.value, device.flash.program_unit_bytes.value) == ("cortex-m0", 0, 1024, 4)
    assert (device.flash.program_us.maximum, device.flash.page_erase_us.typical, device.flash.mass_erase_us.typical) == (46.3, 22_300, 22_300)
    assert device.option_bytes.delivery_state.value == b"\xff" * 0x100
    assert device.clocks.internal_hz.value == 16_000_000


def test_option_bytes_are_delivered_unprotected_and_consistent() -> None:
    """RDP is 0xA5, and every option byte is followed by its complement."""
    content = load_device("stm32f103").option_bytes.delivery_state.value

    assert len(content) == 16
    assert content[0] == 0xA5
    assert all(content[place] ^ content[place + 1] == 0xFF for place in range(0, 16, 2))


def test_what_the_data_sheet_leaves_open_is_marked() -> None:
    """The data sheet has no typical erase time: the chosen one carries its assumption."""
    flash = load_device("stm32f103").flash

    assert flash.page_erase_us.assumption is not None
    assert flash.program_us.assumption is None


def test_a_device_is_frozen() -> None:
    """A device can't be changed after it was read."""
    device = load_device("stm32f103")

    with pytest.raises(ValidationError):
        device.name = "other"  # type: ignore[misc]


def test_an_unknown_device_is_told_with_the_known_ones() -> None:
    """The error lists the bundled devices."""
    with pytest.raises(InputError, match="stm32f103"):
        load_device("stm32f104")


def test_an_unknown_part_is_told_with_the_known_ones() -> None:
    """The error lists the device's parts."""
    with pytest.raises(InputError, match=r"'c6'.*c8, cb"):
        device_part(load_device("stm32f103"), "c6")


WRONG = {
    "a number without source": ('page_bytes = { value = 1_024, source = "PM0075', "flash.page_bytes.source", "not allowed"),
    "an unknown controller": ('controller = "fpec"', "flash.controller", "'fpec'"),
    "a controller without its numbers": ('controller = "fpec"', "flash", "'nvmc' needs writes_per_unit"),
    "a negative size": ("value = 65_536", "parts.c8.flash_bytes.value", "greater than 0"),
    "times out of order": ("typical = 52.5", "flash.program_us", "not in ascending order"),
    "a time that is no number": ("minimum = 40.0", "flash.program_us.minimum", "finite"),
    "option bytes that are not hexadecimal": ("A55A FF00", "option_bytes.delivery_state.value", "not a string of hexadecimal"),
    "flash that is not whole pages": ("value = 131_072", None, "parts.cb.flash_bytes 131073 is not a multiple"),
    "pages that are not whole program units": ("program_unit_bytes = { value = 2", None, "not a multiple of flash.program_unit_bytes 3"),
    "RAM on top of the flash": ("ram_address = { value = 0x20000000", None, "flash.address .* overlaps ram_address"),
    "a peripheral on top of another": ("usart1 = { value = 0x40013800", None, "overlaps registers"),
    "a misspelt key": ('title = "STM32F103x8"', "parts.c8.titel", "Did you mean 'title'"),
}

REPLACED = {
    "a number without source": 'page_bytes = { value = 1_024, source = "", assumption = "',
    "an unknown controller": 'controller = "fmc"',
    "a controller without its numbers": 'controller = "nvmc"',
    "a negative size": "value = -65_536",
    "times out of order": "typical = 30.0",
    "a time that is no number": "minimum = nan",
    "option bytes that are not hexadecimal": "A55A XX00",
    "flash that is not whole pages": "value = 131_073",
    "pages that are not whole program units": "program_unit_bytes = { value = 3",
    "RAM on top of the flash": "ram_address = { value = 0x08000100",
    "a peripheral on top of another": "usart1 = { value = 0x40021000",
    "a misspelt key": 'titel = "STM32F103x8"',
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_device_files_are_refused(case: str, tmp_path: Path) -> None:
    """Each wrong device file is bad input that names the key."""
    before, field, message = WRONG[case]
    assert BUNDLED_TEXT.count(before) == 1
    path = tmp_path / "device.toml"
    path.write_text(BUNDLED_TEXT.replace(before, REPLACED[case]), encoding="utf-8")

    with pytest.raises(InputError, match=message) as caught:
        load_device(str(path))

    assert caught.value.field == field


def test_an_unchanged_copy_loads(tmp_path: Path) -> None:
    """A device file of the user's own is read by its path."""
    path = tmp_path / "device.toml"
    path.write_text(BUNDLED_TEXT, encoding="utf-8")

    assert load_device(str(path)) == load_device("stm32f103")
    assert isinstance(load_device(str(path)), Device)
