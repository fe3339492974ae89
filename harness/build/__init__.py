"""From C sources to firmware: profiles, pinned toolchains, C libraries by hash, compile and link, ELF reading."""

from harness.build.bugs import Edit, SeededBug, load_bug, load_bugs
from harness.build.cache import cache_path
from harness.build.elf import ElfFile, LoadImage, SourceLocation
from harness.build.firmware import Firmware, build_application, build_bootloader
from harness.build.profile import LayoutRegion, Profile, load_profile, profile_names
from harness.build.toolchain import TOOLCHAINS, Toolchain, choose_toolchain

__all__ = [
    "TOOLCHAINS",
    "Edit",
    "ElfFile",
    "Firmware",
    "LayoutRegion",
    "LoadImage",
    "Profile",
    "SeededBug",
    "SourceLocation",
    "Toolchain",
    "build_application",
    "build_bootloader",
    "cache_path",
    "choose_toolchain",
    "load_bug",
    "load_bugs",
    "load_profile",
    "profile_names",
]
