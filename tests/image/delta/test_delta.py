"""Patches of random pairs make their targets, and nothing else passes for one."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bundled import bundled_path
from harness.errors import InputError
from harness.image.delta.apply import InPlaceRegion, apply_patch, read_patch_header
from harness.image.delta.matcher import match_page
from harness.image.delta.payload import PAGES_MAX, PATCH_HEADER_BYTES, Coding, Copy, Insert, Step, decode_steps, encode_steps
from harness.image.delta.planner import plan_patch
from harness.image.delta.varint import ByteReader, encode_varint, unzigzag, varint_bytes, zigzag
from harness.image.refusal import ImageRefused, RefusalReason

PAGE_BYTES = 64
"""Small, so that a few hundred bytes have many pages."""


@st.composite
def pairs(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a base and a target that is the base after some edits: bytes inserted, removed, changed, moved."""
    base = draw(st.binary(min_size=1, max_size=500)) or b"x"
    target = bytearray(base)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(target)))
        end = min(len(target), start + draw(st.integers(0, 150)))
        edit = draw(st.sampled_from(["insert", "remove", "move"]))
        piece = bytes(target[start:end])
        if edit == "insert":
            target[start:start] = draw(st.binary(max_size=80))
        else:
            del target[start:end]
            if edit == "move":
                place = draw(st.integers(0, len(target)))
                target[place:place] = piece
    return base, bytes(target) or b"y"


@given(pairs(), st.sampled_from([None, *Coding]))
@settings(max_examples=40, deadline=None)
def test_a_patch_makes_its_target_in_place(pair: tuple[bytes, bytes], coding: Coding | None) -> None:
    """Whatever was edited, the patch applied over the base gives the target, byte for byte."""
    base, target = pair
    plan = plan_patch(base, target, page_bytes=PAGE_BYTES, coding=coding)

    assert apply_patch(base, plan.payload) == target
    assert plan.copied_bytes + plan.inserted_bytes == sum(read_patch_header(plan.payload).content_bytes(step.page) for step in plan.steps)


def test_pages_are_rebuilt_when_nobody_needs_them_any_more() -> None:
    """Two neighbours that change places lose the one that goes first; where it is a chain, nothing is lost."""
    pages = [bytes([number]) * PAGE_BYTES for number in range(1, 5)]
    chain = plan_patch(b"".join(pages), b"".join([pages[0], pages[0], pages[1], pages[2]]), page_bytes=PAGE_BYTES)
    swap = plan_patch(random.Random(1).randbytes(2 * PAGE_BYTES), random.Random(1).randbytes(2 * PAGE_BYTES)[::-1], page_bytes=PAGE_BYTES)

    assert [step.page for step in chain.steps] == [3, 2, 1]
    assert chain.inserted_bytes == 0
    assert swap.inserted_bytes > 0


def test_the_documents_example_is_two_copies_and_two_inserts() -> None:
    """The fox: what stays is copied, what is new is inserted."""
    base, target = b"The quick brown fox jumps over the lazy dog", b"The very quick brown fox jumps over the lazy cat"
    match = match_page(base, target, 0, 0)

    assert match.instructions == (Copy(0, 4), Insert(b"very"), Copy(3, 37), Insert(b"cat"))


def test_equal_images_need_no_step() -> None:
    """A page that is right already is not rebuilt."""
    assert plan_patch(b"same" * 100, b"same" * 100, page_bytes=PAGE_BYTES).steps == ()


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_numbers_read_back(values: list[int]) -> None:
    """Numbers are stored in their shortest form and read back."""
    encoded = b"".join(map(encode_varint, values))
    reader = ByteReader(encoded)

    assert [reader.varint() for _ in values] == values
    assert reader.at_end
    assert len(encoded) == sum(map(varint_bytes, values))


@given(st.integers(-(2**31), 2**31 - 1))
def test_zigzag_reads_back(value: int) -> None:
    """Every signed 32-bit number has an unsigned one."""
    assert unzigzag(zigzag(value)) == value
    assert 0 <= zigzag(value) < 2**32


@pytest.mark.parametrize("encoded", [b"", b"\x80", b"\x80\x00", b"\xff\x00", b"\x80\x80\x80\x80\x10", b"\xff\xff\xff\xff\xff\x01"], ids=bytes.hex)
def test_a_number_has_one_form(encoded: bytes) -> None:
    """Cut off, padded with zeros, or above 32 bits: no number."""
    with pytest.raises(ImageRefused, match="patch"):
        ByteReader(encoded).varint()


@given(pairs())
@settings(max_examples=30, deadline=None)
def test_steps_read_back(pair: tuple[bytes, bytes]) -> None:
    """Stored steps are the planned ones, in either coding."""
    base, target = pair
    plan = plan_patch(base, target, page_bytes=PAGE_BYTES)
    header = read_patch_header(plan.payload)

    assert tuple(decode_steps(header, plan.payload[PATCH_HEADER_BYTES:])) == plan.steps


BASE = random.Random(7).randbytes(300)
TARGET = BASE[:100] + b"new" + BASE[100:]
PATCH = plan_patch(BASE, TARGET, page_bytes=PAGE_BYTES).payload


