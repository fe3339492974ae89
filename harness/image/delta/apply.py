"""Applies a patch in place, as the bootloader does: page by page, over the base image, each page built before it is erased."""

from __future__ import annotations

from harness.image.delta.payload import PATCH_HEADER_BYTES, Copy, PatchHeader, Step, decode_steps, patch_digest
from harness.image.refusal import ImageRefused, RefusalReason

ERASED = 0xFF


def apply_patch(base: bytes, payload: bytes) -> bytes:
    """Return the target image.

    Args:
        base: the installed image.
        payload: patch header and steps.

    Raises:
        ImageRefused: the patch is malformed, belongs to another base, or makes another target than it names.
    """
    header = read_patch_header(payload)
    check_base(base, header)
    region = InPlaceRegion(base, header)
    for step in decode_steps(header, payload[PATCH_HEADER_BYTES:]):
        region.rebuild(step)
    if patch_digest(region.target) != header.target_digest:
        raise ImageRefused(RefusalReason.TARGET, "what it makes is not the target that it names")
    return region.target


def check_base(base: bytes, header: PatchHeader) -> None:
    """Check that a patch is for this image.

    Raises:
        ImageRefused: it is for another one.
    """
    if len(base) != header.base_bytes or patch_digest(base) != header.base_digest:
        raise ImageRefused(RefusalReason.BASE, "it is for another base image")


def read_patch_header(payload: bytes) -> PatchHeader:
    """Return the header of a patch whose fields can be worked with.

    Raises:
        ImageRefused: it is cut short, or its sizes, coding or reserved bytes are out of range.
    """
    if len(payload) < PATCH_HEADER_BYTES:
        raise ImageRefused(RefusalReason.PATCH, f"{len(payload)} bytes do not hold the {PATCH_HEADER_BYTES}-byte header of a patch")
    header = PatchHeader.from_bytes(payload)
    if any(header.reserved_1 + header.reserved_2):
        raise ImageRefused(RefusalReason.PATCH, "reserved bytes of its header are not 0")
    if not header.page_bytes or not header.base_bytes or not header.target_bytes:
        raise ImageRefused(RefusalReason.PATCH, "a size in its header is 0")
    return header


class InPlaceRegion:
    """The application region while a patch is applied.

    Attributes:
        content: what is known of it, whole pages: those of the base, then each page as it was rebuilt.
        unknown: the bytes behind the base in its last page, which no digest covers: whatever production left there, until that page is rebuilt.
    """

    def __init__(self, base: bytes, header: PatchHeader) -> None:
        self._header = header
        self.content = bytearray(_whole_pages(base, header.page_bytes))
        self.unknown = range(len(base), len(self.content))

    @property
    def target(self) -> bytes:
        """The first bytes of the region, as many as the target has."""
        return bytes(self.content[: self._header.target_bytes])

    def holds(self, page: int, content: bytes) -> bool:
        """Whether a page has this content already, and is erased behind it, as far as anybody knows."""
        start = page * self._header.page_bytes
        return self._knows(start, len(content)) and self.content[start : start + self._header.page_bytes] == _whole_pages(content, self._header.page_bytes)

    def rebuild(self, step: Step) -> None:
        """Replace one page by what the step makes of the region as it stands.

        Raises:
            ImageRefused: a copy reads bytes that nobody can know: outside of what base and rebuilt pages cover.
        """
        page = bytearray()
        for instruction in step.instructions:
            if not isinstance(instruction, Copy):
                page += instruction.data
            elif self._knows(instruction.source, instruction.length):
                page += self.content[instruction.source : instruction.source + instruction.length]
            else:
                raise ImageRefused(RefusalReason.PATCH, f"it copies {instruction.length} bytes from {instruction.source} of {len(self.content)}")
        start = step.page * self._header.page_bytes
        if start > len(self.content):
            raise ImageRefused(RefusalReason.PATCH, f"it builds page {step.page} before the pages below it exist")
        self.content[start : start + self._header.page_bytes] = _whole_pages(page, self._header.page_bytes)
        if self.unknown and start <= self.unknown.start < start + self._header.page_bytes:
            self.unknown = range(0)

    def _knows(self, start: int, count: int) -> bool:
        """Whether the base or a rebuilt page says what these bytes are."""
        meets_unknown = bool(self.unknown) and start < self.unknown.stop and start + count > self.unknown.start
        return 0 <= start <= len(self.content) - count and not meets_unknown


def _whole_pages(data: bytes | bytearray, page_bytes: int) -> bytes:
    return bytes(data) + bytes([ERASED]) * (-len(data) % page_bytes)
