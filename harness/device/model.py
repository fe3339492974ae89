"""A device as data: memories, flash geometry and physics, each number with its source."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

ValueT = TypeVar("ValueT")

NonEmpty = Annotated[str, Field(pattern=r"\S")]
Address = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(gt=0, lt=2**32)]
Microseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _bytes_of_hex(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return bytes.fromhex(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a string of hexadecimal digit pairs") from None


HexBytes = Annotated[bytes, BeforeValidator(_bytes_of_hex)]


class Strict(BaseModel):
    """A frozen model that knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(Strict, Generic[ValueT]):
    """A value and where it is written.

    Attributes:
        source: document and place. assumption: what we chose, and why, where the source leaves it open.
    """

    value: ValueT
    source: NonEmpty
    assumption: NonEmpty | None = None


class Timing(StrEnum):
    """Which of the data sheet's durations operations take."""

    MINIMUM = "minimum"
    TYPICAL = "typical"
    MAXIMUM = "maximum"


class Duration(Strict):
    """How long something takes, in microseconds.

    Attributes:
        source: document and place. assumption: what we chose, and why, where the source leaves it open.
    """

    minimum: Microseconds
    typical: Microseconds
    maximum: Microseconds
    source: NonEmpty
    assumption: NonEmpty | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.minimum <= self.typical <= self.maximum:
            raise ValueError(f"minimum {self.minimum}, typical {self.typical} and maximum {self.maximum} are not in ascending order")
        return self

    def at_ps(self, timing: Timing) -> int:
        """Return the duration of that kind in whole picoseconds, as virtual time counts."""
        chosen = {Timing.MINIMUM: self.minimum, Timing.TYPICAL: self.typical, Timing.MAXIMUM: self.maximum}[timing]
        return round(chosen * 1_000_000)


class Part(Strict):
    """One member of the device's family.

    Attributes:
        title: the order code, such as "STM32F103x8".
        flash_size_kib: what the flash size register reads.
    """

    title: NonEmpty
    flash_bytes: Sourced[Count]
    ram_bytes: Sourced[Count]
    flash_size_kib: Sourced[Count]


class Flash(Strict):
    """The main flash array and its controller.

    Attributes:
        controller: which model of `machine/core` it is.
        address: first byte of the array. alias_address: where it appears again after a boot from flash, if anywhere.
        program_unit_bytes: the only width that the controller programs.
        erased_byte: what an erased byte reads.
        endurance_cycles: erases that a page survives.
        write_protection_pages_per_bit: pages that one bit of the WRP option bytes protects; the fpec has it.
        writes_per_unit: how often a program unit may be written between erases (n_WRITE); the nvmc has it.
    """

    controller: Literal["fpec", "nvmc"]
    address: Sourced[Address]
    alias_address: Sourced[Address] | None = None
    page_bytes: Sourced[Count]
    program_unit_bytes: Sourced[Count]
    erased_byte: Sourced[Annotated[int, Field(ge=0, le=255)]]
    endurance_cycles: Sourced[Count]
    write_protection_pages_per_bit: Sourced[Count] | None = None
    writes_per_unit: Sourced[Count] | None = None
    program_us: Duration
    page_erase_us: Duration
    mass_erase_us: Duration

    @model_validator(mode="after")
    def _controller_has_its_numbers(self) -> Self:
        needed = {"fpec": "write_protection_pages_per_bit", "nvmc": "writes_per_unit"}[self.controller]
        if getattr(self, needed) is None:
            raise ValueError(f"the controller {self.controller!r} needs {needed}")
        return self


class FactoryBytes(Strict):
    """Bytes outside the main array: where they are and what they hold when the chip leaves the factory."""

    address: Sourced[Address]
    delivery_state: Sourced[HexBytes]


