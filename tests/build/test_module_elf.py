"""Modules from ELF files: with both toolchains' linkers, at any base, and each program that is none refused by what stands in its way."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from harness.build.module_elf import read_module_elf
from harness.build.toolchain import Toolchain, choose_toolchain
from harness.errors import InputError
from harness.image.module import place_module, read_module

PROGRAM = """
#include <stdint.h>
struct stage { const char *name; int (*run)(int); };
static int twice(int x) { return x * 2; }
struct stage stages[] = {{"one", twice}, {"two", twice}};
static uint32_t cleared[5];
int start(int x);
int start(int x) { for (unsigned i = 0; i < 2; i++) { x = stages[i].run(x); cleared[i] += x; } return x + (int)cleared[x & 3] + stages[0].name[0]; }
"""

SCRIPT = Path(__file__).parents[2] / "firmware/module/module.ld"


@pytest.fixture(scope="module")
def zig() -> Toolchain:
    """The default toolchain, for programs that run anywhere."""
    return choose_toolchain("zig").position_independent("start")


def build(toolchain: Toolchain, folder: Path, source: str, *, compile_flags: tuple[str, ...] = (), link_flags: tuple[str, ...] | None = None) -> Path:
    """Compile one source, link it and return the ELF file."""
    (folder / "program.c").write_text(source, encoding="utf-8")
    flags = link_flags if link_flags is not None else (*toolchain.link_flags, "-T", str(SCRIPT))
    core = toolchain.core_flags("cortex-m3")
    for arguments in (
        [*core, *toolchain.compile_flags, *compile_flags, "-c", "program.c", "-o", str(folder / "program.o")],
        [*core, *flags, "program.o", "-o", str(folder / "program.elf")],
    ):
        result = toolchain.run(arguments, folder)
        assert result.returncode == 0, result.stderr
    return folder / "program.elf"


def test_a_program_becomes_a_module(zig: Toolchain, tmp_path: Path) -> None:
    """Two names and two functions are relocated, what begins as 0 is no part of the blob, and a loader takes it."""
    module = read_module_elf(build(zig, tmp_path, PROGRAM), oldest_host=3)
    assert len(module.relocations) == 4
    assert (module.zero_bytes, module.oldest_host) == (20, 3)
    assert read_module(module.to_payload(), module.entry, host_version=3) == module


def test_pointers_to_functions_keep_their_thumb_bit(zig: Toolchain, tmp_path: Path) -> None:
    """Placed in RAM, each name's pointer leads to its text, and each function's is odd and leads to the same code."""
    module = read_module_elf(build(zig, tmp_path, PROGRAM))
    address = 0x20003000
    memory = place_module(module, address)
    table = module.relocations[0]
    one, run, two, again = struct.unpack_from("<4I", memory, table)
    assert [memory[name - address :][:4] for name in (one, two)] == [b"one\0", b"two\0"]
    assert run == again
    assert run & 1
    assert 0 <= run - 1 - address < table


def test_the_place_that_it_was_linked_to_does_not_matter(zig: Toolchain, tmp_path: Path) -> None:
    """Linked by the linker's own layout, with other sections before the code, the relocated words still lead to the names."""
    module = read_module_elf(build(zig, tmp_path, PROGRAM, link_flags=zig.link_flags))
    memory = place_module(module, 0x20000000)
    pointers = [struct.unpack_from("<I", memory, offset)[0] - 0x20000000 for offset in module.relocations]
    assert sum(memory[pointer : pointer + 4] in (b"one\0", b"two\0") for pointer in pointers) == 2


WIDE = "__attribute__((aligned(32))) int wide[8]; int *get(void); int *get(void) { return wide; }"

REFUSED = {
    "linked for one address": (PROGRAM, (), ("-nostdlib", "-Wl,-e,start", "-Wl,-z,max-page-size=4"), "not position-independent"),
    "has a constructor": (PROGRAM + "__attribute__((constructor)) static void early(void) { *(volatile int *)64 = 7; }", (), None, "nobody would call"),
    "needs a larger alignment": (
        PROGRAM + WIDE,
        (),
        ("-nostdlib", "-pie", "-Wl,-e,start"),
        "boundary of 32",
    ),
    "has a pointer that is not aligned": (
        PROGRAM + "struct __attribute__((packed)) odd { char c; int (*run)(int); }; struct odd odd = {1, start};",
        ("-Wno-everything", "-Wno-error"),
        ("-nostdlib", "-pie", "-Wl,-e,start", "-Wl,-z,norelro"),
        "no aligned word",
    ),
    "starts nowhere": (PROGRAM, (), ("-nostdlib", "-pie", "-Wl,-z,norelro", "-Wl,-e,cleared"), "no Thumb function"),
}


@pytest.mark.parametrize(("source", "compile_flags", "link_flags", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_program_that_is_no_module_is_refused(
    zig: Toolchain, source: str, compile_flags: tuple[str, ...], link_flags: tuple[str, ...] | None, problem: str, tmp_path: Path
) -> None:
    """The error says what stands in the way, by the relocation's or the section's name."""
    with pytest.raises(InputError, match=problem):
        read_module_elf(build(zig, tmp_path, source, compile_flags=compile_flags, link_flags=link_flags))


@pytest.mark.parametrize(
    ("kind", "name"), [(2, "R_ARM_ABS32"), (21, "R_ARM_GLOB_DAT"), (22, "R_ARM_JUMP_SLOT"), (160, "of the number 160"), (43, "R_ARM_MOVW_ABS_NC")]
)
def test_other_relocations_are_refused_by_name(kind: int, name: str, zig: Toolchain, tmp_path: Path) -> None:
    """A relocation that needs symbols, a resolver or half of an instruction is none that a loader does."""
    path = build(zig, tmp_path, PROGRAM)
    with path.open("r+b") as file:
        table = ELFFile(file).get_section_by_name(".rel.dyn")
        assert table is not None
        file.seek(table["sh_offset"] + 4)
        file.write(struct.pack("<I", kind))
    with pytest.raises(InputError, match=f"{name} at"):
        read_module_elf(path)


def test_gcc_makes_modules_too(tmp_path: Path) -> None:
    """GNU ld's position-independent executable is read as lld's is."""
    try:
        gcc = choose_toolchain("gcc").position_independent("start")
    except InputError as missing:
        pytest.skip(str(missing))
    module = read_module_elf(build(gcc, tmp_path, PROGRAM))
    assert len(module.relocations) == 4
    assert module.zero_bytes == 20
