"""Signed patches: what is signed is accepted, and what is not right is refused with its reason."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import InputError
from harness.image.delta.payload import PatchHeader
from harness.image.delta.planner import plan_patch
from harness.image.keys import PrivateKey, PublicKey
from harness.image.patch import PATCH_FLAGS, ROTATION_FLAGS, new_key_of, seal_patch, sign_patch, verify_patch
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader, SpkImage, parse_image, seal
from tests.image.samples import FOREIGN_KEY, KEY, make_code, make_image, make_sealed

BASE = make_image(make_code(size_bytes=3000), version=7)
TARGET = make_image(make_code(size_bytes=3100), version=8)
PATCH = sign_patch(BASE, TARGET, key=KEY, page_bytes=1024).image
OF_NEXT_KEY = make_image(make_code(size_bytes=3100), version=8, key=FOREIGN_KEY)
ROTATION = sign_patch(BASE, OF_NEXT_KEY, key=KEY, page_bytes=1024, new_key=FOREIGN_KEY.public_key).image
"""Gives the device another key, which signed the target."""
REASON = RefusalReason


def check(patch: bytes, **options: Any) -> bytes:
    """Verify a patch for board revision 3 whose counter is at 7."""
    values: dict[str, Any] = {"base": BASE, "hardware_revision": 3, "minimum_version": 8} | options
    return verify_patch(patch, KEY.public_key, values.pop("base"), **values)


def resealed(change: Callable[[PatchHeader], PatchHeader] = lambda header: header, key: PrivateKey = KEY, **header: Any) -> bytes:
    """Return the patch with its own header or the `.spk` header changed, properly signed again."""
    image = parse_image(PATCH, "sample")
    payload = change(PatchHeader.from_bytes(image.code)).to_bytes() + image.code[96:]
    fields: dict[str, Any] = {"code_crc32": zlib.crc32(payload)} | header
    return seal(dataclasses.replace(image.header, **fields), payload, key)


def forged(image: bytes) -> bytes:
    """Return the image with another signature."""
    return image[: HEADER_BYTES - 1] + bytes([image[HEADER_BYTES - 1] ^ 1]) + image[HEADER_BYTES:]


def made_of(target: bytes) -> bytes:
    """Return a properly signed patch to a target of version 8 that nobody looked at."""
    payload = plan_patch(BASE, target, page_bytes=1024, base_version=7, target_version=8).payload
    return seal_patch(payload, KEY, version=8, hardware_revision=3)


def test_a_signed_patch_makes_the_target() -> None:
    """The image that comes out is the signed target; the patch names its version and board."""
    header = SpkHeader.from_bytes(PATCH)

    assert check(PATCH) == TARGET
    assert (header.flags, header.version, header.hardware_revision) == (PATCH_FLAGS, 8, 3)
    assert len(PATCH) < len(TARGET) / 4


REFUSED: dict[str, tuple[bytes, dict[str, Any], RefusalReason]] = {
    "a whole image": (TARGET, {}, REASON.FLAGS),
    "an unknown flag": (resealed(flags=PATCH_FLAGS | 64), {}, REASON.FLAGS),
    "unsigned": (resealed(flags=Flags.DELTA), {}, REASON.FLAGS),
    "an entry": (resealed(entry_offset=0x170), {}, REASON.ENTRY),
    "one byte more": (PATCH + b"\0", {}, REASON.SIZE),
    "one byte less": (PATCH[:-1], {}, REASON.SIZE),
    "another board": (PATCH, {"hardware_revision": 4}, REASON.HARDWARE),
    "an old version": (PATCH, {"minimum_version": 9}, REASON.VERSION),
    "a changed byte": (PATCH[:-1] + bytes([PATCH[-1] ^ 1]), {}, REASON.CRC),
    "a stranger's": (resealed(key=FOREIGN_KEY), {}, REASON.KEY),
    "the signature of the target": (PATCH[:80] + TARGET[80:HEADER_BYTES] + PATCH[HEADER_BYTES:], {}, REASON.SIGNATURE),
    "another base": (PATCH, {"base": TARGET}, REASON.BASE),
    "another version inside": (resealed(lambda header: dataclasses.replace(header, target_version=9)), {}, REASON.PATCH),
    "a new key without a place": (ROTATION, {"key_places": 0}, REASON.KEY_PLACES),
    "a new key without a place, for another base": (ROTATION, {"key_places": 0, "base": TARGET}, REASON.BASE),
    "a target that no device would start": (made_of(forged(TARGET)), {}, REASON.TARGET),
    "another target": (resealed(lambda header: dataclasses.replace(header, target_digest=bytes(32))), {}, REASON.TARGET),
}


@pytest.mark.parametrize(("patch", "options", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_patch_is_refused_with_its_reason(patch: bytes, options: dict[str, Any], reason: RefusalReason) -> None:
    """Everything around and inside a patch is bound: board, version, key, signature, base and target."""
    with pytest.raises(ImageRefused) as caught:
        check(patch, **options)
    assert caught.value.reason is reason


NOT_SIGNED: dict[str, tuple[dict[str, Any], str]] = {
    "a target that is no newer": ({"base": TARGET, "target": BASE}, "version 7 of the target is not above version 8"),
    "a slot too small": ({"slot_bytes": len(PATCH) - 1}, f"the patch has {len(PATCH)} bytes, the slot {len(PATCH) - 1}"),
    "a region too small": ({"region_bytes": len(TARGET) - 1}, "the application region"),
    "a target of another key": ({"target": OF_NEXT_KEY}, "after the update the device trusts .* or give the device the target's key with --rotate-to"),
    "a target of the old key": ({"new_key": FOREIGN_KEY.public_key}, "after the update the device trusts .*Sign the target with that key"),
    "a target whose signature is none": ({"target": forged(OF_NEXT_KEY), "new_key": FOREIGN_KEY.public_key}, r"target: refused, signature \(11\)"),
    "a target of the same key, whose signature is none": ({"target": forged(TARGET)}, r"target: refused, signature \(11\).*never start again"),
    "a target with a damaged byte": ({"target": TARGET[:-1] + b"\0"}, r"target: refused, crc \(9\)"),
    "a target with an unknown flag": ({"target": make_sealed(version=8, flags=Flags.SIGNED | 32)}, r"target: refused, flags \(3\)"),
    "a target that is a patch": ({"target": PATCH}, r"target: refused, flags \(3\)"),
    "a target whose vector table is off its boundary": ({"target": make_sealed(version=8, entry_offset=0x174)}, r"target: refused, entry \(5\)"),
    "a base with a damaged byte": ({"base": BASE[:-1] + b"\0"}, r"base: refused, crc \(9\).*give the image that is installed"),
    "a base of another key": ({"base": make_image(version=7, key=FOREIGN_KEY)}, r"base: refused, key \(10\)"),
    "a version that the counter has no place for": ({"target": make_image(version=2**48)}, "has no place in a counter of 48 bits"),
    "a target for another board": ({"target": make_image(version=8, hardware_revision=4)}, "the base is for revision 3, the target for 4"),
    "a new key that is the old one": ({"new_key": KEY.public_key}, "new key: the new key .* is the trusted one"),
    "a new key that is none": ({"new_key": PublicKey(b"\xff" * 32)}, "all bytes of the new key are 0xFF"),
    "a base that is no image": ({"base": b"plain" * 40}, "base: magic: is not an .spk image"),
}


@pytest.mark.parametrize(("options", "message"), NOT_SIGNED.values(), ids=NOT_SIGNED)
def test_what_no_device_would_take_is_not_signed(options: dict[str, Any], message: str) -> None:
    """The planner says why it refuses."""
    values: dict[str, Any] = {"base": BASE, "target": TARGET, "key": KEY, "page_bytes": 1024} | options
    with pytest.raises(InputError, match=message):
        sign_patch(values.pop("base"), values.pop("target"), **values)


def test_a_new_key_travels_behind_the_patch() -> None:
    """The patch is the same, 32 bytes longer and with one flag more; the old key signs it, and the new one the target."""
    assert check(ROTATION, key_places=1) == OF_NEXT_KEY
    assert SpkHeader.from_bytes(ROTATION).flags == ROTATION_FLAGS
    assert SpkHeader.from_bytes(ROTATION).public_key == KEY.public_key.raw
    assert ROTATION.endswith(FOREIGN_KEY.public_key.raw)
    assert (new_key_of(ROTATION), new_key_of(PATCH)) == (FOREIGN_KEY.public_key, None)


def test_exactly_fitting_is_fitting() -> None:
    """The limits are inclusive: of slot, region, and counter; and an image for any board follows one for some."""
    last = make_image(version=2**48 - 1, hardware_revision=0)

    assert SpkHeader.from_bytes(sign_patch(BASE, last, key=KEY, page_bytes=1024).image).version == 2**48 - 1
    assert sign_patch(BASE, TARGET, key=KEY, page_bytes=1024, slot_bytes=len(PATCH), region_bytes=len(TARGET)).image == PATCH


def test_a_patch_between_other_bytes_is_not_for_this_base() -> None:
    """A patch is bound to its base by digest, not by version."""
    other = SpkImage(parse_image(BASE, "base").header, parse_image(BASE, "base").code[:-1] + b"\0").to_bytes()
    payload = plan_patch(other, TARGET, page_bytes=1024, base_version=7, target_version=8).payload
    header = dataclasses.replace(SpkHeader.from_bytes(PATCH), total_bytes=HEADER_BYTES + len(payload), code_bytes=len(payload), code_crc32=zlib.crc32(payload))
    with pytest.raises(ImageRefused, match="base"):
        check(seal(header, payload, KEY))
