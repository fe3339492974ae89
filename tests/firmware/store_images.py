"""Modules for the host unit tests of their store, signed with the test's keys."""

from __future__ import annotations

import dataclasses
import random
import struct
from pathlib import Path

from harness.image.defects import alter_code
from harness.image.identity import Identity, build_identity
from harness.image.keys import test_key
from harness.image.module import Module, reseal_module, sign_module
from harness.image.spk import HEADER_BYTES, Flags
from tests.firmware.host_build import STORE_HOST_VERSION, STORE_MEMORY_BYTES

HARDWARE_REVISION = 3

_TRUSTED = test_key("speck")
_FOREIGN = test_key("somebody else")


def make_module(page_bytes: int, version: int) -> Module:
    """Return a module that takes a page and a little more, with a few relocations in both."""
    draw = random.Random(version)
    words = [draw.getrandbits(32) for _ in range(page_bytes // 4 + 20)]
    relocated = [8, 9, len(words) - 1]
    for word in relocated:
        words[word] = draw.randrange(4 * len(words))
    return Module(struct.pack(f"<{len(words)}I", *words), 0, tuple(4 * word for word in relocated), 64)


def write_store_images(folder: Path, page_bytes: int) -> None:
    """Write every file that `firmware/tests/store/store_device.c` loads."""
    made = {version: make_module(page_bytes, version) for version in (1, 2, 3)}
    signed = {version: sign_module(module, key=_TRUSTED, version=version, hardware_revision=HARDWARE_REVISION) for version, module in made.items()}
    second = made[2]

    def other(**changes: int | tuple[int, ...]) -> bytes:
        return reseal_module(signed[2], _TRUSTED, dataclasses.replace(second, **changes).to_payload())  # type: ignore[arg-type] # the module's own fields

    files = {
        **{f"m{version}.spk": image for version, image in signed.items()},
        "altered.spk": alter_code(signed[2]),
        "foreign.spk": reseal_module(signed[2], _FOREIGN),
        "hardware.spk": reseal_module(signed[2], _TRUSTED, hardware_revision=HARDWARE_REVISION + 1),
        "wild.spk": other(relocations=(8, 2**30)),
        "young.spk": other(oldest_host=STORE_HOST_VERSION + 1),
        "large.spk": other(zero_bytes=STORE_MEMORY_BYTES),
        "last.spk": reseal_module(signed[2], _TRUSTED, version=2**48),
        "odd.spk": reseal_module(signed[2], _TRUSTED, entry_offset=1),
        "behind.spk": reseal_module(signed[2], _TRUSTED, entry_offset=len(signed[2]) - HEADER_BYTES),
        "application.spk": reseal_module(signed[2], _TRUSTED, flags=Flags.SIGNED),
        "identity.bin": build_identity(Identity(_TRUSTED.public_key, HARDWARE_REVISION), page_bytes=page_bytes),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
