"""ELF files: load image, symbols and source lines, with each version of DWARF."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.build import ElfFile, SourceLocation, build_application, build_bootloader, choose_toolchain, load_profile
from harness.device import load_device
from harness.errors import InputError
from tests.build.tiny import FILES, load_tiny


def make_elf(folder: Path, *flags: str, replaced: dict[str, str] | None = None) -> ElfFile:
    """Build the tiny bootloader with more compiler flags and return its ELF file."""
    zig = choose_toolchain("zig")
    toolchain = replace(zig, compile_flags=(*zig.compile_flags, *flags))
    return ElfFile(build_bootloader(load_tiny(folder, replaced), load_device("stm32f103"), "c8", toolchain).elf_path)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_address_is_located(tmp_path: Path, version: int) -> None:
    """A function's first address is located in its file, and a line of the function."""
    elf = make_elf(tmp_path, f"-gdwarf-{version}", "-fno-inline", "-O0", "-fno-sanitize=all")
    assert elf.locate(elf.symbol("answer")) == SourceLocation("answer", "boot/answer.c", 3)
    assert elf.locate(elf.symbol("answer") + 1) == SourceLocation("answer", "boot/answer.c", 3)
    located = elf.locate(elf.symbol("main"))
    assert located is not None
    assert (located.function, located.file) == ("main", "boot/main.c")


def test_every_code_address_of_the_bootloader_has_a_line() -> None:
    """Outside the compiler's own helpers, each address of each function is located, in a file that exists."""
    profile = load_profile("speck")
    elf = ElfFile(build_bootloader(profile, load_device("stm32f103"), "c8", choose_toolchain("zig")).elf_path)
    files = set()
    for name in ("main", "Reset_Handler", "signature_check", "crypto_eddsa_check_equation", "br_sha512_init"):
        located = elf.locate(elf.symbol(name))
        assert located is not None
        assert located.line > 0
        files.add(located.file)
    ours = {file for file in files if not file.startswith("/")}
    assert ours == {"profiles/speck/main.c", "hal/startup.c", "boot/signature.c"}
    assert files - ours == {"/libraries/monocypher/monocypher.c", "/libraries/bearssl/src/hash/sha2big.c"}
    assert all((profile.root / file).is_file() for file in ours)


def test_address_outside_code_is_not_located(tmp_path: Path) -> None:
    """Where no function is, there is no location: not at 0, where dropped functions are, nor behind the last one."""
    elf = make_elf(tmp_path)
    for address in (0, 0x07FFFFFF, 0x08000000, 0x0800_0400, 0x2000_0000, 0xFFFF_FFFF):
        assert elf.locate(address) is None


def test_code_without_debug_information_has_a_function_alone(tmp_path: Path) -> None:
    """Without line tables, the function is still told."""
    elf = make_elf(tmp_path, "-g0")
    assert elf.locate(elf.symbol("main")) == SourceLocation("main", "", 0)


def test_initialized_data_is_part_of_the_load_image(tmp_path: Path) -> None:
    """Initial values of variables are at their load address, behind the code."""
    main = FILES["boot/main.c"].replace("int main(void);", "int main(void);\nvolatile uint32_t initial;\nvolatile uint32_t initial = 0xC0FFEE11u;", 1)
    main = main.replace("return (int)", "return (int)initial + (int)")
    image = make_elf(tmp_path, replaced={"boot/main.c": main}).load_image()
    assert image.address == 0x0800_0000
    assert (0xC0FFEE11).to_bytes(4, "little") in image.content


def test_gap_in_the_load_image_reads_as_erased_flash(tmp_path: Path) -> None:
    """The application's padding before its vector table is 0xFF."""
    firmware = build_application(load_tiny(tmp_path), load_device("stm32f103"), "c8", choose_toolchain("zig"), 1)
    assert firmware.address == 0x0800_0490
    assert firmware.entry == 0x0800_0500
    assert firmware.binary[: 0x500 - 0x490] == b"\xff" * 0x70


def test_missing_symbol_is_told(tmp_path: Path) -> None:
    """The error names symbol and file."""
    with pytest.raises(InputError, match=r"bootloader\.elf: has no symbol 'nothing'"):
        make_elf(tmp_path).symbol("nothing")


MALFORMED = {
    "not an ELF file": (slice(0), b"SPK\x02"),
    "empty": (slice(0), b""),
    "only the beginning of the magic": (slice(6), b""),
    "cut in the header": (slice(30), b""),
    "for another machine": (slice(18), (62).to_bytes(2, "little") + bytes(200)),
}


@pytest.mark.parametrize(("kept", "appended"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_file_is_told(tmp_path: Path, kept: slice, appended: bytes) -> None:
    """What is no ELF file of a Cortex-M is bad input."""
    path = tmp_path / "some.elf"
    path.write_bytes(make_elf(tmp_path).path.read_bytes()[kept] + appended)
    with pytest.raises(InputError, match=r"some\.elf"):
        ElfFile(path)


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is bad input."""
    with pytest.raises(InputError, match="cannot be read"):
        ElfFile(tmp_path / "none.elf")
