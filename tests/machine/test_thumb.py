"""Which memory an ARMv6-M instruction reads or writes, from its encoding."""

from __future__ import annotations

import pytest

from harness.machine.thumb import MemoryAccess, memory_access

REGISTERS = (0x20000000, 0x8, 0x11223344, 0x55667788, 0xFFFFFFFC, 5, 6, 7, 8, 9, 10, 11, 12, 0x20001000, 0x999, 0x102)
"""r0 to r12, sp, lr, pc."""

ENCODINGS = {
    "str r2, [r0, r1]": (0x5042, MemoryAccess(True, 0x20000008, 4, (0x11223344,))),
    "strh r2, [r0, r1]": (0x5242, MemoryAccess(True, 0x20000008, 2, (0x3344,))),
    "strb r2, [r0, r1]": (0x5442, MemoryAccess(True, 0x20000008, 1, (0x44,))),
    "ldrsb r2, [r0, r1]": (0x5642, MemoryAccess(False, 0x20000008, 1, (0,))),
    "ldr r2, [r0, r1]": (0x5842, MemoryAccess(False, 0x20000008, 4, (0,))),
    "ldrsh r2, [r0, r1]": (0x5E42, MemoryAccess(False, 0x20000008, 2, (0,))),
    "str r2, [r4, r1], which wraps around": (0x5062, MemoryAccess(True, 4, 4, (0x11223344,))),
    "str r2, [r0, #4]": (0x6042, MemoryAccess(True, 0x20000004, 4, (0x11223344,))),
    "ldr r2, [r0, #124]": (0x6FC2, MemoryAccess(False, 0x2000007C, 4, (0,))),
    "strb r2, [r0, #1]": (0x7042, MemoryAccess(True, 0x20000001, 1, (0x44,))),
    "ldrb r2, [r0, #31]": (0x7FC2, MemoryAccess(False, 0x2000001F, 1, (0,))),
    "strh r2, [r0, #2]": (0x8042, MemoryAccess(True, 0x20000002, 2, (0x3344,))),
    "ldrh r2, [r0, #2]": (0x8842, MemoryAccess(False, 0x20000002, 2, (0,))),
    "str r2, [sp, #8]": (0x9202, MemoryAccess(True, 0x20001008, 4, (0x11223344,))),
    "ldr r2, [sp, #8]": (0x9A02, MemoryAccess(False, 0x20001008, 4, (0,))),
    "ldr r2, [pc, #4], from an address that is no multiple of 4": (0x4A01, MemoryAccess(False, 0x108, 4, (0,))),
    "push {r2, r3, lr}": (0xB50C, MemoryAccess(True, 0x20000FF4, 4, (0x11223344, 0x55667788, 0x999))),
    "pop {r2, pc}": (0xBD04, MemoryAccess(False, 0x20001000, 4, (0, 0))),
    "stmia r0!, {r2, r3}": (0xC00C, MemoryAccess(True, 0x20000000, 4, (0x11223344, 0x55667788))),
    "ldmia r0!, {r2, r3}": (0xC80C, MemoryAccess(False, 0x20000000, 4, (0, 0))),
    "adds r2, r3, r5": (0x195A, None),
    "wfi": (0xBF30, None),
    "cbz is no instruction of ARMv6-M": (0xB112, None),
    "b .": (0xE7FE, None),
    "bl, first half": (0xF000, None),
}


@pytest.mark.parametrize(("instruction", "expected"), ENCODINGS.values(), ids=ENCODINGS)
def test_an_access_is_decoded(instruction: int, expected: MemoryAccess | None) -> None:
    """Direction, address, width and values, as the architecture's manual says."""
    assert memory_access(instruction, REGISTERS) == expected


def test_the_length_counts_all_elements() -> None:
    """Three words pushed are twelve bytes."""
    access = memory_access(0xB50C, REGISTERS)
    assert access is not None
    assert access.length_bytes == 12
