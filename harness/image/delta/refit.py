"""Patches for images that differ little from those that a patch was planned for: planning anew takes seconds, and finds the same steps."""

from __future__ import annotations

from dataclasses import replace

from harness.image.delta.apply import InPlaceRegion, apply_patch, read_patch_header
from harness.image.delta.payload import PATCH_HEADER_BYTES, Coding, Copy, Insert, Instruction, Step, decode_steps, encode_steps, patch_digest


def refit_patch(payload: bytes, base: bytes, target: bytes, *, base_version: int, target_version: int) -> bytes:
    """Return the payload of a patch between two images that have the sizes of those that `payload` is for.

    Its steps are kept; bytes that they would make otherwise than `target` has them are inserted.

    Raises:
        ValueError: the images have other sizes, or differ in a page that no step rebuilds.
        ImageRefused: `payload` is no patch.
    """
    told = read_patch_header(payload)
    if (len(base), len(target)) != (told.base_bytes, told.target_bytes):
        raise ValueError("the images have other sizes than those that the patch is for")
    region = InPlaceRegion(base, told)
    steps = []
    for step in decode_steps(told, payload[PATCH_HEADER_BYTES:]):
        start = step.page * told.page_bytes
        wanted = target[start : start + told.content_bytes(step.page)]
        refitted = Step(step.page, tuple(_refit(step.instructions, bytes(region.content), wanted)))
        region.rebuild(refitted)
        steps.append(refitted)
    header = replace(
        told,
        base_digest=patch_digest(base),
        target_digest=patch_digest(target),
        base_version=base_version,
        target_version=target_version,
        coding=Coding.RAW,
    )
    refitted_payload = header.to_bytes() + encode_steps(tuple(steps), told.page_bytes, Coding.RAW)
    if region.target != target or apply_patch(base, refitted_payload) != target:
        raise ValueError("the images differ in a page that no step of the patch rebuilds")
    return refitted_payload


def _refit(instructions: tuple[Instruction, ...], region: bytes, wanted: bytes) -> list[Instruction]:
    """Return instructions that make `wanted`: copies as far as they copy the right bytes."""
    refitted: list[Instruction] = []
    position = 0
    for instruction in instructions:
        right = wanted[position : position + instruction.length]
        if isinstance(instruction, Copy):
            refitted += _split(instruction, region[instruction.source : instruction.source + instruction.length], right)
        else:
            refitted.append(Insert(right))
        position += instruction.length
    return refitted


def _split(copy: Copy, copied: bytes, right: bytes) -> list[Instruction]:
    """Return a copy in which the bytes from the first wrong one to the last are inserted."""
    wrong = [index for index, (ours, theirs) in enumerate(zip(copied, right, strict=True)) if ours != theirs]
    if not wrong:
        return [copy]
    first, behind = wrong[0], wrong[-1] + 1
    pieces: list[Instruction] = [Copy(copy.source, first)] if first else []
    pieces.append(Insert(right[first:behind]))
    return pieces + ([Copy(copy.source + behind, copy.length - behind)] if behind < copy.length else [])
