"""Patches that are refitted to other images, held against applying them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.image.delta.apply import apply_patch
from harness.image.delta.payload import PATCH_HEADER_BYTES, PatchHeader, decode_steps
from harness.image.delta.planner import plan_patch
from harness.image.delta.refit import refit_patch

PAGE_BYTES = 256
BASE = random.Random("refit").randbytes(1500)
TARGET = BASE[:300] + b"another text" + BASE[300:1400]
PAYLOAD = plan_patch(BASE, TARGET, page_bytes=PAGE_BYTES, base_version=1, target_version=2).payload
STEPS = tuple(decode_steps(PatchHeader.from_bytes(PAYLOAD), PAYLOAD[PATCH_HEADER_BYTES:]))
REBUILT = [place for place in range(len(TARGET)) if place // PAGE_BYTES in {step.page for step in STEPS}]
"""Page 0 is as it was, and others look like their neighbours: no step rebuilds them."""


def changed(image: bytes, changes: dict[int, int]) -> bytes:
    """Return an image with other bytes at some places."""
    other = bytearray(image)
    for place, value in changes.items():
        other[place] = value
    return bytes(other)


CHANGES = st.dictionaries(st.sampled_from(REBUILT), st.integers(0, 255), max_size=12)


@given(CHANGES, CHANGES)
def test_whatever_differs_is_inserted(of_base: dict[int, int], of_target: dict[int, int]) -> None:
    """The refitted patch makes the other target of the other base, and names both, with their versions."""
    base, target = changed(BASE, of_base), changed(TARGET, of_target)
    assert len(STEPS) > 2
    payload = refit_patch(PAYLOAD, base, target, base_version=7, target_version=8)
    told = PatchHeader.from_bytes(payload)
    assert apply_patch(base, payload) == target
    assert (told.base_version, told.target_version) == (7, 8)


def test_images_that_the_steps_do_not_reach_are_refused() -> None:
    """A page that no step rebuilds, or another size: the caller has to plan anew."""
    with pytest.raises(ValueError, match="no step"):
        refit_patch(PAYLOAD, BASE, changed(TARGET, {3: TARGET[3] ^ 1}), base_version=1, target_version=2)
    with pytest.raises(ValueError, match="other sizes"):
        refit_patch(PAYLOAD, BASE + b"\0", TARGET, base_version=1, target_version=2)
