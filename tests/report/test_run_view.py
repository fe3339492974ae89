"""What `harness run` tells of registers that no model answers."""

from __future__ import annotations

import pytest

from harness.device import load_device
from harness.report.run_view import register_name

NAMES = {
    "a register of a peripheral that the device file names": (0x40013824, "0x40013824 usart1+0x24"),
    "a base address": (0x40010000, "0x40010000 afio+0x0"),
    "a peripheral that it does not name": (0x40005400, "0x40005400"),
}


@pytest.mark.parametrize("sentence", NAMES)
def test_registers_are_told_by_name_and_address(sentence: str) -> None:
    """The nearest peripheral of the device file below the address, if it is near."""
    address, name = NAMES[sentence]
    assert register_name(load_device("stm32f103"), address) == name
