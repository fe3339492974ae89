"""The instruction count is exact: compared with a hook on every single instruction, on bare Unicorn."""

from __future__ import annotations

import struct

import pytest
import unicorn
from unicorn import arm_const

from harness.machine.protocol import End, NonVolatile
from tests.machine.firmware import FLASH, compile_program, make_machine

RAM = 0x20000000


def halfword(image: bytes, address: int) -> int:
    """Half-word of the program at `address`."""
    value: int = struct.unpack_from("<H", image, address - FLASH)[0]
    return value


def width(image: bytes, address: int) -> int:
    """Size of the instruction at `address`."""
    return 4 if halfword(image, address) >> 11 >= 0x1D else 2


def run_every_instruction(image: bytes) -> list[int]:
    """Addresses of all executed instructions, without those that an IT block skips."""
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M3)
    engine.mem_map(FLASH, len(image))  # writable: a store programs at once, which is the same for erased cells
    engine.mem_map(RAM, 20480)
    engine.mem_map(0x40022000, 1024)
    engine.mem_write(FLASH, image)
    stack, entry = struct.unpack_from("<II", image)
    engine.reg_write(arm_const.UC_ARM_REG_SP, stack)
    executed: list[int] = []
    engine.hook_add(unicorn.UC_HOOK_CODE, lambda _engine, address, _size, _data: executed.append(address))
    with pytest.raises(unicorn.UcError, match="READ_UNMAPPED"):
        engine.emu_start(entry, 1)
    return executed


def count_before(image: bytes, executed: list[int]) -> list[tuple[int, int]]:
    """Pair every executed instruction with how many retired before it; an IT block retires whole, skipped ones included."""
    pairs: list[tuple[int, int]] = []
    retired = 0
    block: dict[int, int] = {}
    for address in executed:
        if address in block:
            pairs.append((address, block[address]))
            continue
        pairs.append((address, retired))
        retired += 1
        block = {}
        mask = halfword(image, address) & 0xF
        if halfword(image, address) & 0xFF00 == 0xBF00 and mask:
            follower = address + 2
            for _ in range(4 - ((mask & -mask).bit_length() - 1)):
                block[follower] = retired
                retired += 1
                follower += width(image, follower)
    return pairs


@pytest.mark.parametrize("part", ["c8", "cb"])
def test_counts_match_a_hook_on_every_instruction(part: str) -> None:
    """At every operation and at the fault, the engine has counted what the instruction hook saw."""
    flash = compile_program("count.S").flash(65536 if part == "c8" else 131072)
    trace = make_machine(part).boot(NonVolatile(flash), seed=1)
    expected = count_before(flash, run_every_instruction(flash))
    operations = [(trace.operations[index].pc, trace.operations[index].instructions) for index in range(len(trace.operations))]
    stores = {pc for pc, _ in operations}
    assert len(operations) == 100
    assert operations == [pair for pair in expected if pair[0] in stores]
    assert (trace.pc, trace.instructions) == expected[-1]
    assert trace.end == End.HARD_FAULT


@pytest.mark.parametrize("budget", [1, 2, 100, 5000])
def test_a_budget_ends_at_a_block_and_counts_it_right(budget: int) -> None:
    """The count at the end is at least the budget, at most one block more, and belongs to the program counter."""
    flash = compile_program("count.S").flash()
    trace = make_machine().boot(NonVolatile(flash), seed=1, instruction_budget=budget)
    assert trace.end == End.BUDGET
    assert budget <= trace.instructions < budget + 32
    assert (trace.pc, trace.instructions) in count_before(flash, run_every_instruction(flash))


def test_conditional_stores_into_flash() -> None:
    """Stores under IT execute as the architecture says, and so does the conditional code after them."""
    values = [*range(40), *range(100, 148, 2)]
    source = b"".join(struct.pack("<H", value) for value in values)
    flash = compile_program("it_store.S").flash(patches={0x08004000: source})
    trace = make_machine().boot(NonVolatile(flash), seed=1)
    even = [value for value in values if value % 2 == 0]
    small_rounds = sum(value < 8 for value in values)
    copied = struct.unpack_from("<64H", trace.final.flash, 0xA000)
    assert trace.end == End.SLEEPING
    assert list(copied) == [value if value % 2 == 0 else 0xFFFF for value in values]
    assert struct.unpack_from("<HH", trace.final.flash, 0xA400) == (len(even), len(values) - len(even) + 16 * small_rounds)
    assert not trace.misuses
