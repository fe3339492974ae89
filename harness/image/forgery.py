"""What a forger can do with good images, and what he could do if the vendor's key signed whatever he liked."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from dataclasses import dataclass

import heatshrink2

from harness.image.delta.payload import LOOKAHEAD_BITS, PATCH_HEADER_BYTES, WINDOW_BITS, Coding, PatchHeader
from harness.image.keys import PrivateKey
from harness.image.spk import HEADER_BYTES, VECTOR_TABLE_HEAD_BYTES, SpkHeader, SpkImage, parse_image, seal
from harness.image.verify import Placement

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
"""Order of Ed25519's base point (RFC 8032 section 5.1)."""
IDENTITY_POINT = (1).to_bytes(32, "little")
"""The neutral element: as a public key, R = this and S = 0 verify for every message."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What hostile images are made from.

    Attributes:
        good: an image that the device would install. installed: the older one that it runs, and whose version its counter has.
        key: the one that the device trusts; stranger: one that it does not.
        placement: where an image runs. slot_bytes: what holds it until then.
    """

    good: SpkImage
    installed: SpkImage
    key: PrivateKey
    stranger: PrivateKey
    hardware_revision: int
    placement: Placement
    slot_bytes: int

    @property
    def header(self) -> SpkHeader:
        """The good image's header."""
        return self.good.header

    @property
    def code_address(self) -> int:
        """Where the code's first byte runs."""
        return self.placement.address + HEADER_BYTES

    @property
    def ram_end(self) -> int:
        """The address behind the RAM."""
        return self.placement.ram_address + self.placement.ram_bytes

    def sealed(self, code: bytes | None = None, key: PrivateKey | None = None, **fields: int | bytes) -> bytes:
        """Return the good image with other header fields, **properly signed**: only the check of that field stands against it.

        Args:
            code: in place of the good one; sizes and CRC follow it unless `fields` names them.
        """
        if code is not None:
            fields = {"total_bytes": HEADER_BYTES + len(code), "code_bytes": len(code), "code_crc32": zlib.crc32(code), **fields}
        return seal(_changed(self.header, fields), self.good.code if code is None else code, key or self.key)

    def altered(self, code: bytes | None = None, **fields: int | bytes) -> bytes:
        """Return the good image with header fields or code changed **after** it was signed; its CRC follows the code."""
        if code is not None:
            fields = {"total_bytes": HEADER_BYTES + len(code), "code_bytes": len(code), "code_crc32": zlib.crc32(code), **fields}
        return SpkImage(_changed(self.header, fields), self.good.code if code is None else code).to_bytes()

    def code_with(self, offset: int, data: bytes) -> bytes:
        """Return the good code with `data` written over it at `offset`; a negative one counts from the end."""
        start = offset % len(self.good.code)
        return self.good.code[:start] + data + self.good.code[start + len(data) :]

    def with_vectors(self, *, stack: int | None = None, reset: int | None = None) -> bytes:
        """Return the good image with another initial stack pointer or reset vector, properly signed."""
        entry = self.header.entry_offset
        good_stack, good_reset = struct.unpack_from("<II", self.good.code, entry)
        vectors = struct.pack("<II", good_stack if stack is None else stack, good_reset if reset is None else reset)
        assert len(vectors) == VECTOR_TABLE_HEAD_BYTES
        return self.sealed(self.code_with(entry, vectors))

    def flipped(self, offset: int, bit: int) -> bytes:
        """Return the good image with one bit of one byte flipped, nothing made right again."""
        image = bytearray(self.good.to_bytes())
        image[offset] ^= 1 << bit
        return bytes(image)

    def truncated(self, size_bytes: int) -> bytes:
        """Return the good image's first bytes; the rest of the slot stays erased."""
        return self.good.to_bytes()[:size_bytes]

    def signature_with(self, *, r: bytes | None = None, s: bytes | None = None) -> bytes:
        """Return the good image's signature with one of its halves replaced."""
        signature = self.header.signature
        return (signature[:32] if r is None else r) + (signature[32:] if s is None else s)


@dataclass(frozen=True, slots=True)
class PatchWorkshop(Workshop):
    """What hostile patches are made from: `good` is a patch from the installed image to a newer one.

    Attributes:
        back: a properly signed patch from that newer image back to the installed one.
    """

    back: bytes

    @property
    def told(self) -> PatchHeader:
        """What the good patch says of base and target."""
        return PatchHeader.from_bytes(self.good.code)

    @property
    def page_bytes(self) -> int:
        """The device's erase unit."""
        return self.told.page_bytes

    def patch(self, *, version: int | None = None, **fields: int | bytes) -> bytes:
        """Return the good patch with other fields of its own header, **properly signed**.

        Args:
            version: in the image's header; None: the good one.
        """
        return self.body(self.good.code[PATCH_HEADER_BYTES:], version=version, **fields)

    def body(self, steps_bytes: bytes, *, version: int | None = None, **fields: int | bytes) -> bytes:
        """Return a patch with other bytes behind its header, **properly signed**; the fields are those of the good one but for `fields`."""
        told = dataclasses.replace(self.told, **fields)  # type: ignore[arg-type] # names and types are those of the header's fields
        return self.sealed(told.to_bytes() + steps_bytes, version=self.header.version if version is None else version)

    def raw(self, steps_bytes: bytes, *, steps: int = 1) -> bytes:
        """Return a patch with these steps, as they are, properly signed."""
        return self.body(steps_bytes, steps=steps, coding=Coding.RAW)

    def compressed(self, steps_bytes: bytes, *, steps: int) -> bytes:
        """Return a patch with these steps as a stream, properly signed."""
        stream = bytes(heatshrink2.compress(steps_bytes, window_sz2=WINDOW_BITS, lookahead_sz2=LOOKAHEAD_BITS))
        return self.body(stream, steps=steps, coding=Coding.HEATSHRINK)


def read_workshop(
    good: bytes, installed: bytes, *, key: PrivateKey, stranger: PrivateKey, hardware_revision: int, placement: Placement, slot_bytes: int
) -> Workshop:
    """Return the workshop with these two images in it.

    Raises:
        InputError: one of them is no image.
    """
    parsed = parse_image(good, "the staged image"), parse_image(installed, "the installed image")
    return Workshop(*parsed, key=key, stranger=stranger, hardware_revision=hardware_revision, placement=placement, slot_bytes=slot_bytes)


def _changed(header: SpkHeader, fields: dict[str, int | bytes]) -> SpkHeader:
    return dataclasses.replace(header, **fields)  # type: ignore[arg-type] # names and types are those of the header's fields
