"""The table of hostile patches: complete, and each refused by the host for the reason that it names."""

from __future__ import annotations

import dataclasses

import pytest

from harness.image.forgery import PatchWorkshop, read_workshop
from harness.image.hostile_patch import hostile_patches
from harness.image.patch import sign_patch, verify_patch
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.verify import image_in_region

from .samples import FOREIGN_KEY, KEY, PLACEMENT, make_code, make_image

TABLE = {hostile.name: hostile for hostile in hostile_patches()}
SLOT_BYTES = 4096
PAGE_BYTES = 1024


def make_workshop() -> PatchWorkshop:
    """Return a workshop on a small part: version 6 runs, the good patch leads to version 8, and another one back."""
    code = make_code(size_bytes=5000)
    installed, newer, later = (make_image(code[:-1] + bytes([version]), version=version) for version in (6, 8, 9))
    good, onward = (
        sign_patch(base, target, key=KEY, page_bytes=PAGE_BYTES, slot_bytes=SLOT_BYTES).image for base, target in ((installed, newer), (newer, later))
    )
    shop = _workshop(good, installed, b"")
    return dataclasses.replace(shop, back=_workshop(onward, installed, b"").patch(version=6, target_version=6))


def _workshop(good: bytes, installed: bytes, back: bytes) -> PatchWorkshop:
    shop = read_workshop(good, installed, key=KEY, stranger=FOREIGN_KEY, hardware_revision=3, placement=PLACEMENT, slot_bytes=SLOT_BYTES)
    return PatchWorkshop(**{field.name: getattr(shop, field.name) for field in dataclasses.fields(shop)}, back=back)


SHOP = make_workshop()


def judged_on_the_host(patch: bytes) -> RefusalReason | None:
    """Return why the host refuses what a slot holds, None if it would apply it."""
    slot = patch.ljust(SHOP.slot_bytes, b"\xff")
    held = image_in_region(slot)
    limits = {"page_bytes": PAGE_BYTES, "region_bytes": PLACEMENT.capacity_bytes}
    base = SHOP.installed.to_bytes()
    try:
        verify_patch(slot if held is None else held.to_bytes(), KEY.public_key, base, hardware_revision=3, minimum_version=7, **limits)
    except ImageRefused as refused:
        return refused.reason
    return None


def test_the_table_is_large_and_its_names_are_different() -> None:
    """At least forty patches, every name once, every check at least twice; eight that only the whole shows."""
    patches = hostile_patches()
    assert len(TABLE) == len(patches) >= 40
    assert all(
        sum(hostile.reason is reason for hostile in patches) > 1
        for reason in RefusalReason
        if reason <= RefusalReason.TARGET or reason is RefusalReason.NEW_KEY
    )
    assert [hostile.reason for hostile in patches if hostile.stops] == [RefusalReason.TARGET] * 8


@pytest.mark.parametrize("name", TABLE)
def test_the_host_refuses_each_for_the_same_reason(name: str) -> None:
    """The reason in the table is the one that an independent judgement of the same bytes comes to."""
    patch = TABLE[name].forge(SHOP)
    assert len(patch) <= SHOP.slot_bytes
    assert judged_on_the_host(patch) is TABLE[name].reason


def test_the_good_patch_is_accepted() -> None:
    """The judgement can say yes, also with bytes behind the patch."""
    assert judged_on_the_host(SHOP.good.to_bytes()) is None
    assert judged_on_the_host(SHOP.good.to_bytes() + b"\xa5" * 64) is None
