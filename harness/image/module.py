"""Modules: `.spk` images whose code the application loads into RAM, made, judged and placed as the loader does it (SPEC, "Module")."""

from __future__ import annotations

import dataclasses
import itertools
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from harness.errors import InputError
from harness.image.keys import PrivateKey, PublicKey
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader, seal
from harness.image.verify import check_authentic, check_header, check_size

MODULE_FLAGS = Flags.SIGNED | Flags.MODULE
MODULE_ABI = 1
ALIGNMENT_BYTES = 8
"""Of the address that a module lies at."""
FIELDS: Final = struct.Struct("<HHIIIQ")
WORD_BYTES = 4
_MEMORY_END = 2**31


@dataclass(frozen=True, slots=True)
class Module:
    """A program that runs wherever it is put.

    Attributes:
        blob: code and initialised data, linked to address 0.
        entry: offset of its first instruction in the blob, without the Thumb bit.
        relocations: offsets of the words of the blob that the load address is added to, ascending.
        zero_bytes: memory behind the blob that begins as 0.
        oldest_host: least version of the application that may load it.
    """

    blob: bytes
    entry: int
    relocations: tuple[int, ...] = ()
    zero_bytes: int = 0
    oldest_host: int = 0
    abi: int = MODULE_ABI
    reserved: int = 0

    @property
    def memory_bytes(self) -> int:
        """How much RAM it takes."""
        return len(self.blob) + self.zero_bytes

    def to_payload(self) -> bytes:
        """Return the bytes behind the header. Nothing is judged: hostile modules are values too."""
        fields = FIELDS.pack(self.abi, self.reserved, len(self.blob), self.zero_bytes, len(self.relocations), self.oldest_host)
        return fields + b"".join(offset.to_bytes(WORD_BYTES, "little") for offset in self.relocations) + self.blob


def read_module(payload: bytes, entry: int, *, memory_bytes: int = _MEMORY_END - 1, host_version: int | None = None) -> Module:
    """Return the module in a payload whose signature was checked.

    Args:
        entry: the entry offset of the image's header.
        memory_bytes: RAM that is set apart for modules.
        host_version: version of the application; None: not checked.

    Raises:
        ImageRefused: module: it is malformed, or does not fit.
    """
    if len(payload) < FIELDS.size:
        raise _malformed(f"{len(payload)} bytes do not hold its {FIELDS.size} bytes of fields")
    abi, reserved, blob_bytes, zero_bytes, count, oldest_host = FIELDS.unpack_from(payload)
    if abi != MODULE_ABI or reserved:
        raise _malformed(f"its ABI is {abi}, known is {MODULE_ABI}" if abi != MODULE_ABI else "a reserved field is not 0")
    if not blob_bytes or blob_bytes % WORD_BYTES or zero_bytes % WORD_BYTES:
        raise _malformed(f"a blob of {blob_bytes} bytes and {zero_bytes} zeros are not whole words")
    if blob_bytes + zero_bytes > memory_bytes:
        raise _malformed(f"it takes {blob_bytes + zero_bytes} bytes of RAM, {memory_bytes} are set apart for modules")
    if len(payload) != FIELDS.size + WORD_BYTES * count + blob_bytes:
        raise _malformed(f"{count} relocations and a blob of {blob_bytes} bytes are not what its {len(payload)} bytes hold")
    if host_version is not None and oldest_host > host_version:
        raise _malformed(f"it needs version {oldest_host} of the application, this is {host_version}")
    relocations = struct.unpack_from(f"<{count}I", payload, FIELDS.size)
    module = Module(payload[FIELDS.size + WORD_BYTES * count :], entry, relocations, zero_bytes, oldest_host)
    _check_offsets(module)
    return module


