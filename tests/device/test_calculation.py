"""Chips for calculation only."""

from __future__ import annotations

import pytest

from harness.device import device_names
from harness.device.calculation import load_calculation_device
from harness.errors import InputError


def test_the_stm32f405_is_for_calculation_and_can_not_be_booted() -> None:
    """Its numbers are the data sheet's, and it is in no list of devices."""
    device = load_calculation_device("stm32f405")

    assert (device.clock_hz.value, device.flash_bytes.value, device.ram_bytes.value) == (168_000_000, 1024 * 1024, 192 * 1024)
    assert (device.smallest_sector_bytes.value, device.sector_erase_us.typical, device.program_us.typical) == (16_384, 250_000, 16)
    assert "calculation only" in device.title
    assert "stm32f405" not in device_names()


def test_time_is_instructions_times_cycles_over_the_clock() -> None:
    """168 million instructions at 1.2 cycles take 1.2 s."""
    assert load_calculation_device("stm32f405").milliseconds(168_000_000) == pytest.approx(1_200)


def test_a_chip_that_is_not_there_is_bad_input() -> None:
    """A bootable device is not one for calculation."""
    with pytest.raises(InputError, match="cannot be read"):
        load_calculation_device("stm32f103")
