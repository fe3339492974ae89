"""Signed images for the host unit tests, written from docs/SPEC.md alone: an independent reading of the format."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.firmware.delta_images import write_delta_images
from tests.firmware.host_build import DELTA_LAYOUTS, LAYOUTS

HEADER_BYTES = 144
ENTRY_OFFSET = 0x170
HARDWARE_REVISION = 3
SIGNED = 1
COMPRESSED = 2


def make_image(key: Ed25519PrivateKey, layout: dict[str, int], *, version: int, total: int, hardware: int = HARDWARE_REVISION, flags: int = SIGNED) -> bytes:
    """Return a properly signed image of `total` bytes that would run in the layout's application region."""
    code_address = layout["REGION_APPLICATION_ADDRESS"] + HEADER_BYTES
    vectors = struct.pack("<II", layout["RAM_ADDRESS"] + layout["RAM_BYTES"], code_address + ENTRY_OFFSET + 8 | 1)
    filler = random.Random(total * 1000 + version % 1000)
    code = filler.randbytes(ENTRY_OFFSET) + vectors
    code += filler.randbytes(total - HEADER_BYTES - len(code))
    header = struct.pack("<4sHIIIIQII10x", b"SPK\x02", 2, total, len(code), ENTRY_OFFSET, flags, version, hardware, zlib.crc32(code))
    header += _public_bytes(key)
    return header + key.sign(header + code) + code


def write_fuzz_images(folder: Path, target: str) -> None:
    """Write the files that a target of `firmware/fuzz` loads."""
    if target == "rebuild":
        write_delta_images(folder, DELTA_LAYOUTS["stm32f103"])
    else:
        write_images(folder, LAYOUTS["stm32f103"])


def write_images(folder: Path, layout: dict[str, int]) -> None:
    """Write every file that `firmware/tests/device.c` loads."""
    trusted = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    foreign = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    region = layout["REGION_APPLICATION_BYTES"]
    page = layout["PAGE_BYTES"]
    minimal = HEADER_BYTES + ENTRY_OFFSET + 8 + 2
    files = {
        "v1.spk": make_image(trusted, layout, version=1, total=page + 476),
        "v2.spk": make_image(trusted, layout, version=2, total=2 * page + 253),
        "v2_full.spk": make_image(trusted, layout, version=2, total=region),
        "v2_minimal.spk": make_image(trusted, layout, version=2, total=minimal),
        "v2_foreign.spk": make_image(foreign, layout, version=2, total=2 * page + 252),
        "v2_hardware.spk": make_image(trusted, layout, version=2, total=2 * page + 252, hardware=HARDWARE_REVISION + 1),
        "v2_any.spk": make_image(trusted, layout, version=2, total=2 * page + 252, hardware=0),
        "v2_compressed.spk": make_image(trusted, layout, version=2, total=2 * page + 252, flags=SIGNED | COMPRESSED),
        "v2_large.spk": make_image(trusted, layout, version=2, total=region + 1),
        "last.spk": make_image(trusted, layout, version=2**64 - 1, total=1200),
        "identity.bin": _public_bytes(trusted) + b"\xff" * 32 + struct.pack("<I", HARDWARE_REVISION),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
