"""Firmware: where it is linked, what its errors tell, and that equal inputs give equal bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import ARMAttributesSection

from harness.build import TOOLCHAINS, Edit, Firmware, Profile, Toolchain, build_application, build_bootloader, cache_path, choose_toolchain, load_profile
from harness.build.cache import CACHE_VARIABLE
from harness.bundled import bundled_path
from harness.device import Device, load_device
from harness.errors import InputError
from tests.build.tiny import FILES, PROFILE, load_tiny


@pytest.fixture(name="device", scope="module")
def _device() -> Device:
    return load_device("stm32f103")


@pytest.fixture(name="toolchain", params=TOOLCHAINS)
def _toolchain(request: pytest.FixtureRequest) -> Toolchain:
    if request.param == "gcc" and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    return choose_toolchain(request.param)


@pytest.fixture(name="zig", scope="module")
def _zig() -> Toolchain:
    return choose_toolchain("zig")


def _build_both(profile: Profile, device: Device, part: str, toolchain: Toolchain) -> list[Firmware]:
    return [build_bootloader(profile, device, part, toolchain), build_application(profile, device, part, toolchain, 2)]


@pytest.mark.parametrize(("chip", "part"), [("stm32f103", "c8"), ("stm32f103", "cb"), ("nrf52840", "qiaa")])
def test_bundled_firmware_is_linked_where_the_layout_says(toolchain: Toolchain, chip: str, part: str) -> None:
    """Bootloader and application lie in their regions, and their vector tables point into them."""
    profile, device = load_profile("speck"), load_device(chip)
    for firmware, name, header_bytes in zip(_build_both(profile, device, part, toolchain), ("bootloader", "application"), (0, 144), strict=True):
        region = profile.layout[part][name]
        assert firmware.address == region.address + header_bytes
        assert len(firmware.binary) <= region.bytes - header_bytes
        table = firmware.entry - firmware.address
        reset = int.from_bytes(firmware.binary[table + 4 : table + 8], "little")
        assert reset % 2 == 1
        assert firmware.address <= reset < firmware.address + len(firmware.binary)


def test_the_fpu_is_left_alone(toolchain: Toolchain) -> None:
    """The FPU of a Cortex-M4 is off after reset, so no image is built for one: its build attributes name none."""
    for firmware in _build_both(load_profile("speck"), load_device("nrf52840"), "qiaa", toolchain):
        with firmware.elf_path.open("rb") as stream:
            section = ELFFile(stream).get_section_by_name(".ARM.attributes")
            assert isinstance(section, ARMAttributesSection)
            tags = {attribute.tag: attribute.value for inner in section.subsections for part in inner.subsubsections for attribute in part.attributes}
        assert tags["TAG_CPU_ARCH"] == 13, "ARMv7E-M"
        assert tags.get("TAG_FP_ARCH", 0) == 0


def test_clean_builds_in_different_folders_are_identical(tmp_path: Path, device: Device, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clean builds, in different folders and with different caches, give the same ELF files to the last bit."""
    build_bootloader(load_profile("speck"), device, "c8", toolchain)
    fetched = cache_path("libraries")
    results = []
    for folder in (tmp_path / "one", tmp_path / "another" / "and deeper"):
        monkeypatch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        shutil.copytree(fetched, cache_path("libraries"))
        root = shutil.copytree(bundled_path("firmware"), folder / "sources")
        built = _build_both(load_profile("speck", root), device, "c8", toolchain)
        results.append([(firmware.elf_path.read_bytes(), firmware.binary, firmware.digest) for firmware in built])
        assert all(firmware.elf_path.is_relative_to(folder) for firmware in built)
    assert results[0] == results[1]


def test_version_is_compiled_into_the_application(tmp_path: Path, device: Device, zig: Toolchain) -> None:
    """Another version is another image; the greatest one still compiles."""
    profile = load_tiny(tmp_path)
    digests = {build_application(profile, device, "c8", zig, version).digest for version in (1, 2, 2**64 - 1)}
    assert len(digests) == 3


@pytest.mark.parametrize("version", [-1, 2**64])
def test_version_out_of_range_is_told(tmp_path: Path, device: Device, zig: Toolchain, version: int) -> None:
    """A version is an unsigned number of 64 bits."""
    with pytest.raises(InputError, match="out of range"):
        build_application(load_tiny(tmp_path), device, "c8", zig, version)


