"""ELF files: what goes to flash, where symbols are, and which source line an address belongs to."""

from __future__ import annotations

import bisect
import posixpath
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.dwarf.lineprogram import LineProgram
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from harness.errors import InputError

FIRMWARE_PREFIX = "/firmware"
"""What our own builds write in place of the firmware folder; it is left out of source locations."""

_THUMB_BIT = 1


@dataclass(frozen=True, slots=True)
class LoadImage:
    """The bytes that an ELF file puts into flash.

    Attributes:
        address: of the first byte. content: without gaps: they are filled with 0xFF, as erased flash reads.
    """

    address: int
    content: bytes


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where an address comes from.

    Attributes:
        function: name of the function. file: source file, relative to the firmware folder where it is ours; "" if unknown.
        line: from 1; 0 if unknown.
    """

    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, order=True)
class _LineRange:
    start: int
    end: int
    file: str
    line: int


class ElfFile:
    """One ELF file, read whole; what is derived from it is computed once.

    Args:
        path: the file.

    Raises:
        InputError: it can't be read, or is not a 32-bit ARM ELF file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._elf = ELFFile(BytesIO(path.read_bytes()))
            machine = self._elf["e_machine"]
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Give the path of an ELF file.") from error
        except (ELFError, ValueError, KeyError) as error:
            raise self._malformed(str(error)) from error
        if machine != "EM_ARM" or self._elf.elfclass != 32:
            raise self._malformed("it is not for 32-bit ARM")

    @property
    def content(self) -> ELFFile:
        """The file as pyelftools reads it."""
        return self._elf

    def load_image(self) -> LoadImage:
        """Return the bytes that belong into flash, at their load addresses.

        Raises:
            InputError: there are none, or they are spread so far that they can't be one flash image.
        """
        pieces = self.pieces()
        start = pieces[0][0]
        end = max(address + len(content) for address, content in pieces)
        if end - start > 1 << 26:
            raise self._malformed(f"its sections are spread over 0x{start:08X}..0x{end - 1:08X}")
        image = bytearray(b"\xff" * (end - start))
        for address, content in pieces:
            image[address - start : address - start + len(content)] = content
        return LoadImage(start, bytes(image))

    def pieces(self) -> list[tuple[int, bytes]]:
        """Return load address and bytes of every section that is loaded, by address.

        Raises:
            InputError: there are none.
        """
        pieces = sorted(self._loaded_sections())
        if not pieces:
            raise self._malformed("no section of it is loaded")
        return pieces

    def symbol(self, name: str) -> int:
        """Return the address of a symbol; of a function without the Thumb bit.

        Raises:
            InputError: there is no such symbol.
        """
        try:
            return self.symbols[name]
        except KeyError:
            raise InputError(f"has no symbol {name!r}", source=str(self.path), remedy="Build it with symbols, and define this one.") from None

    @cached_property
    def symbols(self) -> dict[str, int]:
        """Every defined symbol with its address."""
        return {
            symbol.name: _symbol_address(symbol)
            for symbol in self._symbol_table()
            if symbol.name and not symbol.name.startswith("$") and symbol["st_shndx"] != "SHN_UNDEF"
        }

    def locate(self, address: int) -> SourceLocation | None:
        """Return function and line of a code address, None where no function covers it."""
        function = self._function_at(address)
        if function is None:
            return None
        index = bisect.bisect_right(self._line_starts, address) - 1
        if index >= 0 and address < self._lines[index].end:
            return SourceLocation(function, self._lines[index].file, self._lines[index].line)
        return SourceLocation(function, "", 0)

    def code_bytes_by_file(self) -> dict[str, int]:
        """Return how many bytes of code come from each source file, by the line table; empty where there is none."""
        counted: dict[str, int] = {}
        for line in self._lines:
            counted[line.file] = counted.get(line.file, 0) + line.end - line.start
        return counted

    def _function_at(self, address: int) -> str | None:
        index = bisect.bisect_right(self._function_starts, address) - 1
        if index < 0:
            return None
        start, size_bytes, name = self._functions[index]
        if size_bytes == 0:
            # Hand-written assembly gives no size: take it to reach to the next function, inside its section.
            later = self._function_starts[index + 1] if index + 1 < len(self._functions) else address + 1
            size_bytes = later - start if any(address in code for code in self._code) else 0
        return name if address < start + size_bytes else None

    @cached_property
    def _functions(self) -> list[tuple[int, int, str]]:
        functions = (symbol for symbol in self._symbol_table() if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF")
        return sorted((_symbol_address(symbol), symbol["st_size"], symbol.name) for symbol in functions)

    @cached_property
    def _function_starts(self) -> list[int]:
        return [start for start, _, _ in self._functions]

    @cached_property
    def _code(self) -> list[range]:
        return [
            range(section["sh_addr"], section["sh_addr"] + section["sh_size"])
            for section in self._elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR and section["sh_size"]
        ]

    @cached_property
    def _lines(self) -> list[_LineRange]:
        if not self._elf.has_dwarf_info():
            return []
        dwarf = self._elf.get_dwarf_info()
        ranges: list[_LineRange] = []
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is not None:
                ranges += _line_ranges(program, _text(unit.get_top_DIE().attributes.get("DW_AT_comp_dir")))
        return sorted(line for line in ranges if any(line.start in code for code in self._code))

    @cached_property
    def _line_starts(self) -> list[int]:
        return [line.start for line in self._lines]

    def _loaded_sections(self) -> list[tuple[int, bytes]]:
        segments = [segment for segment in self._elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
        pieces = []
        for section in self._elf.iter_sections():
            loaded = section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_type"] != "SHT_NOBITS" and section["sh_size"]
            segment = next((segment for segment in segments if segment.section_in_segment(section)), None)
            if loaded and segment is not None:
                pieces.append((segment["p_paddr"] + section["sh_offset"] - segment["p_offset"], section.data()))
        return pieces

    def _symbol_table(self) -> list[Any]:
        table = self._elf.get_section_by_name(".symtab")
        return list(table.iter_symbols()) if isinstance(table, SymbolTableSection) else []

    def _malformed(self, problem: str) -> InputError:
        return InputError(f"is not a usable ELF file: {problem}", source=str(self.path), remedy="Give an ELF file for a Cortex-M, as a linker writes it.")


def _symbol_address(symbol: Any) -> int:
    value = int(symbol["st_value"])
    return value & ~_THUMB_BIT if symbol["st_info"]["type"] == "STT_FUNC" else value


def _line_ranges(program: LineProgram, folder: str) -> list[_LineRange]:
    """Return the address ranges of a line program: a row reaches to the address of the next one that differs."""
    names = _file_names(program, folder)
    ranges = []
    previous = None
    dropped = False
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if previous is None:
            # The linker points the lines of functions that it dropped at address 0, where a Cortex-M has its stack pointer and no code.
            dropped = state.address == 0
        elif state.address > previous.address and not dropped:
            ranges.append(_LineRange(previous.address, state.address, names.get(previous.file, ""), previous.line))
        previous = None if state.end_sequence else state
    return ranges


def _file_names(program: LineProgram, folder: str) -> dict[int, str]:
    """Return the files of a line program by number: DWARF 5 counts files and folders from 0, older versions from 1."""
    header = program.header
    folders = [_text(name) for name in header["include_directory"]]
    first = 0
    if header["version"] < 5:
        folders.insert(0, folder)
        first = 1
    names = {}
    for number, file in enumerate(header["file_entry"], first):
        path = posixpath.normpath(posixpath.join(folder, folders[file.dir_index], _text(file.name)))
        names[number] = path.removeprefix(FIRMWARE_PREFIX + "/")
    return names


def _text(value: Any) -> str:
    """Return a name of a DWARF table, which may be bytes, an attribute, or absent, as text."""
    value = getattr(value, "value", value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
