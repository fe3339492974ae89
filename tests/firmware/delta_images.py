"""Images and patches for the host unit tests of in-place updates: made by the host's own planner and signed with the test's keys."""

from __future__ import annotations

import dataclasses
import random
import struct
import zlib
from pathlib import Path

from harness.image.identity import Identity, build_identity
from harness.image.keys import PrivateKey, test_key
from harness.image.patch import PATCH_FLAGS, sign_patch
from harness.image.spk import SpkHeader, parse_image, seal, sign_image

ENTRY_OFFSET = 0x170
HARDWARE_REVISION = 3
PAGES = 4

_TRUSTED = test_key("speck")
_NEXT = test_key("speck, second")
_FOREIGN = test_key("somebody else")


def make_application(layout: dict[str, int], version: int, code: bytes, key: PrivateKey = _TRUSTED) -> bytes:
    """Return a signed image that would run in the layout's application region."""
    address = layout["REGION_APPLICATION_ADDRESS"] + 144
    vectors = struct.pack("<II", layout["RAM_ADDRESS"] + layout["RAM_BYTES"], address + ENTRY_OFFSET + 8 | 1)
    code = code[:ENTRY_OFFSET] + vectors + code[ENTRY_OFFSET + 8 :]
    return sign_image(code, key=key, version=version, entry_offset=ENTRY_OFFSET, hardware_revision=HARDWARE_REVISION)


def resign(patch: bytes, payload: bytes, *, key: PrivateKey = _TRUSTED, version: int | None = None) -> bytes:
    """Return the patch with another payload, signed for it."""
    header = parse_image(patch, "patch").header
    renewed: SpkHeader = dataclasses.replace(
        header,
        version=header.version if version is None else version,
        total_bytes=144 + len(payload),
        code_bytes=len(payload),
        code_crc32=zlib.crc32(payload),
    )
    assert renewed.flags == PATCH_FLAGS
    return seal(renewed, payload, key)


def write_delta_images(folder: Path, layout: dict[str, int]) -> None:
    """Write every file that `firmware/tests/delta/delta_device.c` loads."""
    page = layout["PAGE_BYTES"]
    draw = random.Random(page)
    code = draw.randbytes(PAGES * page - 300)
    moved = code[: page + 200] + draw.randbytes(16) + code[page + 200 :]
    base, target = make_application(layout, 1, code), make_application(layout, 2, moved)
    other_base = make_application(layout, 1, bytes([code[0] ^ 1]) + code[1:])
    patch = sign_patch(base, target, key=_TRUSTED, page_bytes=page, slot_bytes=layout["REGION_SLOT_BYTES"]).image
    payload = patch[144:]
    of_next_key, later = make_application(layout, 2, moved, _NEXT), make_application(layout, 3, code, _NEXT)
    patch_next = sign_patch(of_next_key, later, key=_NEXT, page_bytes=page).image
    past_last = 2**48
    files = {
        "v1.spk": base,
        "v2.spk": target,
        "patch.spk": patch,
        "patch_base.spk": sign_patch(other_base, target, key=_TRUSTED, page_bytes=page).image,
        "patch_foreign.spk": resign(patch, payload, key=_FOREIGN),
        "patch_old.spk": resign(patch, payload, version=1),
        "patch_broken.spk": resign(patch, payload[:-1]),
        "patch_target.spk": resign(patch, payload[:32] + bytes([payload[32] ^ 1]) + payload[33:]),
        "patch_last.spk": resign(patch, payload[:72] + past_last.to_bytes(8, "little") + payload[80:], version=past_last),
        "v_past_last.spk": make_application(layout, past_last, code),
        "v2_next.spk": of_next_key,
        "patch_rotation.spk": sign_patch(base, of_next_key, key=_TRUSTED, page_bytes=page, new_key=_NEXT.public_key).image,
        "v3_next.spk": later,
        "patch_next.spk": patch_next,
        "patch_old_key.spk": resign(patch_next, patch_next[144:]),
        "identity.bin": build_identity(Identity(_TRUSTED.public_key, HARDWARE_REVISION), page_bytes=page),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
