"""What `harness run` tells of registers that no model answers."""

from __future__ import annotations

import pytest
from rich.console import Console

from harness.device import load_device
from harness.machine.protocol import End, Retained
from harness.oracle.verdict import verdict_of
from harness.report.run_view import print_run, register_name
from tests.oracle.runs import make_run, make_trace

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


@pytest.mark.parametrize(("retained", "said"), [(Retained(b"x", b"ram"), "RAM is kept"), (Retained(b"x"), "RAM is noise"), (None, None)])
def test_a_reset_of_the_chips_own_is_told_with_what_it_keeps(retained: Retained | None, said: str | None) -> None:
    """The next boot is no power-on then; a boot that stands still says nothing of the kind."""
    run = make_run(make_trace(end=End.RESET, retained=retained), make_trace())
    console = Console(record=True, width=200)
    print_run(console, run, verdict_of(run))
    text = console.export_text()
    assert ("starts again by itself" in text) == (said is not None)
    assert said is None or said in text
