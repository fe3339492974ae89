"""The `.spk` image: its header (SPEC section 1), signed, read and shown."""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from construct import Bytes, Int16ul, Int32ul, Int64ul, Struct

from harness.errors import InputError
from harness.image.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, PrivateKey

MAGIC = b"SPK\x02"
FORMAT_VERSION = 2
HEADER_BYTES = 144
SIGNED_HEADER_BYTES = 80
"""How much of the header the signature covers: all that precedes it."""
VECTOR_TABLE_ALIGNMENT_BYTES = 512
VECTOR_TABLE_HEAD_BYTES = 8
"""Initial stack pointer and reset vector."""

HEADER = Struct(
    "magic" / Bytes(4),
    "format_version" / Int16ul,
    "total_bytes" / Int32ul,
    "code_bytes" / Int32ul,
    "entry_offset" / Int32ul,
    "flags" / Int32ul,
    "version" / Int64ul,
    "hardware_revision" / Int32ul,
    "code_crc32" / Int32ul,
    "reserved" / Bytes(10),
    "public_key" / Bytes(PUBLIC_KEY_BYTES),
    "signature" / Bytes(SIGNATURE_BYTES),
)


class Flags(IntFlag):
    """The header's flags."""

    SIGNED = 1
    COMPRESSED = 2
    DELTA = 4
    """The code is a patch."""
    ROTATES_KEY = 8
    """A key follows the patch, which the device is to trust in place of its own."""
    MODULE = 16
    """The code is a module: the application loads it into RAM."""


SIGNED = Flags.SIGNED


