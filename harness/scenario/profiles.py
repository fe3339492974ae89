"""What a firmware profile keeps where: one object a profile, the only place where a scenario learns about formats."""

from __future__ import annotations

from typing import Protocol

from harness.scenario.model import Case
from harness.scenario.prepared import Bookkeeping, Region
from harness.scenario.speck import Records, SpeckProfile
from harness.scenario.speck_delta import SpeckDeltaProfile

_BOOTLOADER_OF_PATCHES = ("speck-delta", "speck-module")


class FlashProfile(Records, Protocol):
    """Knows the flash contents of a profile."""

    @property
    def image_regions(self) -> tuple[str, ...]:
        """The regions that must hold a whole application."""
        ...

    @property
    def rotates_keys(self) -> bool:
        """Whether an update can give the device another key."""
        ...

    def problem_of(self, regions: dict[str, Region]) -> tuple[str, str] | None:
        """Return the region that does not fit the profile, and what is wrong with it."""
        ...

    def slot(self, case: Case, installed: bytes, staged: bytes, hardware_revision: int) -> bytes:
        """Return what the slot holds for the application `staged`, as it will be installed, to be made of `installed`."""
        ...

    def metadata(self, case: Case, region: Region, slot_bytes: int) -> bytes:
        """Return the metadata region at the start of a case."""
        ...

    def bookkeeping(self, regions: dict[str, Region], flash_address: int) -> Bookkeeping | None:
        """Return who tells what the profile's journals and counters say, whatever their bytes; None: nobody can."""
        ...


def flash_profile(name: str, page_bytes: int) -> FlashProfile:
    """Return what is known of a profile; one of another name is laid out as `speck` is."""
    return SpeckDeltaProfile(page_bytes) if name in _BOOTLOADER_OF_PATCHES else SpeckProfile(page_bytes)
