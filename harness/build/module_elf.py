"""From the ELF file of a position-independent executable to a module (SPEC, "Module")."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elftools.elf.constants import SH_FLAGS
from elftools.elf.descriptions import describe_reloc_type
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from harness.build.elf import ElfFile
from harness.errors import InputError
from harness.image.module import ALIGNMENT_BYTES, WORD_BYTES, Module

RELOCATION = "R_ARM_RELATIVE"
"""The one kind of dynamic relocation that a loader has to know."""

_CONTENT = "SHT_PROGBITS"
_ZEROS = "SHT_NOBITS"
_CALLED_BEFORE_START = ("SHT_INIT_ARRAY", "SHT_FINI_ARRAY", "SHT_PREINIT_ARRAY")
_LINK_IT = "Compile with -fPIC -fvisibility=hidden and link with -nostdlib -pie."


def read_module_elf(path: Path, *, oldest_host: int = 0) -> Module:
    """Return the module that an ELF file is: its allocated sections from the first to the last, and its relative relocations.

    Args:
        oldest_host: least version of the application that may load it.

    Raises:
        InputError: it is not position-independent, needs more of a loader than relative relocations, or its entry is no Thumb code.
    """
    elf = ElfFile(path)
    if elf.content["e_type"] != "ET_DYN":
        raise _refused(path, "is not position-independent: it is linked for one address", _LINK_IT)
    sections = [section for section in elf.content.iter_sections() if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]]
    _check_sections(path, sections)
    content = [section for section in sections if section["sh_type"] == _CONTENT]
    if not content:
        raise _refused(path, "has no code", "Keep the entry's section: give its name to the linker with -e.")
    base = min(section["sh_addr"] for section in content) // ALIGNMENT_BYTES * ALIGNMENT_BYTES
    end = _words_up(max(section["sh_addr"] + section["sh_size"] for section in content))
    memory_end = _words_up(max([end, *(section["sh_addr"] + section["sh_size"] for section in sections if section["sh_type"] == _ZEROS)]))
    blob = bytearray(end - base)
    for section in content:
        start = section["sh_addr"] - base
        blob[start : start + section["sh_size"]] = section.data()
    relocations = sorted({offset - base for offset in _relocations(path, sections)})
    for offset in relocations:
        _move_to_zero(path, blob, offset, base, memory_end)
    return Module(bytes(blob), _entry(path, elf.content["e_entry"], base, end), tuple(relocations), memory_end - end, oldest_host)


def _check_sections(path: Path, sections: list[Any]) -> None:
    for section in sections:
        if section["sh_type"] in _CALLED_BEFORE_START:
            raise _refused(path, f"has functions in {section.name} that nobody would call", "Call them from the entry.")
        if section["sh_addralign"] > ALIGNMENT_BYTES:
            problem = f"{section.name} has to lie on a boundary of {section['sh_addralign']} bytes"
            raise _refused(path, problem, f"A module lies on one of {ALIGNMENT_BYTES}: leave the larger alignment out.")


def _relocations(path: Path, sections: list[Any]) -> Iterator[int]:
    """Yield the address of each word that the load address is added to."""
    for section in sections:
        if section["sh_type"] in ("SHT_RELA", "SHT_RELR"):
            raise _refused(
                path, f"has relocations of the kind {section['sh_type']}", "Link it without packed relocations: SHT_REL is what the ABI for ARM has."
            )
        if isinstance(section, RelocationSection):
            for relocation in section.iter_relocations():
                kind = _name_of(relocation["r_info_type"], section.elffile)
                if kind != RELOCATION:
                    raise _refused(path, f"has a relocation {kind} at {relocation['r_offset']:#x}; a loader does {RELOCATION} only", _LINK_IT)
                yield relocation["r_offset"]


def _name_of(kind: int, elf: ELFFile) -> str:
    name = str(describe_reloc_type(kind, elf))
    return name if name.startswith("R_ARM_") else f"of the number {kind}"


def _move_to_zero(path: Path, blob: bytearray, offset: int, base: int, memory_end: int) -> None:
    """Turn the word at `offset`, an address as linked, into one of a module that is linked to 0."""
    if offset % WORD_BYTES or not 0 <= offset <= len(blob) - WORD_BYTES:
        raise _refused(path, f"has a relocation at {base + offset:#x}, which is no aligned word of its content", "Leave out packed structures with pointers.")
    (word,) = struct.unpack_from("<I", blob, offset)
    if not base <= word <= memory_end:
        raise _refused(path, f"points out of itself, from {base + offset:#x} to {word:#x}", "Reach the outside through the host's functions only.")
    struct.pack_into("<I", blob, offset, word - base)


def _entry(path: Path, entry: int, base: int, end: int) -> int:
    if not entry & 1 or not base <= entry < end:
        raise _refused(path, f"has the entry {entry:#x}, which is no Thumb function in it", "Give the entry's name to the linker with -e.")
    return entry - 1 - base


def _words_up(size_bytes: int) -> int:
    return -(-size_bytes // WORD_BYTES) * WORD_BYTES


def _refused(path: Path, problem: str, remedy: str) -> InputError:
    return InputError(problem, source=str(path), remedy=remedy)