@dataclass(frozen=True, slots=True)
class SpkHeader:
    """The 144 bytes before the code. Nothing is checked here: hostile headers are values too."""

    total_bytes: int
    code_bytes: int
    entry_offset: int
    version: int
    code_crc32: int
    magic: bytes = MAGIC
    format_version: int = FORMAT_VERSION
    flags: int = SIGNED
    hardware_revision: int = 0
    reserved: bytes = bytes(10)
    public_key: bytes = bytes(PUBLIC_KEY_BYTES)
    signature: bytes = bytes(SIGNATURE_BYTES)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the header at the start of `data`, at least 144 bytes."""
        fields = HEADER.parse(data)
        return cls(**{field.name: fields[field.name] for field in dataclasses.fields(cls)})

    def to_bytes(self) -> bytes:
        """Return the 144 bytes."""
        return bytes(HEADER.build(dataclasses.asdict(self)))


@dataclass(frozen=True, slots=True)
class SpkImage:
    """A header and its code."""

    header: SpkHeader
    code: bytes

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        return self.header.to_bytes() + self.code

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: the header before the signature, and the code."""
        return self.header.to_bytes()[:SIGNED_HEADER_BYTES] + self.code

    @property
    def digest(self) -> str:
        """SHA-256 of the whole image in hex digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def seal(header: SpkHeader, code: bytes, key: PrivateKey) -> bytes:
    """Return an image properly signed with `key` whatever its header says: the way to make hostile images.

    Args:
        header: taken as it is, except its public key and signature.
        code: what follows the header.
        key: signs, and is named in the header.
    """
    unsigned = SpkImage(dataclasses.replace(header, public_key=key.public_key.raw), code)
    signature = key.sign(unsigned.signed_bytes)
    return SpkImage(dataclasses.replace(unsigned.header, signature=signature), code).to_bytes()


def sign_image(
    code: bytes,
    *,
    key: PrivateKey,
    version: int,
    entry_offset: int,
    hardware_revision: int = 0,
    flags: int = SIGNED,
    source: str = "the application",
) -> bytes:
    """Return a signed `.spk` image.

    Args:
        code: the application as it will lie in flash after the header.
        key: signs, and is named in the header.
        version: monotonic version, 0..2**64-1.
        entry_offset: offset of the vector table in `code`; header and offset together must be a multiple of 512 bytes.
        hardware_revision: the one board revision that may run it, 0 for any.
        flags: `Flags.SIGNED`; anything else makes an image that the bootloader refuses.
        source: where the code comes from, for errors.

    Raises:
        InputError: no code, or a value out of range.
    """
    if not code:
        raise InputError("the application has no bytes", source=source, remedy="Give the binary that the build made, not an empty file.")
    _check_range("code size", len(code), 2**32 - HEADER_BYTES, source)
    _check_range("version", version, 2**64, source)
    _check_range("hardware revision", hardware_revision, 2**32, source)
    _check_range("flags", flags, 2**32, source)
    _check_entry_offset(entry_offset, len(code), source)
    header = SpkHeader(
        total_bytes=HEADER_BYTES + len(code),
        code_bytes=len(code),
        entry_offset=entry_offset,
        version=version,
        code_crc32=zlib.crc32(code),
        flags=flags,
        hardware_revision=hardware_revision,
    )
    return seal(header, code, key)


def _check_range(field: str, value: int, end: int, source: str) -> None:
    if not 0 <= value < end:
        raise InputError(f"{value} is out of range", source=source, field=field, remedy=f"The value must be from 0 to {end - 1}.")


def _check_entry_offset(entry_offset: int, code_bytes: int, source: str) -> None:
    field = "entry offset"
    if not 0 <= entry_offset <= code_bytes - VECTOR_TABLE_HEAD_BYTES:
        raise InputError(
            f"no vector table fits at {entry_offset:#x} in {code_bytes} bytes of code",
            source=source,
            field=field,
            remedy="Give the offset of the vector table in the binary, at least 8 bytes before its end.",
        )
    if (HEADER_BYTES + entry_offset) % VECTOR_TABLE_ALIGNMENT_BYTES:
        raise InputError(
            f"{entry_offset:#x} puts the vector table off a {VECTOR_TABLE_ALIGNMENT_BYTES}-byte boundary",
            source=source,
            field=field,
            remedy=f"The code starts {HEADER_BYTES} bytes into its page, so 0x170, 0x370, 0x570 and so on are possible.",
        )


def check_complete(data: bytes, source: str) -> SpkHeader:
    """Return the header of a file that is not cut short; what the header says is not judged.

    Raises:
        InputError: the file is shorter than a header and does not begin like one, ends inside the header, or before the end that a consistent header names.
    """
    if len(data) < HEADER_BYTES and not data.startswith(MAGIC[: len(data)]):
        raise _no_image(source)
    if len(data) < HEADER_BYTES:
        raise InputError(f"is truncated: {len(data)} bytes, less than the header's {HEADER_BYTES}", source=source, remedy="Give a whole .spk file.")
    header = SpkHeader.from_bytes(data)
    consistent = header.magic == MAGIC and header.total_bytes == HEADER_BYTES + header.code_bytes
    if consistent and len(data) < header.total_bytes:
        raise InputError(f"is truncated: {len(data)} of {header.total_bytes} bytes", source=source, remedy="Give a whole .spk file.")
    return header


def parse_image(data: bytes, source: str) -> SpkImage:
    """Return the image that `data` is, byte for byte; authenticity is not judged.

    Raises:
        InputError: not an `.spk` file, truncated, or of another length than its header says.
    """
    header = check_complete(data, source)
    if header.magic != MAGIC:
        raise _no_image(source)
    if header.format_version != FORMAT_VERSION:
        raise InputError(f"format {header.format_version} is not known", source=source, field="format version", remedy=f"Only {FORMAT_VERSION} is.")
    if header.total_bytes != HEADER_BYTES + header.code_bytes or header.total_bytes != len(data) or not header.code_bytes:
        raise InputError(
            f"total size {header.total_bytes}, code size {header.code_bytes} and file size {len(data)} do not agree",
            source=source,
            field="total size",
            remedy=f"Total and file size must both be {HEADER_BYTES} more than the code size, which is not 0.",
        )
    return SpkImage(header, data[HEADER_BYTES:])


def _no_image(source: str) -> InputError:
    return InputError("is not an .spk image", source=source, field="magic", remedy=f"Its first bytes must be {MAGIC.hex(' ')}.")


def show(image: SpkImage) -> dict[str, str | int | bool]:
    """Return what the header says, as plain values for a table or JSON."""
    header = image.header
    return {
        "format_version": header.format_version,
        "total_bytes": header.total_bytes,
        "code_bytes": header.code_bytes,
        "entry_offset": header.entry_offset,
        "flags": header.flags,
        "version": header.version,
        "hardware_revision": header.hardware_revision,
        "code_crc32": header.code_crc32,
        "code_crc32_matches": header.code_crc32 == zlib.crc32(image.code),
        "public_key": header.public_key.hex(),
        "signature": header.signature.hex(),
        "digest": image.digest,
    }
