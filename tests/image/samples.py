"""A good image, and ways to make it wrong."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any

from harness.image import keys
from harness.image.spk import HEADER_BYTES, SpkHeader, SpkImage, parse_image, seal, sign_image
from harness.image.verify import Placement

KEY = keys.test_key("trusted")
FOREIGN_KEY = keys.test_key("foreign")
PLACEMENT = Placement(address=0x08005000, capacity_bytes=20 * 1024, ram_address=0x20000000, ram_bytes=20 * 1024)
ENTRY_OFFSET = 0x170
CODE_ADDRESS = PLACEMENT.address + HEADER_BYTES


def make_code(*, stack: int = 0x20005000, reset: int = CODE_ADDRESS + 0x101, size_bytes: int = 512) -> bytes:
    """Return code with a vector table at `ENTRY_OFFSET`."""
    return (bytes(ENTRY_OFFSET) + struct.pack("<II", stack, reset)).ljust(size_bytes, b"\x42")


def make_image(code: bytes | None = None, **options: Any) -> bytes:
    """Return a good image of version 7 for hardware revision 3."""
    values: dict[str, Any] = {"key": KEY, "version": 7, "entry_offset": ENTRY_OFFSET, "hardware_revision": 3} | options
    return sign_image(make_code() if code is None else code, **values)


def make_sealed(code: bytes | None = None, **header: Any) -> bytes:
    """Return the good image with header fields replaced, properly signed again."""
    image = parse_image(make_image(), "sample")
    return seal(dataclasses.replace(image.header, **header), image.code if code is None else code, KEY)


def make_altered(**header: Any) -> bytes:
    """Return the good image with header fields replaced and the signature left as it was."""
    image = parse_image(make_image(), "sample")
    return SpkImage(dataclasses.replace(image.header, **header), image.code).to_bytes()


def header_of(image: bytes) -> SpkHeader:
    """Return an image's header."""
    return SpkHeader.from_bytes(image)
