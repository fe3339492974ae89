"""Forged and malformed patches, by name: each with the one reason for which the bootloader must refuse it (SPEC, "Hostile images")."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from harness.image.delta.payload import PATCH_HEADER_BYTES, Coding, patch_digest
from harness.image.delta.varint import encode_varint, zigzag
from harness.image.forgery import PatchWorkshop
from harness.image.hostile_header import GREATEST_U32, HostileImage, bindings, flipped, forms, keys, made, sealed, signatures, sizes, slots, truncated
from harness.image.keys import PUBLIC_KEY_BYTES, PrivateKey
from harness.image.log import VALUE_END
from harness.image.patch import PATCH_FLAGS, ROTATION_FLAGS
from harness.image.refusal import RefusalReason as Reason
from harness.image.spk import HEADER_BYTES, SpkHeader, seal

_BEHIND = {"magic": Reason.FORMAT, "format": Reason.FLAGS, "total": Reason.FLAGS, "code-size": Reason.FLAGS, "entry": Reason.FLAGS}
_BEHIND_RESERVED = {"reserved": Reason.CRC, "key": Reason.CRC, "signature": Reason.CRC}
_GREATEST_STEPS = 2**16 - 1
PATCH_ROLLBACK = "version-before"
"""The patch in the table that leads back to the installed version."""


def hostile_patches() -> tuple[HostileImage, ...]:
    """Return the table, in the order of the checks."""
    cut_off = truncated(_BEHIND | _BEHIND_RESERVED, Reason.RESERVED, pages=())
    header = (*slots(), *forms(PATCH_FLAGS), *sizes(), *_entries(), *bindings(), *_versions(), *keys(), *signatures(), *cut_off)
    return (
        *header,
        *flipped(lambda _: HEADER_BYTES),
        *_fields(),
        *_rotations(),
        *_cut_short(),
        *_pages(),
        *_numbers(),
        *_copies(),
        *_inserts(),
        *_endless(),
        *_bases(),
        *_targets(),
    )


def _entries() -> Iterator[HostileImage]:
    for name, entry in (("one", 1), ("of-application", 0x170), ("greatest", GREATEST_U32)):
        yield sealed(f"entry-{name}", f"properly signed, entry offset {entry:#x}: a patch has none", Reason.ENTRY, entry_offset=entry)
    yield made("sizes-past-slot", "sizes agree, and are more than the slot holds", Reason.SIZE, lambda s: _past_slot(s))


def _past_slot(shop: PatchWorkshop) -> bytes:
    return shop.sealed(total_bytes=shop.slot_bytes + 1, code_bytes=shop.slot_bytes + 1 - HEADER_BYTES)


def _versions() -> Iterator[HostileImage]:
    yield made(PATCH_ROLLBACK, "a properly signed patch back to the installed version", Reason.VERSION, lambda s: s.back)
    for name, version in (("past-48-bits", VALUE_END), ("past-64-bits-almost", 2**64 - 1)):
        title = "properly signed, a version that the counter has no place for"
        yield made(f"version-{name}", title, Reason.VERSION, lambda s, v=version: s.patch(version=v, target_version=v))


def _fields() -> Iterator[HostileImage]:
    """Yield patches whose own header does not hold."""
    rows: tuple[tuple[str, str, dict[str, int | bytes]], ...] = (
        ("base-size-zero", "the base has no byte", {"base_bytes": 0}),
        ("base-size-greatest", "the base is larger than any region", {"base_bytes": GREATEST_U32}),
        ("target-size-zero", "the target has no byte", {"target_bytes": 0}),
        ("target-size-greatest", "the target is larger than any region", {"target_bytes": GREATEST_U32}),
        ("page-size-zero", "pages of no byte", {"page_bytes": 0}),
        ("page-size-one", "pages of one byte", {"page_bytes": 1}),
        ("page-size-greatest", "pages of 65,535 bytes", {"page_bytes": 2**16 - 1}),
        ("coding-unknown", "a coding of the steps that there is not", {"coding": 2}),
        ("coding-greatest", "the greatest coding", {"coding": 255}),
        ("reserved-behind-coding", "the reserved byte behind the coding is set", {"reserved_1": b"\x01"}),
        ("reserved-low", "the low reserved byte behind the steps is set", {"reserved_2": b"\x80\x00"}),
        ("reserved-high", "the high reserved byte behind the steps is set", {"reserved_2": b"\x00\x01"}),
        ("steps-greatest", "65,535 steps are told of", {"steps": _GREATEST_STEPS}),
        ("steps-none-told", "no step is told of, and some follow", {"steps": 0}),
    )
    for name, title, fields in rows:
        yield made(f"patch-{name}", title, Reason.PATCH, lambda s, f=fields: s.patch(**f))
    yield made("patch-page-size-other-part", "pages of another part", Reason.PATCH, lambda s: s.patch(page_bytes=1024 if s.page_bytes != 1024 else 4096))
    for name, more in (("base", "base_bytes"), ("target", "target_bytes")):
        title = f"the {name} is one byte larger than the application region"
        yield made(f"patch-{name}-size-past-region", title, Reason.PATCH, lambda s, f=more: s.patch(**{f: s.placement.capacity_bytes + 1}))
    yield made("patch-steps-one-more", "one step more is told of than there is", Reason.PATCH, lambda s: s.patch(steps=s.told.steps + 1))
    yield made("patch-steps-one-less", "one step less is told of than there is", Reason.PATCH, lambda s: s.patch(steps=s.told.steps - 1))
    yield made("patch-version-inside", "another version inside than outside", Reason.PATCH, lambda s: s.patch(target_version=s.told.target_version + 1))


def _rotations() -> Iterator[HostileImage]:
    """Yield patches that would give the device another key."""
    foreign = "a stranger's patch that brings his key"
    yield made("rotation-foreign", foreign, Reason.KEY, lambda s: _rotation(s, s.stranger.public_key.raw, key=s.stranger))
    flag = "the flag of a new key was set after signing"
    yield made("rotation-flag-set", flag, Reason.SIGNATURE, lambda s: s.altered(flags=int(ROTATION_FLAGS)))
    put = "a stranger's key was put behind a patch after signing, flag, sizes and CRC made right"
    yield made("rotation-added", put, Reason.SIGNATURE, lambda s: s.altered(_with_key(s, s.stranger.public_key.raw), flags=int(ROTATION_FLAGS)))
    swapped = "the new key was replaced after signing, the CRC made right"
    yield made("rotation-swapped", swapped, Reason.SIGNATURE, lambda s: _swapped_key(s))
    off = "the flag was cleared after signing"
    yield made("rotation-flag-cleared", off, Reason.SIGNATURE, lambda s: _flag_cleared(s))
    for name, key in (("erased", b"\xff" * PUBLIC_KEY_BYTES), ("zero", bytes(PUBLIC_KEY_BYTES))):
        yield made(f"rotation-to-{name}", f"properly signed, all bytes of the new key are 0x{key[0]:02X}", Reason.NEW_KEY, lambda s, k=key: _rotation(s, k))
    same = "properly signed, the new key is the trusted one"
    yield made("rotation-to-same", same, Reason.NEW_KEY, lambda s: _rotation(s, s.key.public_key.raw))
    for size in (1, PUBLIC_KEY_BYTES - 1):
        title = f"properly signed, the patch is {size} bytes long, less than a key"
        yield made(f"rotation-of-{size}", title, Reason.NEW_KEY, lambda s, n=size: s.sealed(s.good.code[:n], flags=int(ROTATION_FLAGS)))
    alone = "properly signed, a new key and no patch before it"
    yield made("rotation-alone", alone, Reason.PATCH, lambda s: s.sealed(s.stranger.public_key.raw, flags=int(ROTATION_FLAGS)))
    missing = "properly signed, the flag is set and the patch's last bytes stand where the key belongs"
    yield made("rotation-without-key", missing, Reason.PATCH, lambda s: s.sealed(flags=int(ROTATION_FLAGS)))
    unsaid = "properly signed, a key follows the patch and the flag is not set"
    yield made("rotation-without-flag", unsaid, Reason.PATCH, lambda s: s.sealed(_with_key(s, s.stranger.public_key.raw)))


def _with_key(shop: PatchWorkshop, new_key: bytes) -> bytes:
    return shop.good.code + new_key


def _rotation(shop: PatchWorkshop, new_key: bytes, key: PrivateKey | None = None) -> bytes:
    return shop.sealed(_with_key(shop, new_key), key, flags=int(ROTATION_FLAGS))


def _swapped_key(shop: PatchWorkshop) -> bytes:
    signed = SpkHeader.from_bytes(_rotation(shop, shop.stranger.public_key.raw))
    other = bytes([shop.stranger.public_key.raw[0] ^ 1]) + shop.stranger.public_key.raw[1:]
    return shop.altered(_with_key(shop, other), flags=int(ROTATION_FLAGS), signature=signed.signature)


def _flag_cleared(shop: PatchWorkshop) -> bytes:
    signed = SpkHeader.from_bytes(_rotation(shop, shop.stranger.public_key.raw))
    return shop.altered(_with_key(shop, shop.stranger.public_key.raw), signature=signed.signature)


def _cut_short() -> Iterator[HostileImage]:
    """Yield patches that were signed although their end is missing."""
    boundaries = (("first-byte", 1), ("base-digest", 32), ("target-digest", 64), ("base-version", 72), ("target-version", 80), ("base-size", 84))
    rest = (("target-size", 88), ("page-size", 90), ("coding", 91), ("reserved", 92), ("steps", 94), ("last-header-byte", 95), ("header", 96))
    for name, size in (*boundaries, *rest):
        yield made(f"signed-up-to-{name}", f"properly signed, the patch ends at byte {size}", Reason.PATCH, lambda s, n=size: s.sealed(s.good.code[:n]))
    yield made("signed-up-to-first-number", "properly signed, the patch ends inside its first step", Reason.PATCH, lambda s: s.sealed(s.good.code[:98]))
    yield made("signed-without-last-byte", "properly signed, the last byte is missing", Reason.PATCH, lambda s: s.sealed(s.good.code[:-1]))
    yield made("signed-with-more", "properly signed, bytes follow the last step", Reason.PATCH, lambda s: s.sealed(s.good.code + b"\xff\xff\xff"))


def _pages() -> Iterator[HostileImage]:
    yield made("page-behind-target", "the page behind the target's last", Reason.PATCH, lambda s: _one_page(s, s.told.target_pages))
    region_end = "the page behind the application region"
    yield made("page-behind-region", region_end, Reason.PATCH, lambda s: _one_page(s, s.placement.capacity_bytes // s.page_bytes))
    yield made("page-greatest", "the greatest page number", Reason.PATCH, lambda s: _one_page(s, GREATEST_U32))
    yield made("page-wraps", "a page whose address wraps to the region's first", Reason.PATCH, lambda s: _one_page(s, 2**32 // s.page_bytes))
    yield made("page-repeated", "a page is built twice", Reason.PATCH, lambda s: s.raw(_page(s, 0) + _page(s, 0), steps=2))


def _one_page(shop: PatchWorkshop, number: int) -> bytes:
    return shop.raw(encode_varint(number) + _copy(shop.page_bytes, 0))


def _numbers() -> Iterator[HostileImage]:
    rows = (
        ("two-bytes-for-zero", b"\x80\x00", "0 in two bytes"),
        ("five-bytes-for-one", b"\x81\x80\x80\x80\x00", "1 in five bytes"),
        ("past-32-bits", b"\xff\xff\xff\xff\x1f", "more than 32 bits"),
        ("six-bytes", b"\x80\x80\x80\x80\x80\x01", "six bytes"),
        ("endless", b"\x80" * 64, "a number without an end"),
    )
    for name, number, title in rows:
        yield made(f"number-{name}", title, Reason.PATCH, lambda s, n=number: s.raw(n + _copy(s.page_bytes, 0)))
    yield made("number-long-length", "a length that is not in its shortest form", Reason.PATCH, lambda s: s.raw(b"\x00" + b"\x82\x00" + encode_varint(0)))


def _copies() -> Iterator[HostileImage]:
    yield made("copy-of-nothing", "a COPY of no byte", Reason.PATCH, lambda s: s.raw(b"\x00" + _copy(0, 0) + _copy(s.page_bytes, 0)))
    yield made("copy-past-page", "a COPY of one byte more than the page lacks", Reason.PATCH, lambda s: s.raw(b"\x00" + _copy(s.page_bytes + 1, 0)))
    yield made("copy-greatest", "the longest COPY", Reason.PATCH, lambda s: s.raw(b"\x00" + _copy(2**31 - 1, 0)))
    for name, title, shift in (("one-before-region", "begins one byte before the region", -1), ("far-before-region", "begins 2 GiB before it", -(2**31))):
        yield made(f"copy-{name}", f"a COPY that {title}", Reason.PATCH, lambda s, c=shift: s.raw(b"\x00" + _copy(s.page_bytes, c)))
    for name, title, beyond in (("one-past-region", "ends one byte behind the region", 1), ("at-region-end", "begins where the region ends", 0)):
        yield made(f"copy-{name}", f"a COPY that {title}", Reason.PATCH, lambda s, b=beyond: s.raw(b"\x00" + _copy(s.page_bytes, _last_shift(s, b))))
    yield made("copy-far-past-region", "a COPY that begins 2 GiB behind it", Reason.PATCH, lambda s: s.raw(b"\x00" + _copy(s.page_bytes, 2**31 - 1)))
    yield made("copy-shifts-add-up", "two COPYs whose shifts lead out of the region only together", Reason.PATCH, lambda s: _two_shifts(s))


def _last_shift(shop: PatchWorkshop, beyond: int) -> int:
    end = shop.placement.capacity_bytes
    return end - shop.page_bytes + beyond if beyond else end


def _two_shifts(shop: PatchWorkshop) -> bytes:
    half, first = shop.page_bytes // 2, shop.told.base_bytes // 2
    return shop.raw(b"\x00" + _copy(half, first) + _copy(half, _last_shift(shop, 1) - first))


def _inserts() -> Iterator[HostileImage]:
    yield made("insert-of-nothing", "an INSERT of no byte", Reason.PATCH, lambda s: s.raw(b"\x00" + _insert(b"", 0) + _copy(s.page_bytes, 0)))
    past_page = "an INSERT of one byte more than the page lacks"
    yield made("insert-past-page", past_page, Reason.PATCH, lambda s: s.raw(b"\x00" + _insert(bytes(s.page_bytes + 1), s.page_bytes + 1)))
    yield made("insert-greatest", "the longest INSERT", Reason.PATCH, lambda s: s.raw(b"\x00" + _insert(bytes(64), 2**31 - 1)))
    yield made("insert-past-patch", "an INSERT that ends behind the patch", Reason.PATCH, lambda s: s.raw(b"\x00" + _insert(bytes(16), s.page_bytes)))
    yield made("insert-past-target", "an INSERT that ends behind the target", Reason.PATCH, lambda s: _behind_target(s))


def _behind_target(shop: PatchWorkshop) -> bytes:
    last = shop.told.target_pages - 1
    length = shop.told.content_bytes(last) + 1
    return shop.raw(encode_varint(last) + _copy(length - 2, 0) + _insert(b"\xa5\xa5", 2))


def _endless() -> Iterator[HostileImage]:
    """Yield patches that would make more and more of a few bytes."""
    title = "65,535 steps: all pages, and then the first again"
    yield made("endless-steps", title, Reason.PATCH, lambda s: s.raw(b"".join(_page(s, n) for n in (*range(s.told.target_pages), 0)), steps=_GREATEST_STEPS))
    stream = "a stream that goes on and on behind its last step"
    yield made("endless-stream", stream, Reason.PATCH, lambda s: s.compressed(_page(s, 0) + bytes(16 * s.page_bytes), steps=1))
    inserts = "a stream of which every page is an INSERT of zeros"
    yield made("endless-inserts", inserts, Reason.PATCH, lambda s: s.compressed(_zeros(s) * 8, steps=_GREATEST_STEPS))
    whole = "a slot of nothing but copies of the stream's window"
    yield made("endless-window", whole, Reason.PATCH, lambda s: s.body(_copies_of_window(s), steps=_GREATEST_STEPS, coding=Coding.HEATSHRINK))


def _zeros(shop: PatchWorkshop) -> bytes:
    return b"\x00" + _insert(bytes(shop.page_bytes), shop.page_bytes)


def _copies_of_window(shop: PatchWorkshop) -> bytes:
    """The stream 0 00000000 1111, again and again: sixteen bytes from one byte back, for thirteen bits."""
    size = shop.slot_bytes - HEADER_BYTES - PATCH_HEADER_BYTES
    bits = "0000000001111" * (size * 8 // 13)
    return int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")


def _bases() -> Iterator[HostileImage]:
    for name, bit in (("first", 0), ("last", 255)):
        title = f"the base digest differs in its {name} bit"
        yield made(f"base-digest-{name}-bit", title, Reason.BASE, lambda s, b=bit: s.patch(base_digest=_with_bit(s.told.base_digest, b)))
    yield made("base-digest-zero", "the base digest is 0", Reason.BASE, lambda s: s.patch(base_digest=bytes(32)))
    for field, name in (("base_version", "version"), ("base_bytes", "size")):
        for word, change in (("less", -1), ("more", 1)):
            title = f"the base {name} is off by one"
            yield made(f"base-{name}-one-{word}", title, Reason.BASE, lambda s, f=field, c=change: s.patch(**{f: getattr(s.told, f) + c}))
    yield made("base-is-target", "the patch is for what it makes", Reason.BASE, lambda s: _for_target(s))


def _for_target(shop: PatchWorkshop) -> bytes:
    told = shop.told
    return shop.patch(base_digest=told.target_digest, base_version=told.target_version, base_bytes=told.target_bytes)


def _targets() -> Iterator[HostileImage]:
    yield made("target-without-steps", "no steps: the base would have to be the target", Reason.TARGET, lambda s: s.body(b"", steps=0))
    for name, bit in (("first", 0), ("last", 255)):
        title = f"the target digest differs in its {name} bit: seen when all is rebuilt, and nothing starts"
        entry = made(f"target-digest-{name}-bit", title, Reason.TARGET, lambda s, b=bit: s.patch(target_digest=_with_bit(s.told.target_digest, b)))
        yield dataclasses.replace(entry, stops=True)
    title = "the steps make one byte otherwise than the digest says: seen when all is rebuilt, and nothing starts"
    yield dataclasses.replace(made("target-other-byte", title, Reason.TARGET, lambda s: _other_byte(s)), stops=True)
    title = "the new key did not sign what the patch makes: seen when all is rebuilt, and nothing starts"
    yield dataclasses.replace(made("rotation-of-old-target", title, Reason.TARGET, lambda s: _rotation(s, s.stranger.public_key.raw)), stops=True)
    for name, what, forge in (
        ("of-stranger", "a stranger signed", lambda s: _made_by(s, s.stranger)),
        ("of-older-version", "is older than the installed one", lambda s: _made_by(s, s.key, version=s.installed.header.version - 1)),
        ("for-another-board", "is for another board", lambda s: _made_by(s, s.key, hardware_revision=s.hardware_revision + 1)),
        ("unsigned", "says that it is unsigned", lambda s: _made_by(s, s.key, flags=0)),
    ):
        title = f"what the patch makes, as it says, {what}: seen when all is rebuilt, and nothing starts"
        yield dataclasses.replace(made(f"target-{name}", title, Reason.TARGET, forge), stops=True)


def _made_by(shop: PatchWorkshop, key: PrivateKey, *, version: int | None = None, **header: int) -> bytes:
    """A patch that makes the installed image with another header, and names just that as its target."""
    version = shop.told.target_version if version is None else version
    fields = dataclasses.replace(shop.installed.header, version=version, **header)  # type: ignore[arg-type] # names and types are those of the header's fields
    target = seal(fields, shop.installed.code, key)
    steps = b"\x00" + _insert(target[:HEADER_BYTES], HEADER_BYTES) + _copy(shop.page_bytes - HEADER_BYTES, 0)
    return shop.body(steps, target_digest=patch_digest(target), target_bytes=len(target), steps=1, coding=Coding.RAW)


def _other_byte(shop: PatchWorkshop) -> bytes:
    """One page of the base with its last byte inverted, and no other step."""
    last = shop.installed.to_bytes()[shop.page_bytes - 1]
    return shop.raw(b"\x00" + _copy(shop.page_bytes - 1, 0) + _insert(bytes([last ^ 0xFF]), 1))


def _page(shop: PatchWorkshop, number: int) -> bytes:
    """A step that copies a page of the target from where it is, at the shift of the page before."""
    return encode_varint(number) + _copy(shop.told.content_bytes(number), 0)


def _copy(length: int, shift_change: int) -> bytes:
    return encode_varint(length << 1) + encode_varint(zigzag(shift_change))


def _insert(data: bytes, length: int) -> bytes:
    return encode_varint(length << 1 | 1) + data


def _with_bit(digest: bytes, bit: int) -> bytes:
    changed = bytearray(digest)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