class Clocks(Strict):
    """Frequencies of the clock sources.

    Attributes:
        internal_hz: the oscillator that runs after reset. crystal_hz: the external one.
        low_speed_hz: what the watchdog counts. maximum_hz: the fastest core clock.
    """

    internal_hz: Sourced[Count]
    crystal_hz: Sourced[Count]
    low_speed_hz: Sourced[Count]
    maximum_hz: Sourced[Count]


class Cycles(Strict):
    """What the range of cycles rests on besides the core's own instruction timings.

    Attributes:
        flash_wait_states: cycles that one access to the flash may wait, as the chip comes out of reset.
    """

    flash_wait_states: Sourced[Annotated[int, Field(ge=0, le=15)]]


class Device(Strict):
    """A chip, as `platforms/<name>/device.toml` describes it.

    Attributes:
        parts: members of the family, by name.
        registers: base address of each peripheral that an engine models, by name.
        flash_size_register: where `Part.flash_size_kib` is read.
        option_bytes: the second non-volatile array: option bytes, or UICR.
        factory: read-only words that the chip's maker wrote, by name.
    """

    name: Name
    title: NonEmpty
    core: Literal["cortex-m0", "cortex-m3", "cortex-m4"]
    ram_address: Sourced[Address]
    flash_size_register: Sourced[Address]
    parts: Annotated[dict[Name, Part], Field(min_length=1)]
    flash: Flash
    option_bytes: FactoryBytes
    unique_id: FactoryBytes
    factory: dict[Name, FactoryBytes] = Field(default_factory=dict)
    registers: Annotated[dict[Name, Sourced[Address]], Field(min_length=1)]
    clocks: Clocks
    cycles: Cycles

    def __reduce__(self) -> tuple[Callable[[dict[str, object]], Device], tuple[dict[str, object]]]:
        """Pickle as plain data: pickle finds a class by its name, and pydantic's `Sourced[int]` is no name of this module."""
        return Device.model_validate, (self.model_dump(),)

    @model_validator(mode="after")
    def _geometry_fits(self) -> Self:
        page, unit = self.flash.page_bytes.value, self.flash.program_unit_bytes.value
        if page % unit:
            raise ValueError(f"flash.page_bytes {page} is not a multiple of flash.program_unit_bytes {unit}")
        if self.flash.address.value % page:
            raise ValueError(f"flash.address 0x{self.flash.address.value:08X} is not on a page boundary")
        for name, part in self.parts.items():
            if part.flash_bytes.value % page:
                raise ValueError(f"parts.{name}.flash_bytes {part.flash_bytes.value} is not a multiple of flash.page_bytes {page}")
            self._check_no_overlap(name, part)
        return self

    def _check_no_overlap(self, part_name: str, part: Part) -> None:
        flash_bytes = part.flash_bytes.value
        ranges = [
            (self.flash.address.value, flash_bytes, "flash.address"),
            (self.ram_address.value, part.ram_bytes.value, "ram_address"),
            (self.option_bytes.address.value, len(self.option_bytes.delivery_state.value), "option_bytes"),
            (self.unique_id.address.value, len(self.unique_id.delivery_state.value), "unique_id"),
            (self.flash_size_register.value, 2, "flash_size_register"),
            *((item.address.value, len(item.delivery_state.value), f"factory.{name}") for name, item in self.factory.items()),
            *((register.value, 4, f"registers.{name}") for name, register in self.registers.items()),
        ]
        if self.flash.alias_address is not None:
            ranges.append((self.flash.alias_address.value, flash_bytes, "flash.alias_address"))
        ranges.sort()
        for (start, size, name), (next_start, _, next_name) in itertools.pairwise(ranges):
            if start + size > next_start:
                raise ValueError(f"{name} (0x{start:08X}, {size} bytes) overlaps {next_name} (0x{next_start:08X}) in part {part_name!r}")
        last_start, last_size, last_name = ranges[-1]
        if last_start + last_size > 2**32:
            raise ValueError(f"{last_name} (0x{last_start:08X}, {last_size} bytes) ends beyond 32-bit addresses")
