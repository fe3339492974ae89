"""Signed patches: `.spk` images whose code is a patch, made, and judged as the bootloader judges them (SPEC, "Patch")."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from harness.errors import InputError
from harness.image.delta.apply import apply_patch, check_base, read_patch_header
from harness.image.delta.payload import PATCH_HEADER_BYTES, Coding, PatchHeader, decode_steps
from harness.image.delta.planner import Plan, Progress, plan_patch
from harness.image.keys import PUBLIC_KEY_BYTES, PrivateKey, PublicKey
from harness.image.log import VALUE_END
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader, SpkImage, parse_image, seal
from harness.image.verify import check_authentic, check_header, check_size, verify_image

PATCH_FLAGS = Flags.SIGNED | Flags.DELTA
ROTATION_FLAGS = PATCH_FLAGS | Flags.ROTATES_KEY
"""Of a patch with a new key behind it."""


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
    new_key: PublicKey | None = None,
    progress: Progress = lambda _done, _total: None,
    source: str = "the patch",
) -> SignedPatch:
    """Return the signed patch from one `.spk` image to another.

    Args:
        base: the installed image. target: the image to be, which the patch rebuilds whole, signature included.
        page_bytes: the device's erase unit.
        slot_bytes: what the patch has to fit in; None: not checked.
        region_bytes: what the target has to fit in; None: not checked.
        new_key: what the device is to trust from then on, in place of `key`'s public half; it signed the target. None: `key` stays, and signed it.
        source: what is being made, for errors.

    Raises:
        InputError: an input is no image that starts, the target is no newer than the base or for another board, or something does not fit.
    """
    old, new = parse_image(base, f"{source}: base"), parse_image(target, f"{source}: target")
    _check_headers(old.header, new.header, source)
    if region_bytes is not None and len(target) > region_bytes:
        raise InputError(f"the target has {len(target)} bytes, the application region {region_bytes}", source=source, remedy="Make the application smaller.")
    _check_target_key(new, key.public_key, new_key, source)
    _check_starts(target, new_key or key.public_key, f"{source}: target", "A device that installs it would never start again; sign the application anew.")
    _check_starts(base, key.public_key, f"{source}: base", "No device that takes the patch runs it; give the image that is installed.")
    plan = plan_patch(base, target, page_bytes=page_bytes, base_version=old.header.version, target_version=new.header.version, coding=coding, progress=progress)
    image = seal_patch(plan.payload, key, version=new.header.version, hardware_revision=new.header.hardware_revision, new_key=new_key)
    if slot_bytes is not None and len(image) > slot_bytes:
        raise InputError(
            f"the patch has {len(image)} bytes, the slot {slot_bytes}: the base lacks {plan.inserted_bytes} of the target's {len(target)} bytes",
            source=source,
            field="size",
            remedy="Send a smaller change first, or install the whole image another way.",
        )
    return SignedPatch(image, plan)


def seal_patch(payload: bytes, key: PrivateKey, *, version: int, hardware_revision: int, new_key: PublicKey | None = None) -> bytes:
    """Return the patch with this payload, properly signed, whatever it says."""
    code = payload + (b"" if new_key is None else new_key.raw)
    header = SpkHeader(
        total_bytes=HEADER_BYTES + len(code),
        code_bytes=len(code),
        entry_offset=0,
        version=version,
        code_crc32=zlib.crc32(code),
        flags=PATCH_FLAGS if new_key is None else ROTATION_FLAGS,
        hardware_revision=hardware_revision,
    )
    return seal(header, code, key)


def new_key_of(data: bytes) -> PublicKey | None:
    """Return the key that a signed patch brings, None where it brings none. Nothing is verified.

    Raises:
        ImageRefused: its flags promise one, and it is too short to hold it.
    """
    header = SpkHeader.from_bytes(data)
    if not header.flags & Flags.ROTATES_KEY:
        return None
    if header.code_bytes < PUBLIC_KEY_BYTES:
        raise ImageRefused(RefusalReason.NEW_KEY, f"{header.code_bytes} bytes do not hold a key")
    return PublicKey(data[-PUBLIC_KEY_BYTES:])


def check_new_key(new_key: PublicKey, trusted: PublicKey) -> None:
    """Check that a key can take the place of the trusted one.

    Raises:
        ImageRefused: no key has these bytes, or it is the trusted one.
    """
    if new_key.is_unset:
        raise ImageRefused(RefusalReason.NEW_KEY, f"all bytes of the new key are 0x{new_key.raw[0]:02X}")
    if new_key == trusted:
        raise ImageRefused(RefusalReason.NEW_KEY, f"the new key {new_key.fingerprint} is the trusted one")


def verify_patch(
    data: bytes,
    public_key: PublicKey,
    base: bytes,
    *,
    hardware_revision: int | None,
    minimum_version: int = 0,
    page_bytes: int | None = None,
    region_bytes: int | None = None,
    key_places: int | None = None,
) -> bytes:
    """Check a signed patch as the bootloader does, and return the target image that it makes.

    Args:
        data: the patch, no byte more.
        public_key: the trusted key.
        base: the installed image.
        hardware_revision: the board's; None: not checked.
        minimum_version: least version accepted.
        page_bytes, region_bytes: the device's erase unit and application region; None: not checked.
        key_places: how many it has left for a new key; None: not checked.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    header, new_key = check_patch_image(data, public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
    if header.version >= VALUE_END:
        raise ImageRefused(RefusalReason.VERSION, f"version {header.version} has no place in a counter of 48 bits")
    payload = data[HEADER_BYTES : len(data) - (0 if new_key is None else PUBLIC_KEY_BYTES)]
    patch = read_patch_header(payload)
    _check_part(patch, page_bytes, region_bytes)
    for _ in decode_steps(patch, payload[PATCH_HEADER_BYTES:]):
        pass  # each is checked as it is read: malformed steps are told before another base is
    if patch.target_version != header.version:
        raise ImageRefused(RefusalReason.PATCH, f"version {header.version} outside, {patch.target_version} inside")
    if len(base) < HEADER_BYTES or SpkHeader.from_bytes(base).version != patch.base_version:
        raise ImageRefused(RefusalReason.BASE, f"it is for a base of version {patch.base_version}")
    check_base(base, patch)
    if new_key is not None and key_places == 0:
        raise ImageRefused(RefusalReason.KEY_PLACES, f"it brings the key {new_key.fingerprint}, and every place for one is used")
    target = apply_patch(base, payload)
    try:
        verify_image(target, new_key or public_key, hardware_revision=hardware_revision)
    except ImageRefused as refused:
        raise ImageRefused(RefusalReason.TARGET, f"what it makes would not start: {refused}") from None
    if SpkHeader.from_bytes(target).version != header.version:
        raise ImageRefused(RefusalReason.TARGET, f"what it makes is version {SpkHeader.from_bytes(target).version}, not {header.version}")
    return target


def check_patch_image(data: bytes, public_key: PublicKey, *, hardware_revision: int | None, minimum_version: int = 0) -> tuple[SpkHeader, PublicKey | None]:
    """Check a signed patch as an image, as the bootloader does before it reads its content, and return its header and the key that it brings.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    rotates = len(data) >= HEADER_BYTES and SpkHeader.from_bytes(data).flags == ROTATION_FLAGS
    header = check_header(data, ROTATION_FLAGS if rotates else PATCH_FLAGS)
    check_size(header, len(data), None)
    if header.entry_offset:
        raise ImageRefused(RefusalReason.ENTRY, f"a patch has no entry, and this one's offset is {header.entry_offset:#x}")
    check_authentic(header, data[HEADER_BYTES:], public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
    new_key = new_key_of(data)
    if new_key is not None:
        check_new_key(new_key, public_key)
    return header, new_key


def _check_headers(base: SpkHeader, target: SpkHeader, source: str) -> None:
    """Refuse a pair of images between which no device goes."""
    if target.version <= base.version:
        raise InputError(
            f"version {target.version} of the target is not above version {base.version} of the base",
            source=source,
            field="version",
            remedy="Devices refuse it; sign the target with a greater --version.",
        )
    if target.version >= VALUE_END:
        problem = f"version {target.version} of the target has no place in a counter of 48 bits"
        raise InputError(problem, source=source, field="version", remedy=f"Devices refuse it; sign the target with a --version below {VALUE_END}.")
    if base.hardware_revision and target.hardware_revision not in (0, base.hardware_revision):
        problem = f"the base is for revision {base.hardware_revision}, the target for {target.hardware_revision}"
        raise InputError(problem, source=source, field="hardware revision", remedy="No board runs both; sign the target for the base's board.")


def _check_target_key(target: SpkImage, old: PublicKey, new: PublicKey | None, source: str) -> None:
    """Refuse a patch after which the application would not start, because the device trusts another key than the one that signed it."""
    if new is not None:
        try:
            check_new_key(new, old)
        except ImageRefused as refused:
            raise InputError(refused.detail, source=source, field="new key", remedy="Give the public half of another key pair.") from None
    trusted = old if new is None else new
    if PublicKey(target.header.public_key) != trusted:
        remedy = "Sign the target with that key." if new else "Sign it with the patch's key, or give the device the target's key with --rotate-to."
        problem = f"the target names the key {PublicKey(target.header.public_key).fingerprint}; after the update the device trusts {trusted.fingerprint}"
        raise InputError(problem, source=source, field="key", remedy=remedy)


def _check_starts(image: bytes, trusted: PublicKey, source: str, remedy: str) -> None:
    """Refuse an image that a device which trusts this key would not start."""
    try:
        verify_image(image, trusted, hardware_revision=None)
    except ImageRefused as refused:
        raise InputError(str(refused), source=source, remedy=remedy) from None


def _check_part(patch: PatchHeader, page_bytes: int | None, region_bytes: int | None) -> None:
    if page_bytes is not None and patch.page_bytes != page_bytes:
        raise ImageRefused(RefusalReason.PATCH, f"it is for pages of {patch.page_bytes} bytes, the device has pages of {page_bytes}")
    if region_bytes is not None and max(patch.base_bytes, patch.target_bytes) > region_bytes:
        raise ImageRefused(RefusalReason.PATCH, f"base or target has more than the {region_bytes} bytes of the application region")
