"""Callers of a piece of code, from the call frame information that a compiler writes for debuggers (DWARF, section 6.4)."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

_STACK_POINTER, _LINK, _PROGRAM_COUNTER = 13, 14, 15
_THUMB_BIT = 1
_MOST_FRAMES = 16
_MASK = 0xFFFFFFFF

ReadWord = Callable[[int], int | None]


class Unwinder:
    """Unwinds the stack of code of one ELF file; without call frame information, only its innermost frame is known.

    Args:
        path: an ELF file that `ElfFile` accepts.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            dwarf = elf.get_dwarf_info() if elf.has_dwarf_info() else None
            entries = dwarf.CFI_entries() if dwarf and dwarf.has_CFI() else []
            # The linker points the entries of functions that it dropped at address 0, where no code is: a Cortex-M has its stack pointer there.
            present = [entry for entry in entries if isinstance(entry, FDE) and entry["initial_location"]]
            tables = [(entry["initial_location"], entry["initial_location"] + entry["address_range"], entry.get_decoded().table) for entry in present]
        self._tables = sorted((table for table in tables if table[2]), key=lambda table: table[:2])
        self._starts = [start for start, _, _ in self._tables]

    def callers(self, registers: Sequence[int], read_word: ReadWord) -> list[int]:
        """Return the program counter, and for each caller an address inside the instruction that calls; innermost first.

        Args:
            registers: R0 to R15 at the program counter. read_word: the word at an address of the stack; None where it is not known.
        """
        state: dict[int, int] = dict(enumerate(registers))
        found = [state[_PROGRAM_COUNTER]]
        while len(found) < _MOST_FRAMES:
            outer = self._outer(found[-1], state, read_word)
            if outer is None:
                break
            state = outer
            # A call returns behind itself, and what follows may belong to another line: look at the call.
            found.append((state[_PROGRAM_COUNTER] & ~_THUMB_BIT) - 1)
        return found

    def _outer(self, address: int, state: dict[int, int], read_word: ReadWord) -> dict[int, int] | None:
        """Return the registers of the caller; None where they can't be told."""
        row = self._row(address)
        if row is None or row["cfa"].reg not in state:
            return None
        frame = (state[row["cfa"].reg] + row["cfa"].offset) & _MASK
        outer = dict(state)
        for number, rule in row.items():
            if isinstance(number, int):
                value = read_word((frame + rule.arg) & _MASK) if rule.type == "OFFSET" else state.get(number) if rule.type == "SAME_VALUE" else None
                if value is None:
                    outer.pop(number, None)
                else:
                    outer[number] = value
        outer[_STACK_POINTER] = frame
        # A caller has used its link register for the call: the next frame must have it on the stack.
        back = outer.pop(_LINK, 0)
        outer[_PROGRAM_COUNTER] = back
        return outer if back & _THUMB_BIT else None

    def _row(self, address: int) -> dict[Any, Any] | None:
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._tables[index][1]:
            return None
        rows = [row for row in self._tables[index][2] if row["pc"] <= address]
        return rows[-1] if rows else None
