"""Sizes and offsets of a signed image, found in its bytes."""

from __future__ import annotations

import zlib

from harness.errors import EngineError
from harness.figures.bench import Bench
from harness.figures.registry import measure
from harness.image.keys import SIGNATURE_BYTES, test_key
from harness.image.refusal import ImageRefused
from harness.image.spk import HEADER_BYTES, SIGNED_HEADER_BYTES, SpkHeader, seal, sign_image
from harness.image.verify import Placement, verify_image

_KEY = test_key("figures")
_CODE = bytes(range(256)) * 4
_ENTRY_OFFSET = 0x170


def _image() -> bytes:
    return sign_image(_CODE, key=_KEY, version=3, entry_offset=_ENTRY_OFFSET)


@measure
def header_overhead_bytes(_bench: Bench) -> int:
    """Return what signing adds to the code."""
    return len(_image()) - len(_CODE)


@measure
def code_offset(_bench: Bench) -> int:
    """Return where the code starts in a signed image."""
    return _image().index(_CODE)


@measure
def key_offset(_bench: Bench) -> int:
    """Return where the public key lies in a signed image."""
    return _image().index(_KEY.public_key.raw)


@measure
def signature_offset(_bench: Bench) -> int:
    """Return where the signature lies: the first place whose bytes verify over what SPEC says they sign."""
    image = _image()
    for offset in range(len(image) - SIGNATURE_BYTES):
        if _KEY.public_key.verifies(image[offset : offset + SIGNATURE_BYTES], image[:SIGNED_HEADER_BYTES] + _CODE):
            return offset
    raise EngineError("no signature was found in a signed image")


@measure
def public_key_bytes(_bench: Bench) -> int:
    """Return the size of an Ed25519 public key."""
    return len(_KEY.public_key.raw)


@measure
def signature_bytes(_bench: Bench) -> int:
    """Return the size of an Ed25519 signature."""
    return len(_KEY.sign(_CODE))


@measure
def full_image_bytes(_bench: Bench, code_bytes: int) -> int:
    """Return the size of a signed image of so much code."""
    return len(sign_image(bytes(code_bytes), key=_KEY, version=3, entry_offset=_ENTRY_OFFSET))


@measure
def entry_offset_verdict(bench: Bench, entry_offset: int) -> str:
    """Return whether a proper image with this entry offset may start: "accepted", or the reason of its refusal."""
    region = bench.scenario.regions["application"]
    ram = bench.device.ram_address.value
    vectors = (ram + 4096).to_bytes(4, "little") + (region.address + HEADER_BYTES + 0x401).to_bytes(4, "little")
    code = bytes(entry_offset) + vectors + bytes(4096)
    # Sealed, not signed: `sign_image` refuses such an offset at once, a device has to refuse it itself.
    header = SpkHeader(HEADER_BYTES + len(code), len(code), entry_offset, 3, zlib.crc32(code))
    image = seal(header, code, _KEY)
    try:
        verify_image(image, _KEY.public_key, hardware_revision=None, placement=Placement(region.address, region.size_bytes, ram, bench.ram_bytes))
    except ImageRefused as refused:
        return f"refused: {refused.reason.name.lower()}"
    return "accepted"
