"""What an ARMv6-M instruction reads or writes in memory, from its encoding and the registers before it (DDI 0419, A5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SP, PC = 13, 15
WFE, WFI, BRANCH_TO_SELF = 0xBF20, 0xBF30, 0xE7FE

_WORD_MASK = 0xFFFFFFFF
_BY_REGISTER = ((True, 4), (True, 2), (True, 1), (False, 1), (False, 4), (False, 2), (False, 1), (False, 2))
"""(stores, size in bytes) of the operations 0 to 7 with a register as offset."""
_BY_IMMEDIATE = {0b01100: (True, 4), 0b01101: (False, 4), 0b01110: (True, 1), 0b01111: (False, 1), 0b10000: (True, 2), 0b10001: (False, 2)}
"""The same by the upper five bits, with a number as offset, counted in units of the size."""


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """One instruction's access to memory.

    Attributes:
        address: of its first byte. size_bytes: of one element.
        values: what is stored, element by element in ascending addresses; for a load as many zeros as elements are read.
    """

    stores: bool
    address: int
    size_bytes: int
    values: tuple[int, ...]

    @property
    def length_bytes(self) -> int:
        """All elements together."""
        return self.size_bytes * len(self.values)


def memory_access(instruction: int, registers: Sequence[int]) -> MemoryAccess | None:
    """Return what an instruction of 16 bits reads or writes; None if it does neither. ARMv6-M has no wider one that does.

    Args:
        instruction: its half-word. registers: r0 to r15 before it, r15 being its own address.
    """
    top = instruction >> 11
    if instruction >> 12 == 0b0101:
        stores, size_bytes = _BY_REGISTER[instruction >> 9 & 7]
        address = registers[instruction >> 3 & 7] + registers[instruction >> 6 & 7]
        return _single(stores, address, size_bytes, registers[instruction & 7])
    if top in _BY_IMMEDIATE:
        stores, size_bytes = _BY_IMMEDIATE[top]
        address = registers[instruction >> 3 & 7] + (instruction >> 6 & 31) * size_bytes
        return _single(stores, address, size_bytes, registers[instruction & 7])
    if top in (0b10010, 0b10011):
        return _single(top == 0b10010, registers[SP] + 4 * (instruction & 0xFF), 4, registers[instruction >> 8 & 7])
    if top == 0b01001:
        return _single(False, (registers[PC] + 4 & ~3) + 4 * (instruction & 0xFF), 4, 0)
    return _many(instruction, registers)


def _single(stores: bool, address: int, size_bytes: int, value: int) -> MemoryAccess:
    kept = value & ((1 << 8 * size_bytes) - 1) if stores else 0
    return MemoryAccess(stores, address & _WORD_MASK, size_bytes, (kept,))


def _many(instruction: int, registers: Sequence[int]) -> MemoryAccess | None:
    chosen = [number for number in range(8) if instruction >> number & 1]
    if instruction >> 9 == 0b1011010:  # PUSH; bit 8 is LR
        chosen += [14] if instruction & 0x100 else []
        return _elements(True, registers[SP] - 4 * len(chosen), chosen, registers)
    if instruction >> 9 == 0b1011110:  # POP; bit 8 is PC
        chosen += [PC] if instruction & 0x100 else []
        return _elements(False, registers[SP], chosen, registers)
    if instruction >> 12 == 0b1100:  # STM, LDM
        return _elements(not instruction & 0x800, registers[instruction >> 8 & 7], chosen, registers)
    return None


def _elements(stores: bool, address: int, chosen: Sequence[int], registers: Sequence[int]) -> MemoryAccess:
    return MemoryAccess(stores, address & _WORD_MASK, 4, tuple(registers[number] if stores else 0 for number in chosen))