def malformed(built: tuple[Step, ...], **fields: int) -> bytes:
    """Return a patch with these steps, and these header fields in place of the right ones."""
    values: dict[str, Any] = {"steps": len(built), "coding": Coding.RAW} | fields
    header = dataclasses.replace(read_patch_header(PATCH), **values)
    return header.to_bytes() + encode_steps(built, PAGE_BYTES, Coding.RAW)


WHOLE = Insert(b"i" * PAGE_BYTES)
MALFORMED = {
    "a page built twice": malformed((Step(0, (WHOLE,)), Step(0, (WHOLE,)))),
    "a page past the target": malformed((Step(5, (WHOLE,)),)),
    "too many bytes for a page": malformed((Step(0, (Insert(b"i" * (PAGE_BYTES + 1)),)),)),
    "too few bytes for a page": malformed((Step(0, (Insert(b"i"),)),)),
    "a copy from before the region": malformed((Step(0, (Copy(-1, PAGE_BYTES),)),)),
    "a copy past the region": malformed((Step(0, (Copy(len(BASE), PAGE_BYTES),)),)),
    "an instruction of no bytes": malformed((Step(0, (Insert(b""), WHOLE)),)),
    "fewer steps than it says": malformed((Step(0, (WHOLE,)),), steps=2),
    "more steps than it says": malformed((Step(0, (WHOLE,)), Step(1, (WHOLE,))), steps=1),
    "an unknown coding": malformed((Step(0, (WHOLE,)),), coding=2),
    "no page size": malformed((), page_bytes=0),
    "no target": malformed((), target_bytes=0),
    "reserved bytes": malformed(())[:94] + b"\1\0",
    "half a header": malformed(())[: PATCH_HEADER_BYTES - 1],
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_patch_is_refused(payload: bytes) -> None:
    """Each field at its limits, and each way in which instructions can be wrong."""
    with pytest.raises(ImageRefused) as caught:
        apply_patch(BASE, payload)
    assert caught.value.reason is RefusalReason.PATCH


def test_another_base_and_another_target_have_their_reasons() -> None:
    """A patch for another base is refused before a step of it is read; one that makes something else, at its end."""
    with pytest.raises(ImageRefused) as of_base:
        apply_patch(BASE[::-1], PATCH[:PATCH_HEADER_BYTES])
    with pytest.raises(ImageRefused) as of_target:
        apply_patch(BASE, PATCH[:32] + bytes(32) + PATCH[64:])

    assert (of_base.value.reason, of_target.value.reason) == (RefusalReason.BASE, RefusalReason.TARGET)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_change_of_a_patch_makes_another_image_pass(data: st.DataObject) -> None:
    """Whatever bit is flipped, the result is the target or a refusal, never another image and never a crash."""
    payload = bytearray(PATCH)
    place = data.draw(st.integers(0, len(payload) * 8 - 1))
    payload[place // 8] ^= 1 << place % 8
    try:
        made = apply_patch(BASE, bytes(payload))
    except ImageRefused:
        return
    assert made == TARGET


def test_no_image_is_no_input() -> None:
    """An empty file is named."""
    with pytest.raises(InputError, match="the target image: has no bytes"):
        plan_patch(b"a", b"", page_bytes=PAGE_BYTES)


def test_what_follows_the_base_is_nobodys() -> None:
    """The rest of the base's last page may hold anything: it is not copied, and a target that reaches into it is written, until that page is rebuilt."""
    grown = plan_patch(BASE, BASE + b"\xff" * 9, page_bytes=PAGE_BYTES)
    region = InPlaceRegion(BASE, read_patch_header(PATCH))
    last = len(BASE) // PAGE_BYTES
    behind = Step(0, (Copy(len(BASE) - PAGE_BYTES + 1, PAGE_BYTES),))

    assert [step.page for step in grown.steps] == [last]
    assert region.holds(last, BASE[last * PAGE_BYTES :])
    assert not region.holds(last, BASE[last * PAGE_BYTES :] + b"\xff")
    with pytest.raises(ImageRefused, match="patch"):
        region.rebuild(behind)
    region.rebuild(Step(last, (WHOLE,)))
    region.rebuild(behind)


def test_a_patch_has_pages_that_a_device_can_count() -> None:
    """256 of them are planned, and one byte more is refused by name, base or target; the number is the reader's own."""
    source = Path(bundled_path("firmware"), "patch/patch.h").read_text(encoding="utf-8")
    full = bytes(PAGES_MAX * 16)

    assert f"PATCH_PAGES_MAX = {PAGES_MAX}" in source
    assert plan_patch(full, full[:-1] + b"x", page_bytes=16).steps
    for pair, name in (((b"x", full + b"x"), "target"), ((full + b"x", b"x"), "base")):
        with pytest.raises(InputError, match=f"the {name} image: has 257 pages of 16 bytes, a patch tells of 256"):
            plan_patch(*pair, page_bytes=16)


def test_a_region_grows_page_by_page() -> None:
    """A page behind the end can't be built before those below it."""
    region = InPlaceRegion(BASE[:10], read_patch_header(malformed(())))
    with pytest.raises(ImageRefused, match="before the pages below"):
        region.rebuild(Step(3, (WHOLE,)))
