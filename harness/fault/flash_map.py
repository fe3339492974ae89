"""Where the non-volatile arrays lie, for operations that name addresses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.machine.protocol import NonVolatile
from harness.scenario.prepared import PreparedScenario


@dataclass(frozen=True, slots=True)
class FlashMap:
    """Where the two non-volatile arrays start, and what their controller counts writes by.

    Attributes:
        counted_bytes: size of the words whose writes are counted (n_WRITE); 0: none are. page_bytes: of an erase; matters only then.
    """

    flash_address: int
    option_bytes_address: int
    counted_bytes: int = 0
    page_bytes: int = 0

    def read(self, state: NonVolatile, address: int, length_bytes: int) -> bytes:
        """Return the bytes at `address`; fewer than asked for where the array ends."""
        array, offset = self._locate(state, address)
        return array[offset : offset + length_bytes]

    def replace(self, state: NonVolatile, address: int, content: bytes) -> NonVolatile:
        """Return `state` with the bytes at `address` replaced."""
        array, offset = self._locate(state, address)
        changed = bytearray(array)
        changed[offset : offset + len(content)] = content
        patched = bytes(changed)
        return replace(state, flash=patched) if array is state.flash else replace(state, option_bytes=patched)

    def _locate(self, state: NonVolatile, address: int) -> tuple[bytes, int]:
        offset = address - self.flash_address
        if 0 <= offset < len(state.flash):
            return state.flash, offset
        return state.option_bytes, address - self.option_bytes_address


def flash_map_of(scenario: PreparedScenario) -> FlashMap:
    """Return where the scenario's non-volatile arrays start."""
    flash = scenario.device.flash
    counted_bytes = 0 if flash.writes_per_unit is None else flash.program_unit_bytes.value
    return FlashMap(scenario.flash_address, scenario.device.option_bytes.address.value, counted_bytes, flash.page_bytes.value)
