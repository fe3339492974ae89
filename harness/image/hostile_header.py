"""What is wrong with a header, by name, whatever it stands before: an application or a patch (SPEC, "Hostile images")."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness.image.forgery import GROUP_ORDER, IDENTITY_POINT, Workshop
from harness.image.refusal import RefusalReason as Reason
from harness.image.spk import FORMAT_VERSION, HEADER_BYTES, Flags

GREATEST_U32 = 2**32 - 1


@dataclass(frozen=True, slots=True)
class HostileImage:
    """One entry of a table.

    Attributes:
        name: of the case that stages it. title: what is wrong, for people. reason: the first check that it fails.
        forge: makes what the slot holds; the rest of the slot stays erased.
        stops: nobody can tell before it was applied: the trusted key signed a patch that makes another image than it says. What it makes is never started.
    """

    name: str
    title: str
    reason: Reason
    forge: Callable[..., bytes]
    stops: bool = False


def slots() -> Iterator[HostileImage]:
    """Yield what a slot may hold that is no image at all."""
    yield HostileImage("slot-zeros", "the slot is full of 0x00", Reason.MAGIC, lambda shop: bytes(shop.slot_bytes))
    yield HostileImage("slot-erased", "the slot is full of 0xFF", Reason.MAGIC, lambda _: b"")
    yield HostileImage("slot-noise", "the slot is full of noise", Reason.MAGIC, lambda shop: random.Random("noise").randbytes(shop.slot_bytes))
    yield HostileImage("slot-shifted", "a good image begins one byte late", Reason.MAGIC, lambda shop: b"\xff" + shop.good.to_bytes())
    yield HostileImage("slot-text", "the slot holds text", Reason.MAGIC, lambda shop: (b"404 Not Found\r\n" * shop.slot_bytes)[: shop.slot_bytes])


def forms(good: Flags) -> Iterator[HostileImage]:
    """Yield other magics, formats and flags than the good ones."""
    for name, magic in (("zero", bytes(4)), ("erased", b"\xff" * 4), ("of-format-1", b"SPK\x01"), ("in-lower-case", b"spk\x02"), ("reversed", b"\x02KPS")):
        yield sealed(f"magic-{name}", f"properly signed, the magic is {magic.hex(' ')}", Reason.MAGIC, magic=magic)
    for number in (0, FORMAT_VERSION - 1, FORMAT_VERSION + 1, FORMAT_VERSION << 8, 2**16 - 1):
        yield sealed(f"format-{number}", f"properly signed, format version {number}", Reason.FORMAT, format_version=number)
    for name, flags in (
        ("unsigned", 0),
        ("image", Flags.SIGNED),
        ("compressed", Flags.SIGNED | Flags.COMPRESSED),
        ("delta", Flags.SIGNED | Flags.DELTA),
        ("unsigned-delta", int(Flags.DELTA)),
        ("delta-and-compressed", Flags.SIGNED | Flags.DELTA | Flags.COMPRESSED),
        ("module", Flags.SIGNED | Flags.MODULE),
        ("module-and-delta", Flags.SIGNED | Flags.MODULE | Flags.DELTA),
        ("rotates-key", Flags.SIGNED | Flags.ROTATES_KEY),
        ("module-rotates-key", Flags.SIGNED | Flags.MODULE | Flags.ROTATES_KEY),
        ("delta-rotates-key-compressed", Flags.SIGNED | Flags.DELTA | Flags.ROTATES_KEY | Flags.COMPRESSED),
        ("unknown-low", Flags.SIGNED | 1 << 5),
        ("unknown-high", Flags.SIGNED | 1 << 31),
        ("unknown-byte", Flags.SIGNED | 1 << 8),
        ("all", GREATEST_U32),
    ):
        if flags != good:
            yield sealed(f"flags-{name}", f"properly signed, flags {int(flags):#x}", Reason.FLAGS, flags=int(flags))
    yield HostileImage("unsigned", "flags say unsigned, key and signature are zero", Reason.FLAGS, lambda shop: _unsigned(shop))


def _unsigned(shop: Workshop) -> bytes:
    return shop.altered(flags=0, public_key=bytes(32), signature=bytes(64))


def sizes() -> Iterator[HostileImage]:
    """Yield sizes that do not agree, or do not fit."""
    for name, total in (("zero", 0), ("of-header", HEADER_BYTES), ("greatest", GREATEST_U32)):
        yield sealed(f"total-{name}", f"properly signed, total size {total}", Reason.SIZE, total_bytes=total)
    for name, code in (("zero", 0), ("greatest", GREATEST_U32), ("sign-bit", 2**31)):
        yield sealed(f"code-{name}", f"properly signed, code size {code}", Reason.SIZE, code_bytes=code)
    for name, change in (("one-less", -1), ("one-more", 1)):
        yield made(f"total-{name}", "properly signed, off by one", Reason.SIZE, lambda s, c=change: s.sealed(total_bytes=s.header.total_bytes + c))
    yield made("total-without-header", "the total counts the code alone", Reason.SIZE, lambda s: s.sealed(total_bytes=s.header.code_bytes))
    yield made("sizes-none", "header only, no code", Reason.SIZE, lambda s: s.sealed(b""))
    yield made("sizes-wrap", "the sum of header and code wraps to the good total", Reason.SIZE, lambda s: _wrapping(s))
    for name, more in (("one-past-region", 1), ("page-past-region", 4096)):
        yield made(f"sizes-{name}", "sizes agree, and are more than the application region holds", Reason.SIZE, lambda s, m=more: _larger(s, m))
    yield made("grown-total", "trailing bytes in the total alone", Reason.SIZE, lambda s: s.altered(total_bytes=s.header.total_bytes + 64) + bytes(64))


def _wrapping(shop: Workshop) -> bytes:
    return shop.sealed(total_bytes=HEADER_BYTES - 1, code_bytes=GREATEST_U32)


def _larger(shop: Workshop, more: int) -> bytes:
    total = shop.placement.capacity_bytes + more
    return shop.sealed(total_bytes=total, code_bytes=total - HEADER_BYTES)


def bindings() -> Iterator[HostileImage]:
    """Yield images for another board, of an old version, with reserved bytes or a wrong CRC."""
    for name, reserved in (("first", b"\x01" + bytes(9)), ("last", bytes(9) + b"\x80"), ("erased", b"\xff" * 10)):
        yield sealed(f"reserved-{name}", f"properly signed, reserved bytes {reserved.hex()}", Reason.RESERVED, reserved=reserved)
    boards: tuple[tuple[str, Callable[[int], int]], ...] = (
        ("later", lambda board: board + 1),
        ("earlier", lambda board: board - 1 if board > 1 else board + 2),  # 0 would be any board
        ("greatest", lambda _: GREATEST_U32),
        ("same-low-byte", lambda board: board + 0x100),
        ("same-low-half", lambda board: board + 0x10000),
    )
    for name, board in boards:
        yield made(
            f"hardware-{name}", "properly signed for another board", Reason.HARDWARE, lambda s, f=board: s.sealed(hardware_revision=f(s.hardware_revision))
        )
    yield sealed("version-zero", "properly signed, older than the counter", Reason.VERSION, version=0)
    yield made("version-same", "properly signed, the installed version", Reason.VERSION, lambda s: s.sealed(version=s.installed.header.version))
    for name, crc in (("zero", 0), ("greatest", GREATEST_U32)):
        yield sealed(f"crc-{name}", "properly signed, the CRC is a constant", Reason.CRC, code_crc32=crc)
    yield made("crc-one-bit", "properly signed, the CRC is wrong by one bit", Reason.CRC, lambda s: s.sealed(code_crc32=s.header.code_crc32 ^ 1))
    yield made("grown-sizes", "trailing bytes, counted by both sizes", Reason.CRC, lambda s: _grown_uncorrected(s))


def _grown_uncorrected(shop: Workshop) -> bytes:
    return shop.altered(shop.good.code + bytes(64), code_crc32=shop.header.code_crc32)


def keys() -> Iterator[HostileImage]:
    """Yield images that name another key than the trusted one."""
    every_message = IDENTITY_POINT + bytes(32)
    yield made("key-foreign", "properly signed with a key that the device does not trust", Reason.KEY, lambda s: s.sealed(key=s.stranger))
    yield made("key-one-bit", "the trusted key, but for one bit", Reason.KEY, lambda s: s.altered(public_key=_last_bit_flipped(s.header.public_key)))
    for name, key in (("order-4", bytes(32)), ("erased", b"\xff" * 32), ("order-2", (2**255 - 20).to_bytes(32, "little"))):
        yield altered(f"key-{name}", f"the key is {key[:2].hex()}...{key[-2:].hex()}", Reason.KEY, public_key=key, signature=every_message)
    yield altered(
        "key-neutral", "the neutral point as the key: its signature verifies for every message", Reason.KEY, public_key=IDENTITY_POINT, signature=every_message
    )


def signatures() -> Iterator[HostileImage]:
    """Yield signatures that are none of what they stand before."""
    constants = (("zero", bytes(64)), ("erased", b"\xff" * 64), ("neutral", IDENTITY_POINT + bytes(32)))
    for name, signature in constants:
        yield altered(f"signature-{name}", f"the signature is {signature[:2].hex()}...{signature[-2:].hex()}", Reason.SIGNATURE, signature=signature)
    of_others: tuple[tuple[str, str, Callable[[Workshop], bytes]], ...] = (
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
    for name, title, forge in of_others:
        yield HostileImage(f"signature-{name}", title, Reason.SIGNATURE, forge)
    after_signing: tuple[tuple[str, str, Callable[[Workshop], bytes]], ...] = (
        ("version-greatest", "the version was set to the greatest after signing", lambda s: s.altered(version=2**64 - 1)),
        ("hardware-any", "the board was set to any after signing", lambda s: s.altered(hardware_revision=0)),
        ("code-first", "the first code byte was changed after signing, the CRC made right", lambda s: s.altered(s.code_with(0, b"\xa5\x5a"))),
        (
            "code-middle",
            "code was changed after signing, the CRC made right",
            lambda s: s.altered(s.code_with(len(s.good.code) // 2, b"\xa5\x5a")),
        ),
        ("code-last", "the last code byte was changed after signing, the CRC made right", lambda s: s.altered(s.code_with(-1, _other(s.good.code[-1])))),
        ("code-shorter", "the last byte was dropped after signing, sizes and CRC made right", lambda s: s.altered(s.good.code[:-1])),
        ("grown-corrected", "trailing bytes, counted by both sizes, the CRC made right", lambda s: s.altered(s.good.code + bytes(64))),
    )
    for name, title, forge in after_signing:
        yield HostileImage(name, title, Reason.SIGNATURE, forge)


def _malleable(shop: Workshop) -> bytes:
    s = int.from_bytes(shop.header.signature[32:], "little") + GROUP_ORDER
    return shop.signature_with(s=s.to_bytes(32, "little"))


def _doubled(shop: Workshop) -> bytes:
    return shop.altered(shop.good.code + shop.header.signature, signature=shop.stranger.sign(shop.good.signed_bytes))


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


def truncated(reason_behind: Mapping[str, Reason], otherwise: Reason, pages: tuple[int, ...]) -> Iterator[HostileImage]:
    """Yield the good image cut off behind each field and after some pages: what should follow reads erased.

    Args:
        reason_behind: why it is refused if it ends behind the field of this name; `otherwise`: behind any other.
        pages: after how many KiB the code is cut off.
    """
    for name, offset, size, _ in _FIELDS:
        reason = reason_behind.get(name, otherwise)
        yield made(f"truncated-after-{name}", f"the slot is erased behind the field {name}", reason, lambda s, end=offset + size: s.truncated(end))
    yield made("truncated-in-magic", "the slot is erased behind two bytes of the magic", Reason.MAGIC, lambda s: s.truncated(2))
    for count in pages:
        yield made(f"truncated-at-{count}-kib", "the download stopped at a page", Reason.CRC, lambda s, end=1024 * count: s.truncated(end))
    yield made("truncated-last-byte", "the last byte never arrived", Reason.CRC, lambda s: _without_last(s))


def _without_last(shop: Workshop) -> bytes:
    """The last byte reads erased: the good one must not be 0xFF itself."""
    return shop.truncated(HEADER_BYTES + len(shop.good.code.rstrip(b"\xff")) - 1)


_FLIPPED_CODE_BITS = 12


def flipped(first_code_byte: Callable[..., int]) -> Iterator[HostileImage]:
    """Yield the good image with a low and the highest bit of each field flipped, and bits of the code from an offset in the image on."""
    for name, offset, size, reason in _FIELDS:
        low = offset + (name in ("version", "hardware"))  # a version that is one less, and a board of 0, are other cases
        for end, at, bit in (("low", low, 0), ("high", offset + size - 1, 7)):
            yield made(f"flipped-{name}-{end}", f"bit {bit} of byte {at - offset} of {name} is flipped", reason, lambda s, a=at, b=bit: s.flipped(a, b))
    draw = random.Random("flipped code bits")
    for number in range(_FLIPPED_CODE_BITS):
        place, bit = draw.random(), draw.randrange(8)
        yield made(f"flipped-code-{number}", "one bit of the code is flipped", Reason.CRC, lambda s, p=place, b=bit: _flipped_code(s, first_code_byte(s), p, b))


def _flipped_code(shop: Workshop, first: int, place: float, bit: int) -> bytes:
    return shop.flipped(first + int(place * (shop.header.total_bytes - first)), bit)


def sealed(name: str, title: str, reason: Reason, **fields: int | bytes) -> HostileImage:
    """Return an entry: the good image with other header fields, properly signed."""
    return HostileImage(name, title, reason, lambda shop: shop.sealed(**fields))


def altered(name: str, title: str, reason: Reason, **fields: int | bytes) -> HostileImage:
    """Return an entry: the good image with other header fields, changed after it was signed."""
    return HostileImage(name, title, reason, lambda shop: shop.altered(**fields))


def made(name: str, title: str, reason: Reason, forge: Callable[..., bytes]) -> HostileImage:
    """Return an entry that a function of the workshop makes."""
    return HostileImage(name, title, reason, forge)


def _last_bit_flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _other(byte: int) -> bytes:
    return bytes([byte ^ 0xFF])
