"""The sample module, placed by the device's loader and executed: at any address it says and answers the same."""

from __future__ import annotations

import struct

import pytest
import unicorn
from unicorn import arm_const

from harness.build.module import build_module
from harness.build.profile import load_profile
from harness.build.toolchain import choose_toolchain
from harness.device import load_device
from harness.image.module import Module
from tests.image.modules import MEMORY_BYTES

from .test_module_loader import Load, load  # noqa: F401 -- a fixture

ADDRESSES = (0x2000_0000, 0x2000_1000, 0x2000_2468, 0x2000_4FF8)
VERSION = 2
SAID = "module 2: mean 345 greatest 931 median 248\r\n"

RAM, RAM_BYTES = 0x2000_0000, 0x1_0000
STACK, HOST = RAM + RAM_BYTES, RAM + RAM_BYTES - 0x1000
FUNCTIONS, FUNCTIONS_BYTES = 0x0800_0000, 0x1000
SAY, SAY_NUMBER, RETURN = (FUNCTIONS + 4 * number for number in range(3))
_RETURNS = struct.pack("<H", 0x4770)  # bx lr


@pytest.fixture(scope="module")
def module() -> Module:
    """The sample module, compiled."""
    return build_module(load_profile("speck-module"), load_device("stm32f103"), choose_toolchain("zig"), VERSION)


def execute(memory: bytes, address: int, entry: int) -> tuple[str, int]:
    """Call a module that lies at `address` on a Cortex-M3, and return what it said and answered.

    Raises:
        unicorn.UcError: it left its memory, the stack, or what its host gives it.
    """
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M3)
    engine.mem_map(RAM, RAM_BYTES)
    engine.mem_map(FUNCTIONS, FUNCTIONS_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    engine.mem_write(FUNCTIONS, _RETURNS * (FUNCTIONS_BYTES // len(_RETURNS)))
    engine.mem_write(RAM, b"\xa5" * RAM_BYTES)
    engine.mem_write(address, memory)
    engine.mem_write(HOST, struct.pack("<QIII", 1, 3, SAY | 1, SAY_NUMBER | 1))
    said: list[str] = []

    def listen(_engine: unicorn.Uc, at: int, _size: int, _data: object) -> None:
        argument = engine.reg_read(arm_const.UC_ARM_REG_R0)
        if at == SAY:
            said.append(bytes(engine.mem_read(argument, 32)).split(b"\0")[0].decode())
        elif at == SAY_NUMBER:
            said.append(str(argument - (argument >> 31 << 32)))

    engine.hook_add(unicorn.UC_HOOK_CODE, listen, begin=FUNCTIONS, end=FUNCTIONS + FUNCTIONS_BYTES - 1)
    engine.reg_write(arm_const.UC_ARM_REG_SP, STACK)
    engine.reg_write(arm_const.UC_ARM_REG_LR, RETURN | 1)
    engine.reg_write(arm_const.UC_ARM_REG_R0, HOST)
    engine.emu_start(address + entry | 1, RETURN, count=100_000)
    return "".join(said), engine.reg_read(arm_const.UC_ARM_REG_R0)


@pytest.mark.parametrize("address", ADDRESSES, ids=hex)
def test_a_module_runs_at_any_address(load: Load, module: Module, address: int) -> None:  # noqa: F811
    """Relocated to where it lies, it finds its names, functions and variables; a median is what it answers."""
    memory = load(module.to_payload(), module.entry, address)
    assert isinstance(memory, bytes)
    assert len(memory) == MEMORY_BYTES
    assert execute(memory, address, module.entry) == (SAID, 248)


def test_a_module_that_was_placed_for_another_address_does_not(load: Load, module: Module) -> None:  # noqa: F811
    """What makes it run there are the relocations."""
    memory = load(module.to_payload(), module.entry, ADDRESSES[0])
    assert isinstance(memory, bytes)
    assert module.relocations
    try:
        said = execute(memory, ADDRESSES[2], module.entry)[0]
    except unicorn.UcError:
        said = ""
    assert said != SAID