def test_changed_header_rebuilds_what_includes_it(tmp_path: Path, device: Device, zig: Toolchain) -> None:
    """The cache does not serve objects made with another content of a header."""
    with_macro = {"boot/answer.c": FILES["boot/answer.c"].replace("42u", "ANSWER")}
    digests = set()
    for number in (1, 2):
        header = FILES["boot/answer.h"] + f"#define ANSWER {number}u\n"
        profile = load_tiny(tmp_path / str(number), {**with_macro, "boot/answer.h": header})
        digests.add(build_bootloader(profile, device, "c8", zig).digest)
    assert len(digests) == 2


def test_edits_are_made_in_a_copy(tmp_path: Path, device: Device, zig: Toolchain) -> None:
    """A seeded bug changes the binary and leaves the sources alone."""
    profile = load_tiny(tmp_path)
    edit = Edit(file="boot/answer.c", before="42u", after="41u")
    good = build_bootloader(profile, device, "c8", zig)
    assert build_bootloader(profile, device, "c8", zig, [edit]).digest != good.digest
    assert build_bootloader(profile, device, "c8", zig).digest == good.digest
    assert (tmp_path / "boot/answer.c").read_text() == FILES["boot/answer.c"]


TABLE_OF_2048_BYTES = "const unsigned char table[2048] = {1};\n"

BROKEN = {
    "a source that does not compile": ({"boot/main.c": "int main(void) { return 0 }\n"}, ("firmware/boot/main.c", "does not compile", "expected")),
    "a warning": ({"boot/main.c": "int main(void);\nint main(void) { int unused; return 0; }\n"}, ("firmware/boot/main.c", "unused")),
    "a missing function": ({"boot/answer.c": "int nothing;\n"}, ("bootloader.elf", "does not link", "answer")),
    "a script that does not preprocess": ({"hal/stm32f103.ld": "#error no\n"}, ("firmware/hal/stm32f103.ld", "#error")),
    "an image larger than its region": (
        {"hal/stm32f103.c": FILES["hal/stm32f103.c"].replace("vector_table[2]", "vector_table[512]")},
        ("the bootloader takes 20", "has 1024", "Make it smaller"),
    ),
    "an image that starts too early": (
        {"hal/stm32f103.ld": FILES["hal/stm32f103.ld"].replace("= IMAGE_ADDRESS", "= IMAGE_ADDRESS - 1024")},
        ("before its place",),
    ),
    "an image larger than its region, in a script without limits": (
        {
            "hal/stm32f103.ld": FILES["hal/stm32f103.ld"].replace("LENGTH = IMAGE_BYTES", "LENGTH = 65536"),
            "hal/stm32f103.c": FILES["hal/stm32f103.c"].replace("vector_table[2]", "vector_table[512]"),
        },
        ("the bootloader takes 20", "has 1024"),
    ),
    "no vector table": ({"hal/stm32f103.c": FILES["hal/stm32f103.c"].replace("vector_table", "vectors")}, ("no symbol 'vector_table'",)),
    "a glob that matches nothing": ({"profiles/tiny/profile.toml": PROFILE.replace("boot/*.c", "boat/*.c")}, ("'boat/*.c' matches no file",)),
    "no linker script": ({"profiles/tiny/profile.toml": PROFILE.replace("{chip}.ld", "none.ld")}, ("firmware/hal/none.ld", "profile.toml")),
    "an unknown library": (
        {"profiles/tiny/profile.toml": PROFILE.replace("[application]", '[bootloader.libraries]\nnacl = ["nacl.c"]\n[application]')},
        ("bootloader.libraries.nacl", "no such library"),
    ),
}


@pytest.mark.parametrize(("replaced", "told"), BROKEN.values(), ids=BROKEN)
def test_broken_firmware_is_told(tmp_path: Path, device: Device, zig: Toolchain, replaced: dict[str, str], told: tuple[str, ...]) -> None:
    """What does not build is bad input, told with the file at fault."""
    profile = load_tiny(tmp_path, replaced)
    with pytest.raises(InputError) as raised:
        build_bootloader(profile, device, "c8", zig)
    for words in told:
        assert words in str(raised.value)
    assert str(tmp_path) not in str(raised.value).replace(str(profile.path), "")
