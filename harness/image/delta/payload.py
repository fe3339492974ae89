"""The bytes of a patch: its header, and the steps that rebuild one page each (SPEC, "Patch")."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import heatshrink2
from construct import Bytes, Int8ul, Int16ul, Int32ul, Int64ul, Struct

from harness.image.delta.varint import ByteReader, encode_varint, unzigzag, zigzag
from harness.image.refusal import ImageRefused, RefusalReason

DIGEST_BYTES = 32
HEADER = Struct(
    "base_digest" / Bytes(DIGEST_BYTES),
    "target_digest" / Bytes(DIGEST_BYTES),
    "base_version" / Int64ul,
    "target_version" / Int64ul,
    "base_bytes" / Int32ul,
    "target_bytes" / Int32ul,
    "page_bytes" / Int16ul,
    "coding" / Int8ul,
    "reserved_1" / Bytes(1),
    "steps" / Int16ul,
    "reserved_2" / Bytes(2),
)
PATCH_HEADER_BYTES = HEADER.sizeof()
PAGES_MAX = 256
"""Pages of the application region that a device keeps account of while it reads a patch: a bit each."""
WINDOW_BITS = 8
LOOKAHEAD_BITS = 4


class Coding(IntEnum):
    """How the steps are stored."""

    RAW = 0
    HEATSHRINK = 1
    """One heatshrink stream, window 2**8 and lookahead 2**4 bytes."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Take `length` bytes of the region as it stands, from `source` (bytes from the region's start)."""

    source: int
    length: int


@dataclass(frozen=True, slots=True)
class Insert:
    """Take these bytes, at least one."""

    data: bytes

    @property
    def length(self) -> int:
        """How many bytes it gives."""
        return len(self.data)


Instruction = Copy | Insert


@dataclass(frozen=True, slots=True)
class Step:
    """Rebuilds one page of the region, counted from 0."""

    page: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class PatchHeader:
    """The 96 bytes before the steps. Nothing is checked here."""

    base_digest: bytes
    target_digest: bytes
    base_version: int
    target_version: int
    base_bytes: int
    target_bytes: int
    page_bytes: int
    coding: int
    steps: int
    reserved_1: bytes = bytes(1)
    reserved_2: bytes = bytes(2)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the header at the start of `data`, at least 96 bytes."""
        fields = HEADER.parse(data)
        return cls(**{field.name: fields[field.name] for field in dataclasses.fields(cls)})

    def to_bytes(self) -> bytes:
        """Return the 96 bytes."""
        return bytes(HEADER.build(dataclasses.asdict(self)))

    @property
    def target_pages(self) -> int:
        """How many pages the target image reaches into."""
        return -(-self.target_bytes // self.page_bytes)

    def content_bytes(self, page: int) -> int:
        """Return how many bytes of the target lie in a page; what follows them in the page is erased."""
        return min(self.page_bytes, self.target_bytes - page * self.page_bytes)


def patch_digest(image: bytes) -> bytes:
    """Return the digest that binds a patch to an image: SHA-512/256 (FIPS 180-4 5.3.6.2).

    The signature check needs SHA-512 anyway; this is the same function with other initial values, so a bootloader carries no second one.
    """
    return hashlib.new("sha512_256", image).digest()


def encode_steps(steps: tuple[Step, ...], page_bytes: int, coding: Coding) -> bytes:
    """Return the bytes that follow the header."""
    encoded = bytearray()
    alignment = 0
    for step in steps:
        encoded += encode_varint(step.page)
        position = step.page * page_bytes
        for instruction in step.instructions:
            if isinstance(instruction, Insert):
                encoded += encode_varint(instruction.length << 1 | 1) + instruction.data
            else:
                change = instruction.source - position - alignment
                alignment += change
                encoded += encode_varint(instruction.length << 1) + encode_varint(zigzag(change))
            position += instruction.length
    if coding is Coding.RAW:
        return bytes(encoded)
    return bytes(heatshrink2.compress(bytes(encoded), window_sz2=WINDOW_BITS, lookahead_sz2=LOOKAHEAD_BITS))


def decode_steps(header: PatchHeader, encoded: bytes) -> Iterator[Step]:
    """Yield the steps of a patch, each checked as the bootloader does before it uses it.

    Raises:
        ImageRefused: the bytes are no steps, or a step builds more or less than its page, or a page is built twice.
    """
    reader = ByteReader(_plain(header, encoded))
    alignment = 0
    built: set[int] = set()
    for _ in range(header.steps):
        page = reader.varint()
        if page >= header.target_pages or page in built:
            raise ImageRefused(RefusalReason.PATCH, f"it builds page {page} " + ("twice" if page in built else f"of {header.target_pages}"))
        built.add(page)
        position, end = page * header.page_bytes, page * header.page_bytes + header.content_bytes(page)
        instructions: list[Instruction] = []
        while position < end:
            length, kind = divmod(reader.varint(), 2)
            if not 0 < length <= end - position:
                raise ImageRefused(RefusalReason.PATCH, f"an instruction of {length} bytes where page {page} lacks {end - position}")
            if kind:
                instructions.append(Insert(reader.take(length)))
            else:
                alignment += unzigzag(reader.varint())
                instructions.append(Copy(position + alignment, length))
            position += length
        yield Step(page, tuple(instructions))
    if not reader.at_end:
        raise ImageRefused(RefusalReason.PATCH, "bytes follow its last step")


def _plain(header: PatchHeader, encoded: bytes) -> bytes:
    if header.coding == Coding.RAW:
        return encoded
    if header.coding != Coding.HEATSHRINK:
        raise ImageRefused(RefusalReason.PATCH, f"coding {header.coding} is not known")
    return bytes(heatshrink2.decompress(encoded, window_sz2=WINDOW_BITS, lookahead_sz2=LOOKAHEAD_BITS))
