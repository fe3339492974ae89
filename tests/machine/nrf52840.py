"""Scripts for the emulated nRF52840: what `firmware.py` is for the STM32F103."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from harness.device.loader import load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import NonVolatile, Trace
from tests.machine.firmware import SLEEP, Step, compile_program, make_script, write32

FLASH_BYTES = 1024 * 1024
SCRIPT = 0x4000
PAGE_BYTES = 4096
UICR = 0x10001000
NVMC = 0x4001E000
READY, READYNEXT, CONFIG, ERASEPAGE, ERASEALL = NVMC + 0x400, NVMC + 0x408, NVMC + 0x504, NVMC + 0x508, NVMC + 0x50C
ERASEUICR, ERASEPAGEPARTIAL, ERASEPAGEPARTIALCFG = NVMC + 0x514, NVMC + 0x518, NVMC + 0x51C
REN, WEN, EEN = 0, 1, 2
WRITE_ENABLE: Step = write32(CONFIG, WEN)
ERASE_ENABLE: Step = write32(CONFIG, EEN)


@functools.cache
def make_nrf_machine() -> EmbeddedMachine:
    """Return the session's nRF52840: tests share it, as a campaign does."""
    return EmbeddedMachine(load_device("nrf52840"), "qiaa")


def make_nrf_flash(steps: Sequence[Step], patches: dict[int, bytes] | None = None) -> bytes:
    """Return a flash whose program performs `steps` and sleeps."""
    script = make_script(*steps, SLEEP)
    return compile_program("script.c", "nrf52840").flash(FLASH_BYTES, {SCRIPT: script, **(patches or {})})


def run_nrf_script(*steps: Step, patches: dict[int, bytes] | None = None, option_bytes: bytes = b"", uart_input: bytes = b"") -> Trace:
    """Boot a machine that performs `steps`."""
    state = NonVolatile(make_nrf_flash(steps, patches), option_bytes)
    return make_nrf_machine().boot(state, seed=1, instruction_budget=2_000_000, uart_input=uart_input)
