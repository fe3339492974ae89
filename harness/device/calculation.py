"""Chips that are calculated with and never booted: a few sourced numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.bundled import bundled_path
from harness.device.model import Count, Duration, Name, NonEmpty, Sourced, Strict
from harness.toml_input import load_toml


class CalculationDevice(Strict):
    """What turns counted instructions and flash sizes into times on a chip that no engine models.

    Attributes:
        clock_hz: the core clock that times are calculated for.
        smallest_sector_bytes: the least that one erase erases. program_unit_bytes: what one program operation writes.
        cycles_per_instruction_milli: thousandths of a cycle for one instruction, within `cycles_error_percent`.
    """

    name: Name
    title: NonEmpty
    core: Literal["cortex-m3", "cortex-m4"]
    clock_hz: Sourced[Count]
    flash_bytes: Sourced[Count]
    ram_bytes: Sourced[Count]
    smallest_sector_bytes: Sourced[Count]
    program_unit_bytes: Sourced[Count]
    cycles_per_instruction_milli: Sourced[Count]
    cycles_error_percent: Sourced[Annotated[int, Field(ge=0, le=100)]]
    program_us: Duration
    sector_erase_us: Duration

    def milliseconds(self, instructions: int) -> float:
        """Return the estimated time of so many instructions at the chip's clock."""
        return instructions * self.cycles_per_instruction_milli.value / self.clock_hz.value


def load_calculation_device(name: str) -> CalculationDevice:
    """Load `platforms/<name>/calculation.toml`.

    Raises:
        InputError: the file is missing or malformed.
    """
    return load_toml(bundled_path("platforms") / name / "calculation.toml", CalculationDevice)