def _check_offsets(module: Module) -> None:
    if module.entry % 2 or module.entry >= len(module.blob):
        raise _malformed(f"its entry {module.entry:#x} is not the place of an instruction in {len(module.blob)} bytes")
    for before, after in itertools.pairwise((-WORD_BYTES, *module.relocations)):
        if after % WORD_BYTES or after <= before or after > len(module.blob) - WORD_BYTES:
            raise _malformed(f"the relocation at {after:#x} is not a word of the blob behind the one before it")
        (word,) = struct.unpack_from("<I", module.blob, after)
        if word > module.memory_bytes:
            raise _malformed(f"the word at {after:#x} points to {word:#x}, outside of its {module.memory_bytes} bytes")


def place_module(module: Module, address: int) -> bytes:
    """Return a module's memory as it is when the module starts at `address`, a multiple of 8; the module was judged."""
    memory = bytearray(module.blob + bytes(module.zero_bytes))
    for offset in module.relocations:
        (word,) = struct.unpack_from("<I", memory, offset)
        struct.pack_into("<I", memory, offset, (word + address) % 2**32)
    return bytes(memory)


def sign_module(module: Module, *, key: PrivateKey, version: int, hardware_revision: int = 0, source: str = "the module") -> bytes:
    """Return the signed `.spk` of a module.

    Args:
        version: monotonic version of the module, 0..2**48-1: what its counter can hold.
        hardware_revision: the one board revision that may run it, 0 for any.
        source: where the module comes from, for errors.

    Raises:
        InputError: a value is out of range, or no loader would take the module.
    """
    for field, value, end in (("version", version, 2**48), ("hardware revision", hardware_revision, 2**32), ("oldest host", module.oldest_host, 2**64)):
        if not 0 <= value < end:
            raise InputError(f"{value} is out of range", source=source, field=field, remedy=f"The value must be from 0 to {end - 1}.")
    payload = module.to_payload()
    try:
        read_module(payload, module.entry)
    except ImageRefused as refused:
        raise InputError(f"no loader takes it: {refused.detail}", source=source, remedy="Give the module as `harness speck module` makes it.") from refused
    return seal(_header(payload, module.entry, version, hardware_revision), payload, key)


def reseal_module(image: bytes, key: PrivateKey, payload: bytes | None = None, **fields: int) -> bytes:
    """Return a module's image with another payload or other header fields, properly signed whatever it says: the way to make hostile modules."""
    header = SpkHeader.from_bytes(image)
    payload = image[HEADER_BYTES:] if payload is None else payload
    renewed = _header(payload, header.entry_offset, header.version, header.hardware_revision)
    return seal(dataclasses.replace(renewed, **fields), payload, key)  # type: ignore[arg-type] # the numbers of the header


def _header(payload: bytes, entry: int, version: int, hardware_revision: int) -> SpkHeader:
    return SpkHeader(
        total_bytes=HEADER_BYTES + len(payload),
        code_bytes=len(payload),
        entry_offset=entry,
        version=version,
        code_crc32=zlib.crc32(payload),
        flags=MODULE_FLAGS,
        hardware_revision=hardware_revision,
    )


def verify_module(
    data: bytes,
    public_key: PublicKey,
    *,
    hardware_revision: int | None,
    minimum_version: int = 0,
    memory_bytes: int = _MEMORY_END - 1,
    host_version: int | None = None,
) -> Module:
    """Check a module's image as the loader does, and return the module.

    Args:
        data: the image, no byte more.
        public_key: the trusted key.
        hardware_revision: the board's; None: not checked.
        minimum_version: least version accepted.
        memory_bytes, host_version: as `read_module` takes them.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    header = check_header(data, MODULE_FLAGS)
    check_size(header, len(data), None)
    if header.entry_offset % 2 or header.entry_offset >= header.code_bytes:
        raise ImageRefused(RefusalReason.ENTRY, f"entry offset {header.entry_offset:#x} is not the place of an instruction")
    payload = data[HEADER_BYTES:]
    check_authentic(header, payload, public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
    return read_module(payload, header.entry_offset, memory_bytes=memory_bytes, host_version=host_version)


def _malformed(detail: str) -> ImageRefused:
    return ImageRefused(RefusalReason.MODULE, detail)
