"""Profiles: what is malformed is told by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build import load_profile, profile_names
from harness.build.profile import regions_on
from harness.device import device_names, load_device
from harness.errors import InputError
from tests.build.tiny import PROFILE, load_tiny

APPLICATION = "application = { address = 0x08000400, bytes = 0x0800 }"

MALFORMED = {
    "an unknown key": ("header_bytes", "header_byte", "Did you mean 'header_bytes'"),
    "a missing key": ('linker_script = "hal/{chip}.ld"\nregion = "bootloader"', 'region = "bootloader"', "bootloader.linker_script"),
    "no sources": ('sources = ["app/main.c", "hal/{chip}.c"]', "sources = []", "application.sources"),
    "a path that leads outside": ('include = ["boot"]', 'include = ["../boot"]', "'../boot'"),
    "an absolute path": ('"boot/*.c"', '"/boot/*.c"', "'/boot/*.c'"),
    "a region that the layout lacks": ('region = "application"', 'region = "slot"', "lacks the region 'slot'"),
    "a header that fills the region": ("header_bytes = 144", "header_bytes = 2048", "2048"),
    "a negative size": ("bytes = 0x0800", "bytes = -1", "layout.c8.application.bytes"),
    "an empty region": ("bytes = 0x0800", "bytes = 0", "layout.c8.application.bytes"),
    "overlapping regions": ("address = 0x08000400", "address = 0x08000300", "overlaps application"),
    "a name that is not the folder's": ('name = "tiny"', 'name = "huge"', "Write 'tiny'"),
    "no TOML": ("[bootloader]", "[bootloader", "not valid TOML"),
}


@pytest.mark.parametrize(("before", "after", "told"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_profile_is_told(tmp_path: Path, before: str, after: str, told: str) -> None:
    """The error names the file and what is wrong in it."""
    assert before in PROFILE
    with pytest.raises(InputError) as raised:
        load_tiny(tmp_path, {"profiles/tiny/profile.toml": PROFILE.replace(before, after, 1)})
    assert told in str(raised.value)
    assert "profile.toml" in str(raised.value)


MISPLACED = {
    "outside the flash": ("address = 0x08000400", "address = 0x0800FC00", "is not inside the flash"),
    "not on a page boundary": ("address = 0x08000400", "address = 0x08000500", "multiples of 1024"),
    "not whole pages": ("bytes = 0x0800", "bytes = 0x0700", "multiples of 1024"),
    "no layout for the part": ("[layout.c8]", "[layout.cb]", "no layout for part 'c8'"),
}


@pytest.mark.parametrize(("before", "after", "told"), MISPLACED.values(), ids=MISPLACED)
def test_layout_must_fit_the_device(tmp_path: Path, before: str, after: str, told: str) -> None:
    """A layout is checked against the flash of the part that it is built for."""
    profile = load_tiny(tmp_path, {"profiles/tiny/profile.toml": PROFILE.replace(before, after, 1)})
    with pytest.raises(InputError, match=told):
        regions_on(profile, load_device("stm32f103"), "c8")


def test_unknown_profile_names_the_known_ones() -> None:
    """An unknown name is answered with the names that there are."""
    with pytest.raises(InputError, match="speck"):
        load_profile("spock")


def test_bundled_profiles_load_and_fit() -> None:
    """Every bundled profile loads, and each of its layouts fits the part of that name."""
    devices = {part: device for device in map(load_device, device_names()) for part in device.parts}
    assert profile_names()
    for name in profile_names():
        profile = load_profile(name)
        for part in profile.layout:
            assert regions_on(profile, devices[part], part)
