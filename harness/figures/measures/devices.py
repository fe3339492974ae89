"""Numbers of the chips, as their manuals say."""

from __future__ import annotations

from harness.device import load_device
from harness.device.calculation import load_calculation_device
from harness.figures.bench import Bench
from harness.figures.registry import measure

_CALCULATED = "stm32f405"


@measure
def flash_kib(_bench: Bench, device: str, part: str) -> int:
    """Return the flash of a chip."""
    if device == _CALCULATED:
        return load_calculation_device(device).flash_bytes.value // 1024
    return load_device(device).parts[part].flash_bytes.value // 1024


@measure
def ram_kib(_bench: Bench, device: str, part: str) -> int:
    """Return the RAM of a chip."""
    if device == _CALCULATED:
        return load_calculation_device(device).ram_bytes.value // 1024
    return load_device(device).parts[part].ram_bytes.value // 1024


@measure
def page_bytes(_bench: Bench, device: str) -> int:
    """Return what one page erase erases."""
    return load_device(device).flash.page_bytes.value


@measure
def page_count(_bench: Bench, device: str, part: str) -> int:
    """Return the number of pages."""
    chip = load_device(device)
    return chip.parts[part].flash_bytes.value // chip.flash.page_bytes.value


@measure
def program_unit_bytes(_bench: Bench, device: str) -> int:
    """Return the only width that the controller programs."""
    return load_device(device).flash.program_unit_bytes.value


@measure
def smallest_sector_bytes(_bench: Bench, device: str) -> int:
    """Return the least that a chip which is only calculated with erases at once."""
    return load_calculation_device(device).smallest_sector_bytes.value


@measure
def register_address(_bench: Bench, device: str, peripheral: str, offset: int) -> str:
    """Return the address of a peripheral's register."""
    return f"0x{load_device(device).registers[peripheral].value + offset:08X}"


@measure
def word_after_second_program(_bench: Bench, device: str, first: int, second: int) -> str:
    """Return what a word reads after two programs without an erase, where programming ANDs (calculated)."""
    assert load_device(device).flash.controller == "nvmc"
    return f"0x{first & second:08X}"
