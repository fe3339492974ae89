"""Forged and malformed images, by name: each with the one reason for which the bootloader must refuse it (SPEC, "Hostile images")."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.image.forgery import GROUP_ORDER, IDENTITY_POINT, Workshop
from harness.image.refusal import RefusalReason as Reason
from harness.image.spk import FORMAT_VERSION, HEADER_BYTES, VECTOR_TABLE_ALIGNMENT_BYTES, VECTOR_TABLE_HEAD_BYTES, Flags

_U32 = 2**32 - 1


@dataclass(frozen=True, slots=True)
class HostileImage:
    """One entry of the table.

    Attributes:
        name: of the case that stages it. title: what is wrong, for people. reason: the first check that it fails.
        forge: makes what the slot holds; the rest of the slot stays erased.
    """

    name: str
    title: str
    reason: Reason
    forge: Callable[[Workshop], bytes]


def hostile_images() -> tuple[HostileImage, ...]:
    """Return the table, in the order of the checks."""
    return (*_slots(), *_forms(), *_sizes(), *_entries(), *_bindings(), *_keys(), *_signatures(), *_truncated(), *_flipped())


def _slots() -> Iterator[HostileImage]:
    yield HostileImage("slot-zeros", "the slot is full of 0x00", Reason.MAGIC, lambda shop: bytes(shop.slot_bytes))
    yield HostileImage("slot-erased", "the slot is full of 0xFF", Reason.MAGIC, lambda _: b"")
    yield HostileImage("slot-noise", "the slot is full of noise", Reason.MAGIC, lambda shop: random.Random("noise").randbytes(shop.slot_bytes))
    yield HostileImage("slot-shifted", "a good image begins one byte late", Reason.MAGIC, lambda shop: b"\xff" + shop.good.to_bytes())
    yield HostileImage("slot-text", "the slot holds text", Reason.MAGIC, lambda shop: (b"404 Not Found\r\n" * shop.slot_bytes)[: shop.slot_bytes])


def _forms() -> Iterator[HostileImage]:
    for name, magic in (("zero", bytes(4)), ("erased", b"\xff" * 4), ("of-format-1", b"SPK\x01"), ("in-lower-case", b"spk\x02"), ("reversed", b"\x02KPS")):
        yield _sealed(f"magic-{name}", f"properly signed, the magic is {magic.hex(' ')}", Reason.MAGIC, magic=magic)
    for number in (0, FORMAT_VERSION - 1, FORMAT_VERSION + 1, FORMAT_VERSION << 8, 2**16 - 1):
        yield _sealed(f"format-{number}", f"properly signed, format version {number}", Reason.FORMAT, format_version=number)
    for name, flags in (
        ("unsigned", 0),
        ("compressed", Flags.SIGNED | Flags.COMPRESSED),
        ("delta", Flags.SIGNED | Flags.DELTA),
        ("unsigned-delta", int(Flags.DELTA)),
        ("delta-and-compressed", Flags.SIGNED | Flags.DELTA | Flags.COMPRESSED),
        ("module", Flags.SIGNED | Flags.MODULE),
        ("module-and-delta", Flags.SIGNED | Flags.MODULE | Flags.DELTA),
        ("unknown-high", Flags.SIGNED | 1 << 31),
        ("unknown-byte", Flags.SIGNED | 1 << 8),
        ("all", _U32),
    ):
        yield _sealed(f"flags-{name}", f"properly signed, flags {int(flags):#x}", Reason.FLAGS, flags=int(flags))
    yield HostileImage("unsigned", "flags say unsigned, key and signature are zero", Reason.FLAGS, lambda shop: _unsigned(shop))


def _unsigned(shop: Workshop) -> bytes:
    return shop.altered(flags=0, public_key=bytes(32), signature=bytes(64))


def _sizes() -> Iterator[HostileImage]:
    for name, total in (("zero", 0), ("of-header", HEADER_BYTES), ("greatest", _U32)):
        yield _sealed(f"total-{name}", f"properly signed, total size {total}", Reason.SIZE, total_bytes=total)
    for name, code in (("zero", 0), ("greatest", _U32), ("sign-bit", 2**31)):
        yield _sealed(f"code-{name}", f"properly signed, code size {code}", Reason.SIZE, code_bytes=code)
    for name, change in (("one-less", -1), ("one-more", 1)):
        yield _made(f"total-{name}", "properly signed, off by one", Reason.SIZE, lambda s, c=change: s.sealed(total_bytes=s.header.total_bytes + c))
    yield _made("total-without-header", "the total counts the code alone", Reason.SIZE, lambda s: s.sealed(total_bytes=s.header.code_bytes))
    yield _made("sizes-none", "header only, no code", Reason.SIZE, lambda s: s.sealed(b""))
    yield _made("sizes-wrap", "the sum of header and code wraps to the good total", Reason.SIZE, lambda s: _wrapping(s))
    for name, more in (("one-past-region", 1), ("page-past-region", 4096)):
        yield _made(f"sizes-{name}", "sizes agree, and are more than the application region holds", Reason.SIZE, lambda s, m=more: _larger(s, m))
    yield _made("grown-total", "trailing bytes in the total alone", Reason.SIZE, lambda s: s.altered(total_bytes=s.header.total_bytes + 64) + bytes(64))


def _wrapping(shop: Workshop) -> bytes:
    return shop.sealed(total_bytes=HEADER_BYTES - 1, code_bytes=_U32)


def _larger(shop: Workshop, more: int) -> bytes:
    total = shop.placement.capacity_bytes + more
    return shop.sealed(total_bytes=total, code_bytes=total - HEADER_BYTES)


def _entries() -> Iterator[HostileImage]:
    for name, entry in (("first-byte", 0), ("unaligned-by-word", 0x174), ("greatest", _U32), ("wraps", _U32 - 7), ("wraps-to-code", 2**32 - HEADER_BYTES)):
        yield _sealed(f"entry-{name}", f"properly signed, entry offset {entry:#x}", Reason.ENTRY, entry_offset=entry)
    yield _made("entry-at-end", "the vector table begins where the code ends", Reason.ENTRY, lambda s: s.sealed(entry_offset=s.header.code_bytes))
    yield _made("entry-overhangs", "the vector table's last bytes lie behind the code", Reason.ENTRY, lambda s: _overhanging(s))
    for size in (1, VECTOR_TABLE_HEAD_BYTES - 1):
        yield _made(f"code-of-{size}", "the code is too short for a vector table", Reason.ENTRY, lambda s, n=size: s.sealed(s.good.code[:n]))
    stacks: tuple[tuple[str, Callable[[Workshop], int]], ...] = (
        ("zero", lambda _: 0),
        ("erased", lambda _: _U32),
        ("at-ram-start", lambda s: s.placement.ram_address),
        ("past-ram", lambda s: s.ram_end + 8),
        ("in-flash", lambda s: s.placement.address),
        ("unaligned", lambda s: s.ram_end - 4),
    )
    for name, stack in stacks:
        yield _made(f"stack-{name}", "properly signed, the initial stack pointer can't be used", Reason.ENTRY, lambda s, f=stack: s.with_vectors(stack=f(s)))
    resets: tuple[tuple[str, Callable[[Workshop], int]], ...] = (
        ("even", lambda s: s.code_address + s.header.entry_offset + 8),
        ("in-header", lambda s: s.code_address - 1),
        ("behind-code", lambda s: s.code_address + s.header.code_bytes | 1),
        ("in-ram", lambda s: s.placement.ram_address | 1),
        ("zero", lambda _: 0),
    )
    for name, reset in resets:
        yield _made(f"reset-{name}", "properly signed, the reset vector leaves the code", Reason.ENTRY, lambda s, f=reset: s.with_vectors(reset=f(s)))
    yield _made("nested", "a whole good image as the code of another", Reason.ENTRY, lambda s: s.sealed(s.good.to_bytes()))


def _overhanging(shop: Workshop) -> bytes:
    entry = shop.header.entry_offset
    return shop.sealed(shop.good.code[: entry + VECTOR_TABLE_HEAD_BYTES - 1])


def _bindings() -> Iterator[HostileImage]:
    for name, reserved in (("first", b"\x01" + bytes(9)), ("last", bytes(9) + b"\x80"), ("erased", b"\xff" * 10)):
        yield _sealed(f"reserved-{name}", f"properly signed, reserved bytes {reserved.hex()}", Reason.RESERVED, reserved=reserved)
    boards: tuple[tuple[str, Callable[[int], int]], ...] = (
        ("later", lambda board: board + 1),
        ("earlier", lambda board: board - 1 if board > 1 else board + 2),  # 0 would be any board
        ("greatest", lambda _: _U32),
        ("same-low-byte", lambda board: board + 0x100),
        ("same-low-half", lambda board: board + 0x10000),
    )
    for name, board in boards:
        yield _made(
            f"hardware-{name}", "properly signed for another board", Reason.HARDWARE, lambda s, f=board: s.sealed(hardware_revision=f(s.hardware_revision))
        )
    yield _sealed("version-zero", "properly signed, older than the counter", Reason.VERSION, version=0)
    yield _made("version-same", "properly signed, the installed version", Reason.VERSION, lambda s: s.sealed(version=s.installed.header.version))
    yield _made("version-replayed", "the installed image itself, staged once more", Reason.VERSION, lambda s: s.installed.to_bytes())
    for name, crc in (("zero", 0), ("greatest", _U32)):
        yield _sealed(f"crc-{name}", "properly signed, the CRC is a constant", Reason.CRC, code_crc32=crc)
    yield _made("crc-one-bit", "properly signed, the CRC is wrong by one bit", Reason.CRC, lambda s: s.sealed(code_crc32=s.header.code_crc32 ^ 1))
    yield _made("grown-sizes", "trailing bytes, counted by both sizes", Reason.CRC, lambda s: _grown_uncorrected(s))


def _grown_uncorrected(shop: Workshop) -> bytes:
    return shop.altered(shop.good.code + bytes(64), code_crc32=shop.header.code_crc32)


def _keys() -> Iterator[HostileImage]:
    every_message = IDENTITY_POINT + bytes(32)
    yield _made("key-foreign", "properly signed with a key that the device does not trust", Reason.KEY, lambda s: s.sealed(key=s.stranger))
    yield _made("key-one-bit", "the trusted key, but for one bit", Reason.KEY, lambda s: s.altered(public_key=_last_bit_flipped(s.header.public_key)))
    for name, key in (("order-4", bytes(32)), ("erased", b"\xff" * 32), ("order-2", (2**255 - 20).to_bytes(32, "little"))):
        yield _altered(f"key-{name}", f"the key is {key[:2].hex()}...{key[-2:].hex()}", Reason.KEY, public_key=key, signature=every_message)
    yield _altered(
        "key-neutral", "the neutral point as the key: its signature verifies for every message", Reason.KEY, public_key=IDENTITY_POINT, signature=every_message
    )


def _signatures() -> Iterator[HostileImage]:
    constants = (("zero", bytes(64)), ("erased", b"\xff" * 64), ("neutral", IDENTITY_POINT + bytes(32)))
    for name, signature in constants:
        yield _altered(f"signature-{name}", f"the signature is {signature[:2].hex()}...{signature[-2:].hex()}", Reason.SIGNATURE, signature=signature)
    made: tuple[tuple[str, str, Callable[[Workshop], bytes]], ...] = (
        ("foreign", "the trusted key is named, another one signed", lambda s: s.altered(signature=s.stranger.sign(s.good.signed_bytes))),
        ("of-installed", "the signature is that of the installed image", lambda s: s.altered(signature=s.installed.header.signature)),
        ("malleable", "S + L in place of S: the same signature for a check that does not bound S", lambda s: s.altered(signature=_malleable(s))),
        ("halves-swapped", "R and S are swapped", lambda s: s.altered(signature=s.signature_with(r=s.header.signature[32:], s=s.header.signature[:32]))),
        ("r-of-other", "R is that of the installed image", lambda s: s.altered(signature=s.signature_with(r=s.installed.header.signature[:32]))),
        ("s-of-other", "S is that of the installed image", lambda s: s.altered(signature=s.signature_with(s=s.installed.header.signature[32:]))),
        ("s-zero", "S is 0", lambda s: s.altered(signature=s.signature_with(s=bytes(32)))),
        ("of-code", "the key signed the code without its header", lambda s: s.altered(signature=s.key.sign(s.good.code))),
        ("of-header", "the key signed the header without its code", lambda s: s.altered(signature=s.key.sign(s.good.signed_bytes[:80]))),
        ("doubled", "a stranger's signature, and the good one behind the code", lambda s: _doubled(s)),
    )
    for name, title, forge in made:
        yield HostileImage(f"signature-{name}", title, Reason.SIGNATURE, forge)
    altered: tuple[tuple[str, str, Callable[[Workshop], bytes]], ...] = (
        ("version-raised", "the installed image with its version raised after signing", lambda s: _raised(s)),
        ("version-greatest", "the version was set to the greatest after signing", lambda s: s.altered(version=2**64 - 1)),
        ("hardware-any", "the board was set to any after signing", lambda s: s.altered(hardware_revision=0)),
        ("code-first", "the first code byte was changed after signing, the CRC made right", lambda s: s.altered(s.code_with(0, b"\xa5\x5a"))),
        (
            "code-middle",
            "code was changed after signing, the CRC made right",
            lambda s: s.altered(s.code_with(len(s.good.code) // 2, b"\xa5\x5a")),
        ),
        ("code-last", "the last code byte was changed after signing, the CRC made right", lambda s: s.altered(s.code_with(-1, _other(s.good.code[-1])))),
        ("code-of-installed", "the installed image's code under the good header, the CRC made right", lambda s: s.altered(s.installed.code)),
        ("code-shorter", "the last byte was dropped after signing, sizes and CRC made right", lambda s: s.altered(s.good.code[:-1])),
        ("grown-corrected", "trailing bytes, counted by both sizes, the CRC made right", lambda s: s.altered(s.good.code + bytes(64))),
        ("entry-moved", "a second vector table was planted after signing", lambda s: _second_table(s)),
    )
    for name, title, forge in altered:
        yield HostileImage(name, title, Reason.SIGNATURE, forge)


def _malleable(shop: Workshop) -> bytes:
    s = int.from_bytes(shop.header.signature[32:], "little") + GROUP_ORDER
    return shop.signature_with(s=s.to_bytes(32, "little"))


def _doubled(shop: Workshop) -> bytes:
    return shop.altered(shop.good.code + shop.header.signature, signature=shop.stranger.sign(shop.good.signed_bytes))


def _raised(shop: Workshop) -> bytes:
    header = shop.installed.header
    return shop.altered(shop.installed.code, version=shop.header.version, signature=header.signature, entry_offset=header.entry_offset)


def _second_table(shop: Workshop) -> bytes:
    entry = shop.header.entry_offset
    moved = entry + VECTOR_TABLE_ALIGNMENT_BYTES
    return shop.altered(shop.code_with(moved, shop.good.code[entry : entry + VECTOR_TABLE_HEAD_BYTES]), entry_offset=moved)


_FIELDS = (
    ("magic", 0, 4, Reason.MAGIC),
    ("format", 4, 2, Reason.FORMAT),
    ("total", 6, 4, Reason.SIZE),
    ("code-size", 10, 4, Reason.SIZE),
    ("entry", 14, 4, Reason.ENTRY),
    ("flags", 18, 4, Reason.FLAGS),
    ("version", 22, 8, Reason.SIGNATURE),
    ("hardware", 30, 4, Reason.HARDWARE),
    ("crc", 34, 4, Reason.CRC),
    ("reserved", 38, 10, Reason.RESERVED),
    ("key", 48, 32, Reason.KEY),
    ("signature", 80, 64, Reason.SIGNATURE),
)
"""Name, offset, bytes, and why the good image is refused once bits of that field are wrong."""


def _truncated() -> Iterator[HostileImage]:
    """Yield the good image cut off behind each field: what should follow reads erased."""
    reasons = {"magic": Reason.FORMAT, "format": Reason.FLAGS, "total": Reason.FLAGS, "code-size": Reason.FLAGS, "entry": Reason.FLAGS}
    for name, offset, size, _ in _FIELDS:
        reason = reasons.get(name, Reason.ENTRY)  # without its code the image has an erased vector table
        yield _made(f"truncated-after-{name}", f"the slot is erased behind the field {name}", reason, lambda s, end=offset + size: s.truncated(end))
    yield _made("truncated-in-magic", "the slot is erased behind two bytes of the magic", Reason.MAGIC, lambda s: s.truncated(2))
    for pages in (1, 2, 4):
        yield _made(f"truncated-at-{pages}-kib", "the download stopped at a page", Reason.CRC, lambda s, end=1024 * pages: s.truncated(end))
    yield _made("truncated-last-byte", "the last byte never arrived", Reason.CRC, lambda s: _without_last(s))


def _without_last(shop: Workshop) -> bytes:
    """The last byte reads erased: the good one must not be 0xFF itself."""
    return shop.truncated(HEADER_BYTES + len(shop.good.code.rstrip(b"\xff")) - 1)


def _flipped() -> Iterator[HostileImage]:
    """Yield the good image with a low and the highest bit of each field flipped, and bits of the code."""
    for name, offset, size, reason in _FIELDS:
        low = offset + (name in ("version", "hardware"))  # a version that is one less, and a board of 0, are other cases
        for end, at, bit in (("low", low, 0), ("high", offset + size - 1, 7)):
            yield _made(f"flipped-{name}-{end}", f"bit {bit} of byte {at - offset} of {name} is flipped", reason, lambda s, a=at, b=bit: s.flipped(a, b))
    draw = random.Random("flipped code bits")
    for number in range(4):
        place, bit = draw.random(), draw.randrange(8)
        yield _made(f"flipped-code-{number}", "one bit of the code is flipped", Reason.CRC, lambda s, p=place, b=bit: _flipped_code(s, p, b))


def _flipped_code(shop: Workshop, place: float, bit: int) -> bytes:
    behind_table = HEADER_BYTES + shop.header.entry_offset + VECTOR_TABLE_HEAD_BYTES
    return shop.flipped(behind_table + int(place * (shop.header.total_bytes - behind_table)), bit)


def _sealed(name: str, title: str, reason: Reason, **fields: int | bytes) -> HostileImage:
    return HostileImage(name, title, reason, lambda shop: shop.sealed(**fields))  # type: ignore[arg-type] # `fields` names no other parameter


def _altered(name: str, title: str, reason: Reason, **fields: int | bytes) -> HostileImage:
    return HostileImage(name, title, reason, lambda shop: shop.altered(**fields))  # type: ignore[arg-type] # `fields` names no other parameter


def _made(name: str, title: str, reason: Reason, forge: Callable[..., bytes]) -> HostileImage:
    return HostileImage(name, title, reason, forge)


def _last_bit_flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _other(byte: int) -> bytes:
    return bytes([byte ^ 0xFF])
