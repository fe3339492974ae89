"""What a benchmark needs to compare the engine with bare Unicorn on one function of a firmware."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import unicorn
from unicorn import arm_const

from harness.device.loader import device_part
from harness.device.model import Device

_PERIPHERALS = ((0x40000000, 0x24000), (0xE0000000, 0x100000))
_UNREACHABLE = 1
# ldr r0..r3, r4 from the literals behind; blx r4; wfi; b .
_STUB = struct.Struct("<8H5I")
_STUB_CODE = (0x4803, 0x4904, 0x4A04, 0x4B05, 0x4C05, 0x47A0, 0xBF30, 0xE7FE)


@dataclass(frozen=True, slots=True)
class BareRun:
    """One run on bare Unicorn: how long it took, and r0 at its end."""

    seconds: float
    result: int


def make_call_flash(flash: bytes, flash_address: int, stub_address: int, stack: int, function: int, arguments: Sequence[int]) -> bytes:
    """Return a copy of `flash` that calls one function after reset and then sleeps.

    Args:
        stub_address: on a word, where 36 bytes may be overwritten.
        stack: initial stack pointer. function: address, bit 0 set for Thumb. arguments: at most four words.
    """
    words = (*arguments, 0, 0, 0, 0)[:4]
    content = bytearray(flash)
    offset = stub_address - flash_address
    content[offset : offset + _STUB.size] = _STUB.pack(*_STUB_CODE, *words, function | 1)
    content[0:8] = struct.pack("<II", stack, stub_address | 1)
    return bytes(content)


class BareMachine:
    """Unicorn with the same memory and no hook at all; peripherals are plain memory.

    Args:
        flash: what is in the array; it must need no peripheral.
    """

    def __init__(self, device: Device, part: str, flash: bytes) -> None:
        ram_bytes = device_part(device, part).ram_bytes.value
        self._start = struct.unpack_from("<II", flash)
        self._engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M3)
        for address in {device.flash.address.value, (device.flash.alias_address or device.flash.address).value}:
            self._engine.mem_map(address, len(flash), unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
            self._engine.mem_write(address, flash)
        self._engine.mem_map(device.ram_address.value, ram_bytes, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        for address, size_bytes in _PERIPHERALS:
            self._engine.mem_map(address, size_bytes, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)

    def run(self) -> BareRun:
        """Run from the reset vector until the core sleeps."""
        stack, entry = self._start
        self._engine.reg_write(arm_const.UC_ARM_REG_SP, stack)
        begin = time.perf_counter()
        self._engine.emu_start(entry, _UNREACHABLE)
        seconds = time.perf_counter() - begin
        return BareRun(seconds, self._engine.reg_read(arm_const.UC_ARM_REG_R0))
