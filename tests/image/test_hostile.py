"""The table of hostile images: complete, and each refused by the host for the reason that it names."""

from __future__ import annotations

import pytest

from harness.image.forgery import GROUP_ORDER, Workshop, read_workshop
from harness.image.hostile import hostile_images
from harness.image.hostile_patch import hostile_patches
from harness.image.metadata import close_journal, delivery_metadata, fill_journal_page, mark_pending, read_journal
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.verify import image_in_region, verify_image

from .samples import FOREIGN_KEY, KEY, PLACEMENT, make_code, make_image

TABLE = {hostile.name: hostile for hostile in hostile_images()}
WHOLE_IMAGE_REASONS = {reason for reason in RefusalReason if reason <= RefusalReason.SIGNATURE}


def make_workshop() -> Workshop:
    """Return a workshop on a small part: version 6 runs, version 8 is good."""
    code = make_code(size_bytes=5000)
    installed, good = (make_image(code[:-1] + bytes([version]), version=version) for version in (6, 8))
    return read_workshop(good, installed, key=KEY, stranger=FOREIGN_KEY, hardware_revision=3, placement=PLACEMENT, slot_bytes=PLACEMENT.capacity_bytes)


SHOP = make_workshop()


def judged_on_the_host(image: bytes) -> RefusalReason | None:
    """Return why the host refuses what a slot holds, None if it would install it."""
    slot = image.ljust(SHOP.slot_bytes, b"\xff")
    held = image_in_region(slot)
    try:
        verify_image(slot if held is None else held.to_bytes(), KEY.public_key, hardware_revision=3, minimum_version=7, placement=PLACEMENT)
    except ImageRefused as refused:
        return refused.reason
    return None


def test_the_table_is_large_and_its_names_are_different() -> None:
    """At least forty images, every name once, every check of a whole image at least twice."""
    images = hostile_images()
    assert len(TABLE) == len(images) >= 40
    assert {reason: sum(hostile.reason is reason for hostile in images) > 1 for reason in RefusalReason} == {
        reason: reason in WHOLE_IMAGE_REASONS for reason in RefusalReason
    }


FIELDS = ("magic", "format", "total", "code-size", "entry", "flags", "version", "hardware", "crc", "reserved", "key", "signature")
BOTH = {
    "a field at its limits": "magic-zero magic-erased format-0 format-65535 total-zero total-greatest code-zero code-greatest entry-greatest version-greatest "
    "hardware-greatest crc-zero crc-greatest reserved-last reserved-erased flags-all key-erased signature-zero signature-erased",
    "a signature of another key, of another image": "key-foreign signature-foreign signature-of-installed signature-r-of-other signature-s-of-other",
    "cut off behind each field": " ".join(f"truncated-after-{field}" for field in FIELDS) + " truncated-in-magic truncated-last-byte",
    "grown": "grown-total grown-sizes grown-corrected",
    "a bit flipped in each field, and anywhere in the code": " ".join(f"flipped-{field}-low flipped-{field}-high" for field in FIELDS)
    + " flipped-code-0 flipped-code-11",
    "older, the same version": "version-zero version-same",
    "for other hardware": "hardware-later hardware-earlier hardware-any",
    "flags that nobody signed": "unsigned flags-unsigned flags-unknown-high flags-unknown-byte",
    "two signatures": "signature-doubled",
    "a slot full of one byte": "slot-zeros slot-erased",
}
PATCHES = {
    "for another base": "base-digest-first-bit base-version-one-less base-size-one-more base-is-target",
    "COPY out of range, or overflowing": "copy-one-before-region copy-one-past-region copy-at-region-end copy-far-past-region copy-past-page copy-greatest "
    "copy-shifts-add-up page-wraps number-past-32-bits",
    "INSERT past the end": "insert-past-page insert-past-patch insert-past-target insert-greatest",
    "expands without end": "endless-steps endless-stream endless-inserts endless-window",
}


@pytest.mark.parametrize("kind", [*BOTH, *PATCHES])
def test_no_kind_of_forgery_is_missing(kind: str) -> None:
    """What a device has to refuse, in words, and the rows of the tables that try it."""
    patches = {hostile.name for hostile in hostile_patches()}
    wanted = set((BOTH.get(kind) or PATCHES[kind]).split())
    assert wanted - patches == set()
    assert kind in PATCHES or wanted - set(TABLE) == set()


@pytest.mark.parametrize("name", TABLE)
def test_the_host_refuses_each_for_the_same_reason(name: str) -> None:
    """The reason in the table is the one that an independent judgement of the same bytes comes to."""
    image = TABLE[name].forge(SHOP)
    assert len(image) <= SHOP.slot_bytes
    assert judged_on_the_host(image) is TABLE[name].reason


def test_the_good_image_is_accepted() -> None:
    """The judgement can say yes: what the hostile images are made from is refused by nobody, nor is it with bytes behind it."""
    assert judged_on_the_host(SHOP.good.to_bytes()) is None
    assert judged_on_the_host(SHOP.good.to_bytes() + b"\xa5" * 64) is None


def test_a_malleable_signature_is_the_same_signature_modulo_the_order() -> None:
    """S + L, which a check that does not bound S takes for S."""
    held = image_in_region(TABLE["signature-malleable"].forge(SHOP).ljust(SHOP.slot_bytes, b"\xff"))
    assert held is not None
    forged, good = (int.from_bytes(signature[32:], "little") for signature in (held.header.signature, SHOP.header.signature))
    assert forged == good + GROUP_ORDER


def test_a_closed_journal_says_its_reason() -> None:
    """The closing record goes behind the last used place; where there is none, that is told."""
    pending = mark_pending(delivery_metadata(1))
    assert read_journal(close_journal(pending, 11)).closed == 11
    for metadata in (delivery_metadata(1), fill_journal_page(pending, free_records=0)):
        with pytest.raises(ValueError, match="no place"):
            close_journal(metadata, 11)
