"""The bootloader's judgement of an image, made on the host: same checks, same order, same reasons (SPEC section 1)."""

from __future__ import annotations

import hmac
import struct
import zlib
from dataclasses import dataclass

from harness.image.keys import PublicKey
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import (
    FORMAT_VERSION,
    HEADER_BYTES,
    MAGIC,
    SIGNED,
    VECTOR_TABLE_ALIGNMENT_BYTES,
    VECTOR_TABLE_HEAD_BYTES,
    Flags,
    SpkHeader,
    SpkImage,
)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image will run.

    Attributes:
        address: first byte of the region that holds it, header included. capacity_bytes: the region's size.
    """

    address: int
    capacity_bytes: int
    ram_address: int
    ram_bytes: int


def verify_image(
    data: bytes,
    public_key: PublicKey,
    *,
    hardware_revision: int | None,
    minimum_version: int = 0,
    placement: Placement | None = None,
) -> None:
    """Check an image as the bootloader does.

    Args:
        data: the image, no byte more.
        public_key: the trusted key.
        hardware_revision: the board's; None: not checked.
        minimum_version: least version accepted: the counter for an installed image, one more for a staged one.
        placement: where it will run; None: neither its fit nor the content of its vector table is checked.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    header = check_header(data, SIGNED)
    code = data[HEADER_BYTES:]
    check_size(header, len(data), placement)
    _check_entry(header, code, placement)
    check_authentic(header, code, public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)


def check_authentic(header: SpkHeader, code: bytes, public_key: PublicKey, *, hardware_revision: int | None, minimum_version: int) -> None:
    """Check what binds an image to board, version and key, in the bootloader's order; the arguments are those of `verify_image`.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    if any(header.reserved):
        raise ImageRefused(RefusalReason.RESERVED, f"the reserved bytes are {header.reserved.hex()}, not 0")
    if hardware_revision is not None and header.hardware_revision not in (0, hardware_revision):
        raise ImageRefused(RefusalReason.HARDWARE, f"it is for hardware revision {header.hardware_revision}, the board is {hardware_revision}")
    if header.version < minimum_version:
        raise ImageRefused(RefusalReason.VERSION, f"version {header.version} is below {minimum_version}")
    if zlib.crc32(code) != header.code_crc32:
        raise ImageRefused(RefusalReason.CRC, f"the code's CRC-32 is {zlib.crc32(code):08x}, the header says {header.code_crc32:08x}")
    if public_key.is_unset:
        raise ImageRefused(RefusalReason.KEY, "the trusted key was never written, so nothing is trusted")
    if not hmac.compare_digest(header.public_key, public_key.raw):
        named = PublicKey(header.public_key).fingerprint
        raise ImageRefused(RefusalReason.KEY, f"it names the key {named}, trusted is {public_key.fingerprint}")
    if not public_key.verifies(header.signature, SpkImage(header, code).signed_bytes):
        raise ImageRefused(RefusalReason.SIGNATURE, "the signature does not match header and code")


def image_in_region(region: bytes) -> SpkImage | None:
    """Return the image at the start of a flash region, None if there is not even a header of one that fits.

    Its authenticity is not judged: pass `image.to_bytes()` to `verify_image`.
    """
    if len(region) < HEADER_BYTES or not region.startswith(MAGIC):
        return None
    header = SpkHeader.from_bytes(region)
    if header.total_bytes != HEADER_BYTES + header.code_bytes or header.total_bytes > len(region) or not header.code_bytes:
        return None
    return SpkImage(header, region[HEADER_BYTES : header.total_bytes])


def check_header(data: bytes, flags: Flags) -> SpkHeader:
    """Return the header of an image whose magic and format are right, and whose flags are these and no others.

    Raises:
        ImageRefused: magic, size, format or flags.
    """
    if not data.startswith(MAGIC):
        raise ImageRefused(RefusalReason.MAGIC, f"it starts with {data[:4].hex(' ') or 'nothing'}, not {MAGIC.hex(' ')}")
    if len(data) < HEADER_BYTES:
        raise ImageRefused(RefusalReason.SIZE, f"{len(data)} bytes do not hold the {HEADER_BYTES}-byte header")
    header = SpkHeader.from_bytes(data)
    if header.format_version != FORMAT_VERSION:
        raise ImageRefused(RefusalReason.FORMAT, f"the format is {header.format_version}, known is {FORMAT_VERSION}")
    if header.flags != flags:
        names = ", ".join(flag.name.lower() for flag in flags if flag.name)
        raise ImageRefused(RefusalReason.FLAGS, f"the flags are {header.flags:#x}, accepted are {int(flags):#x} ({names}) only")
    return header


def check_size(header: SpkHeader, size_bytes: int, placement: Placement | None) -> None:
    """Check that the sizes agree, and that the image fits where it is to run.

    Raises:
        ImageRefused: size.
    """
    total = header.total_bytes
    if not header.code_bytes or total != HEADER_BYTES + header.code_bytes or total != size_bytes:
        raise ImageRefused(RefusalReason.SIZE, f"total size {total}, code size {header.code_bytes} and actual size {size_bytes} do not agree")
    if placement is not None and total > placement.capacity_bytes:
        raise ImageRefused(RefusalReason.SIZE, f"{total} bytes do not fit in {placement.capacity_bytes}")


def _check_entry(header: SpkHeader, code: bytes, placement: Placement | None) -> None:
    entry = header.entry_offset
    if entry + VECTOR_TABLE_HEAD_BYTES > len(code):
        raise ImageRefused(RefusalReason.ENTRY, f"no vector table fits at {entry:#x} in {len(code)} bytes of code")
    start = HEADER_BYTES if placement is None else placement.address + HEADER_BYTES
    if (start + entry) % VECTOR_TABLE_ALIGNMENT_BYTES:
        raise ImageRefused(RefusalReason.ENTRY, f"entry offset {entry:#x} is off a {VECTOR_TABLE_ALIGNMENT_BYTES}-byte boundary")
    if placement is None:
        return
    stack, reset = struct.unpack_from("<II", code, entry)
    if stack % 8 or not placement.ram_address < stack <= placement.ram_address + placement.ram_bytes:
        raise ImageRefused(RefusalReason.ENTRY, f"the initial stack pointer {stack:#010x} is not 8-byte aligned in RAM")
    if not reset & 1 or not start <= reset - 1 < start + len(code):
        raise ImageRefused(RefusalReason.ENTRY, f"the reset vector {reset:#010x} is not an odd address in the code")
