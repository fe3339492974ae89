"""Signed patches: `.spk` images whose code is a patch, made, and judged as the bootloader judges them (SPEC, "Patch")."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from harness.errors import InputError
from harness.image.delta.apply import apply_patch, read_patch_header
from harness.image.delta.payload import PATCH_HEADER_BYTES, Coding, PatchHeader, decode_steps
from harness.image.delta.planner import Plan, Progress, plan_patch
from harness.image.keys import PrivateKey, PublicKey
from harness.image.log import VALUE_END
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader, parse_image, seal
from harness.image.verify import check_authentic, check_header, check_size

PATCH_FLAGS = Flags.SIGNED | Flags.DELTA


@dataclass(frozen=True, slots=True)
class SignedPatch:
    """A patch ready to be sent, and the plan that it carries."""

    image: bytes
    plan: Plan


def sign_patch(
    base: bytes,
    target: bytes,
    *,
    key: PrivateKey,
    page_bytes: int,
    slot_bytes: int | None = None,
    region_bytes: int | None = None,
    coding: Coding | None = None,
    progress: Progress = lambda _done, _total: None,
    source: str = "the patch",
) -> SignedPatch:
    """Return the signed patch from one `.spk` image to another.

    Args:
        base: the installed image. target: the image to be, which the patch rebuilds whole, signature included.
        page_bytes: the device's erase unit.
        slot_bytes: what the patch has to fit in; None: not checked.
        region_bytes: what the target has to fit in; None: not checked.
        source: what is being made, for errors.

    Raises:
        InputError: an input is no image, the target is no newer than the base, or something does not fit.
    """
    old, new = parse_image(base, f"{source}: base"), parse_image(target, f"{source}: target")
    if new.header.version <= old.header.version:
        raise InputError(
            f"version {new.header.version} of the target is not above version {old.header.version} of the base",
            source=source,
            field="version",
            remedy="Devices refuse it; sign the target with a greater --version.",
        )
    if region_bytes is not None and len(target) > region_bytes:
        raise InputError(f"the target has {len(target)} bytes, the application region {region_bytes}", source=source, remedy="Make the application smaller.")
    plan = plan_patch(base, target, page_bytes=page_bytes, base_version=old.header.version, target_version=new.header.version, coding=coding, progress=progress)
    header = SpkHeader(
        total_bytes=HEADER_BYTES + len(plan.payload),
        code_bytes=len(plan.payload),
        entry_offset=0,
        version=new.header.version,
        code_crc32=zlib.crc32(plan.payload),
        flags=PATCH_FLAGS,
        hardware_revision=new.header.hardware_revision,
    )
    image = seal(header, plan.payload, key)
    if slot_bytes is not None and len(image) > slot_bytes:
        raise InputError(
            f"the patch has {len(image)} bytes, the slot {slot_bytes}: the base lacks {plan.inserted_bytes} of the target's {len(target)} bytes",
            source=source,
            field="size",
            remedy="Send a smaller change first, or install the whole image another way.",
        )
    return SignedPatch(image, plan)


def verify_patch(
    data: bytes,
    public_key: PublicKey,
    base: bytes,
    *,
    hardware_revision: int | None,
    minimum_version: int = 0,
    page_bytes: int | None = None,
    region_bytes: int | None = None,
) -> bytes:
    """Check a signed patch as the bootloader does, and return the target image that it makes.

    Args:
        data: the patch, no byte more.
        public_key: the trusted key.
        base: the installed image.
        hardware_revision: the board's; None: not checked.
        minimum_version: least version accepted.
        page_bytes, region_bytes: the device's erase unit and application region; None: not checked.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    header = check_header(data, PATCH_FLAGS)
    check_size(header, len(data), None)
    if header.entry_offset:
        raise ImageRefused(RefusalReason.ENTRY, f"a patch has no entry, and this one's offset is {header.entry_offset:#x}")
    check_authentic(header, data[HEADER_BYTES:], public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
    if header.version >= VALUE_END:
        raise ImageRefused(RefusalReason.VERSION, f"version {header.version} has no place in a counter of 48 bits")
    payload = data[HEADER_BYTES:]
    patch = read_patch_header(payload)
    _check_part(patch, page_bytes, region_bytes)
    for _ in decode_steps(patch, payload[PATCH_HEADER_BYTES:]):
        pass  # each is checked as it is read: malformed steps are told before another base is
    if patch.target_version != header.version:
        raise ImageRefused(RefusalReason.PATCH, f"version {header.version} outside, {patch.target_version} inside")
    if len(base) < HEADER_BYTES or SpkHeader.from_bytes(base).version != patch.base_version:
        raise ImageRefused(RefusalReason.BASE, f"it is for a base of version {patch.base_version}")
    return apply_patch(base, payload)


def _check_part(patch: PatchHeader, page_bytes: int | None, region_bytes: int | None) -> None:
    if page_bytes is not None and patch.page_bytes != page_bytes:
        raise ImageRefused(RefusalReason.PATCH, f"it is for pages of {patch.page_bytes} bytes, the device has pages of {page_bytes}")
    if region_bytes is not None and max(patch.base_bytes, patch.target_bytes) > region_bytes:
        raise ImageRefused(RefusalReason.PATCH, f"base or target has more than the {region_bytes} bytes of the application region")
