"""Proofs that a core stopped by a debugger would do nothing more: it sleeps, waits for input, or runs in a circle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import EngineError
from harness.machine.gdb_remote import GdbRemote
from harness.machine.protocol import End
from harness.machine.thumb import BRANCH_TO_SELF, PC, SP, WFE, WFI, MemoryAccess, memory_access

_LR, _XPSR = 14, 16
_HARD_FAULT = 3
_EXCEPTION_MASK = 0x1FF
_RETURN_MIN, _RETURN_PROCESS = 0xFFFFFFF0, 0x4
_FRAME_PC, _FRAME_WORDS = 6, 8
_NVIC_ISER, _SYST_CSR, _TICKINT = 0xE000E100, 0xE000E010, 2
_STEPS_MOST = 64
_ERASED = 0xFFFF


@dataclass(frozen=True, slots=True)
class Idle:
    """Why nothing more will happen, and where the core stands; for a fault, where it was raised."""

    end: End
    pc: int
    detail: str


def find_idle(gdb: GdbRemote, quiet: Sequence[range], uart: range) -> Idle | None:
    """Return why the stopped core is idle for good; None where that can't be shown. It may be stepped on a little.

    Args:
        quiet: addresses that change only by stores: flash and RAM.
        uart: the UART's event registers, which change only if input comes; the caller knows that there is none.
    """
    if gdb.read_word(_NVIC_ISER) or gdb.read_word(_SYST_CSR) & _TICKINT:
        return None  # an interrupt may come
    registers = gdb.registers()
    if _halfword(gdb, registers[PC] - 2) == WFI:
        return _stands(gdb, registers, "WFI or WFE")
    return _circles(gdb, registers, quiet, uart)


def _circles(gdb: GdbRemote, registers: tuple[int, ...], quiet: Sequence[range], uart: range) -> Idle | None:
    """Step until all registers are as they were before. Without a store, and with loads from what can't change, that repeats for ever."""
    seen: dict[tuple[int, ...], int] = {}
    instructions: list[int] = []
    polls: list[bool] = []
    while registers not in seen:
        instruction = _halfword(gdb, registers[PC])
        access = memory_access(instruction, registers)
        if instruction == WFI or len(seen) == _STEPS_MOST or (access is not None and not _harmless(access, quiet, uart)):
            return None  # a step into sleep would not come back
        seen[registers] = len(instructions)
        instructions.append(instruction)
        polls.append(access is not None and access.address in uart)
        gdb.step()
        before, registers = registers, gdb.registers()
        if registers == before and instruction != BRANCH_TO_SELF:
            return None  # an earlier stop was still to come: nothing was executed
    first = seen[registers]
    if any(polls[first:]):
        return Idle(End.WAITING, min(state[PC] for state, place in seen.items() if place >= first), "for input on UART0")
    if WFE in instructions[first:]:
        return _stands(gdb, registers, "WFI or WFE")
    if len(instructions) - first == 1:
        return _stands(gdb, registers, "a branch to itself")
    return Idle(End.BUDGET, registers[PC], "a loop without an end")


def _harmless(access: MemoryAccess, quiet: Sequence[range], uart: range) -> bool:
    return not access.stores and (access.address in uart or any(access.address in span for span in quiet))


def _stands(gdb: GdbRemote, registers: tuple[int, ...], how: str) -> Idle:
    """A core that does nothing more in its HardFault handler has ended with that fault."""
    if registers[_XPSR] & _EXCEPTION_MASK != _HARD_FAULT:
        return Idle(End.SLEEPING, registers[PC], how)
    origin = _raised_at(gdb, registers)
    if origin is None:
        return Idle(End.HARD_FAULT, registers[PC], "fault; the handler has moved the stack, so its place is not known")
    try:
        erased = _halfword(gdb, origin) == _ERASED
    except EngineError:
        erased = False  # the fetch itself failed
    return Idle(End.ERASED_FLASH, origin, "ran into erased flash") if erased else Idle(End.HARD_FAULT, origin, "fault")


def _raised_at(gdb: GdbRemote, registers: tuple[int, ...]) -> int | None:
    """Return the program counter that the exception stacked, if the handler has left LR and the stack as they were."""
    if registers[_LR] < _RETURN_MIN or (registers[_LR] & _RETURN_PROCESS and registers[_LR] & 0x8 == 0):
        return None
    try:
        frame = gdb.read(registers[SP], 4 * _FRAME_WORDS)
    except EngineError:
        return None
    return int.from_bytes(frame[4 * _FRAME_PC : 4 * _FRAME_PC + 4], "little") & ~1


def _halfword(gdb: GdbRemote, address: int) -> int:
    return int.from_bytes(gdb.read(address, 2), "little")
