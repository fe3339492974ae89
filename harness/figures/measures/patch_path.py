"""What the bootloader that applies patches takes: flash, and RAM on the way of a patch."""

from __future__ import annotations

from harness.device.calculation import load_calculation_device
from harness.figures.bench import Bench
from harness.figures.patching import rebuild_instructions
from harness.figures.registry import measure


@measure
def delta_bootloader_kib(bench: Bench, device: str) -> float:
    """Return the size of the bootloader of profile speck-delta on a device."""
    return bench.patching(device).space.flash_bytes / 1024


@measure
def patch_path_ram_bytes(bench: Bench, device: str) -> int:
    """Return the RAM that reading and applying a patch takes: all variables, and the stack at its deepest flash operation."""
    return bench.patching(device).path_ram_bytes


@measure
def delta_boot_ram_bytes(bench: Bench, device: str) -> int:
    """Return the RAM of a whole boot that applies a patch, the verification of its signature included."""
    return bench.patching(device).boot_ram_bytes


@measure
def apply_patch_ms(_bench: Bench, device: str) -> float:
    """Return the calculated time to rebuild the service console from a patch, page by page: without the flash's own time, signatures and digests."""
    return load_calculation_device(device).milliseconds(rebuild_instructions("stm32f103"))
