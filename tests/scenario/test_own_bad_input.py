"""A scenario of an own bootloader with something wrong in it: one error that names file, field and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.build.flash_files import read_pieces
from harness.device import Timing
from harness.errors import InputError
from harness.scenario.prepare import PrepareOptions, prepare

SCENARIO = """
kind = "own-bootloader"
name = "mine"
device = "nrf52840"
part = "qiaa"
[regions]
bootloader = { address = 0, bytes = 0x1000 }
application = { address = 0x1000, bytes = 0x2000 }
[[flash]]
file = "boot.hex"
[[image]]
name = "one"
version = 1
file = "one.bin"
vectors = 8
[[case]]
name = "start"
installed = "one"
end = "old"
flash = [{ file = "one.bin", region = "application" }]
"""
END = ":00000001FF"


def record(address: int, kind: int, data: bytes) -> str:
    """Return a record of Intel HEX."""
    raw = bytes([len(data), *address.to_bytes(2, "big"), kind, *data])
    return f":{(raw + bytes([-sum(raw) % 256])).hex().upper()}"


def write_files(folder: Path, text: str = SCENARIO, boot: str | None = None) -> Path:
    """Write a scenario with its files."""
    (folder / "one.bin").write_bytes(bytes(range(64)))
    (folder / "boot.hex").write_text(boot or "\n".join([record(0, 0, b"boot"), record(0, 4, b"\x10\x00"), record(0x1014, 0, b"uicr"), END]))
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_files_land_where_they_say(tmp_path: Path) -> None:
    """A HEX file fills flash and UICR, a binary its region, and the rest is erased."""
    prepared = prepare(str(write_files(tmp_path)), PrepareOptions())
    state = prepared.case("start").state
    assert state.flash[:5] == b"boot\xff"
    assert state.flash[0x1000:0x1041] == bytes(range(64)) + b"\xff"
    assert state.option_bytes[0x10:0x1A] == b"\xff" * 4 + b"uicr" + b"\xff\xff"
    assert prepared.format.installed_image(state.flash) is not None


EDITS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "an unknown key": ("part =", "parts =", ("mine.toml", "parts", "'part'")),
    "an unknown part": ("qiaa", "zzzz", ("'zzzz'", "part", "qiaa")),
    "a region that is not whole pages": ("0x2000 }", "0x2001 }", ("regions.application", "whole pages of 4096")),
    "a region outside the flash": ("address = 0x1000", "address = 0x100000", ("regions.application", "leaves the flash")),
    "regions that overlap": ("address = 0x1000", "address = 0", ("overlaps",)),
    "a protected region that is none": ("[regions]", 'protected = ["boot"]\n[regions]', ("no region 'boot'", "bootloader, application")),
    "a file that does not exist": ('file = "boot.hex"', 'file = "boat.hex"', ("boat.hex", "cannot be read")),
    "a binary without an address": ('file = "boot.hex"', 'file = "one.bin"', ("one.bin", "address or the region")),
    "a HEX file with an address": ('file = "boot.hex"', 'file = "boot.hex"\naddress = 0', ("boot.hex", "its own addresses")),
    "a file with two places": ('file = "boot.hex"', 'file = "one.bin"\naddress = 0\nregion = "application"', ("not both",)),
    "a file in an unknown region": ('region = "application"', 'region = "slot"', ("case[0].flash[0].region", "'slot'")),
    "a file outside of all memory": ('file = "boot.hex"', 'file = "one.bin"\naddress = 0x20000000', ("flash[0].file", "0x20000000..0x2000003f")),
    "an ELF file that is none": ('file = "boot.hex"', 'file = "none.elf"', ("none.elf", "cannot be read")),
    "vectors behind the image": ("vectors = 8", "vectors = 60", ("image[0].vectors", "behind the image")),
    "a case of an unknown image": ('installed = "one"', 'installed = "two"', ("'two'", "images: one")),
    "two images of one name": ("[[case]]", '[[image]]\nname = "one"\nversion = 2\nfile = "one.bin"\n[[case]]', ("two entries of image", "'one'")),
    "a new end without a staged image": ('end = "old"', 'end = "new"', ("staged",)),
    "cuts of a region that is not there": ('end = "old"', 'end = "old"\ncuts = "metadata"', ("needs a region of that name",)),
    "a counter outside of the flash": ("[[case]]", "[counter]\naddress = 0x20000000\n[[case]]", ("counter.address",)),
    "a function without an ELF file": ("[regions]", 'verification = "verify"\n[regions]', ("verification", "ELF")),
    "a time that is none": ("[regions]", "settles_after_ms = 0\n[regions]", ("settles_after_ms", "greater than 0")),
}


@pytest.mark.parametrize("situation", EDITS)
def test_one_error_says_what_is_wrong(tmp_path: Path, situation: str) -> None:
    """It names the file or the field."""
    before, after, words = EDITS[situation]
    assert before in SCENARIO
    with pytest.raises(InputError) as error:
        prepare(str(write_files(tmp_path, SCENARIO.replace(before, after, 1))), PrepareOptions())
    assert all(word in str(error.value) for word in words), str(error.value)


HEX_FILES = {
    "text": ("hello", "not hexadecimal"),
    "a wrong checksum": (record(0, 0, b"boot")[:-2] + "00", "checksum"),
    "a short record": (":0400000062", "another length"),
    "an unknown type": (record(0, 9, b"") + "\n" + END, "unknown record type 9"),
    "no end": (record(0, 0, b"boot"), "no end record"),
}


@pytest.mark.parametrize("situation", HEX_FILES)
def test_a_malformed_hex_file_is_refused(tmp_path: Path, situation: str) -> None:
    """With the number of the record."""
    text, words = HEX_FILES[situation]
    with pytest.raises(InputError, match=words):
        prepare(str(write_files(tmp_path, boot=text)), PrepareOptions())


@given(start=st.integers(0, 2**32 - 4096), content=st.binary(min_size=1, max_size=700), chunk=st.integers(1, 64))
def test_a_hex_file_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, start: int, content: bytes, chunk: int) -> None:
    """However the bytes are split into records: one piece, at its address."""
    lines = []
    for offset in range(0, len(content), chunk):
        address = start + offset
        lines += [record(0, 4, (address >> 16).to_bytes(2, "big")), record(address & 0xFFFF, 0, content[offset : offset + chunk])]
    path = tmp_path_factory.mktemp("hex") / "a.hex"
    path.write_text("\n".join([*lines, END]))
    assert read_pieces(path, None) == [(start, content)]


@pytest.mark.parametrize("options", [PrepareOptions(bug="signature-ignored"), PrepareOptions(app_kib=8), PrepareOptions(toolchain="gcc")])
def test_options_of_the_build_are_refused(tmp_path: Path, options: PrepareOptions) -> None:
    """Nothing is compiled here; only the timing of the flash may be chosen."""
    path = str(write_files(tmp_path))
    with pytest.raises(InputError, match="compiles nothing"):
        prepare(path, options)
    assert prepare(path, PrepareOptions(timing=Timing.MAXIMUM)).timing is Timing.MAXIMUM
