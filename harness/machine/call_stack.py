"""What the core held at an operation: enough to name the callers of the code that asked for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

REGISTERS = 16
WORDS = 128
CALL_STACK = struct.Struct(f"={REGISTERS}I{4 * WORDS}s")
"""`struct call_stack` of the C core."""

_STACK_POINTER = 13


@dataclass(frozen=True, slots=True)
class CallStack:
    """Registers and stack at one moment.

    Attributes:
        registers: R0 to R15; the program counter is the address of the instruction that asked for the operation.
        stack: bytes from the stack pointer upwards.
    """

    registers: tuple[int, ...]
    stack: bytes

    @property
    def program_counter(self) -> int:
        """The address of the instruction that asked for the operation."""
        return self.registers[-1]

    def word(self, address: int) -> int | None:
        """Return a word of the stack; None where it was not kept."""
        offset = address - self.registers[_STACK_POINTER]
        if not 0 <= offset <= len(self.stack) - 4:
            return None
        return int.from_bytes(self.stack[offset : offset + 4], "little")


def decode_call_stack(record: bytes) -> CallStack:
    """Decode what the C core kept of one operation."""
    *registers, stack = CALL_STACK.unpack(record)
    return CallStack(tuple(registers), stack)
