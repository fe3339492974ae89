"""The `speck` profile on flash: what a case's flash holds, and how a rule's questions are answered from it."""

from __future__ import annotations

import random
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.image.defects import alter_code, corrupt_code
from harness.image.identity import KEY_PLACES, Identity, build_identity, read_identity
from harness.image.keys import PUBLIC_KEY_BYTES, PrivateKey, PublicKey, test_key
from harness.image.metadata import (
    close_journal,
    delivery_metadata,
    fill_counter_page,
    fill_journal_page,
    mark_pending,
    read_counter,
    read_journal,
    read_meaning,
)
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, VECTOR_TABLE_HEAD_BYTES, sign_image
from harness.image.verify import Placement, image_in_region, verify_image
from harness.scenario.model import Case, Defect, ImageSpec, PageFill, SigningKey
from harness.scenario.prepared import Bookkeeping, InstalledImage, Meaning, Region

TRUSTED_KEY = test_key("speck")
SECOND_KEY = test_key("speck, second")
FOREIGN_KEY = test_key("somebody else")
NO_KEY = PublicKey(b"\xff" * PUBLIC_KEY_BYTES)
"""What an erased place reads as: nothing is signed with it."""
_SPOILED = PublicKey(bytes([0x5A]) + b"\xff" * (PUBLIC_KEY_BYTES - 1))
"""What a cut leaves in a place."""
_METADATA_PAGES = 4
_REMEMBERED = 64
_RECENT = 4
"""Flash arrays that are told by which object they are: every rule asks for the image in the same few, and hashing half a megabyte takes long."""
_JOURNAL_RECORDS_LEFT = 4
"""Most free places in a nearly full journal page."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a device goes by when it judges an image.

    Attributes:
        counter: the monotonic counter. public_key: the key that it trusts; None: its place is blank.
        free_key_places: how many more keys it has room for.
    """

    counter: int
    public_key: PublicKey | None
    free_key_places: int = 0


class Records(Protocol):
    """What a profile's bootloader keeps in the metadata region, read and written as it does."""

    def counter(self, metadata: bytes) -> int:
        """Return the monotonic counter."""
        ...

    def key_number(self, metadata: bytes) -> int:
        """Return which key of the identity page is trusted."""
        ...

    def refusal(self, metadata: bytes) -> int | None:
        """Return how the last update was closed, 0 where it was installed; None while it is open or where there was none."""
        ...

    def staged(self, metadata: bytes) -> bytes:
        """Return the region after a download: an update is pending."""
        ...

    def refused(self, metadata: bytes, reason: int) -> bytes:
        """Return the region after a refusal: one record more. ValueError: there is no room for it."""
        ...

    def reads_slot(self, metadata: bytes) -> bool:
        """Whether a boot has to look at the slot."""
        ...

    def is_begun(self, metadata: bytes) -> bool:
        """Whether an update is under way that only the very image that began it may finish."""
        ...

    def judge(self, slot: bytes, installed: bytes, standing: Standing, hardware_revision: int, placement: Placement) -> int | None:
        """Return the reason for which a bundled device must refuse what the slot holds, None if it is to install it, or can't tell before it has."""
        ...


@dataclass(frozen=True)
class SpeckFormat:
    """Answers the rules' questions for the speck profile."""

    regions: dict[str, Region]
    flash_address: int
    hardware_revision: int
    placement: Placement
    records: Records
    _known: dict[tuple[bytes, PublicKey | None], InstalledImage | None] = field(default_factory=dict, repr=False, compare=False)
    _counters: dict[bytes, int] = field(default_factory=dict, repr=False, compare=False)
    _key_numbers: dict[bytes, int] = field(default_factory=dict, repr=False, compare=False)
    _recent: deque[tuple[bytes, InstalledImage | None]] = field(default_factory=lambda: deque(maxlen=_RECENT), repr=False, compare=False)

    def installed_image(self, flash: bytes) -> InstalledImage | None:
        """Return the image in the application region, None if there is not even a header; it is authentic by the key that this flash says is trusted."""
        for seen, image in self._recent:
            if seen is flash:
                return image
        image = self._find_installed_image(flash)
        if isinstance(flash, bytes):  # whatever else it is may change, or wants to know what is looked at
            self._recent.append((flash, image))
        return image

    def __getstate__(self) -> dict[str, object]:
        """Leave behind whole flash arrays."""
        return {**self.__dict__, "_recent": deque(maxlen=_RECENT)}

    def _find_installed_image(self, flash: bytes) -> InstalledImage | None:
        known = (self._content(flash, "application"), self.trusted_key(flash))
        if known not in self._known:
            _make_room(self._known)
            self._known[known] = self._read(*known)
        return self._known[known]

    def trusted_key(self, flash: bytes) -> PublicKey | None:
        """Return the key that the flash says is trusted, None if its place is blank."""
        metadata = self._content(flash, "metadata")
        if metadata not in self._key_numbers:
            _make_room(self._key_numbers)
            self._key_numbers[metadata] = self.records.key_number(metadata)
        return read_identity(self._content(flash, "identity")).key(self._key_numbers[metadata])

    @property
    def has_counter(self) -> bool:
        """Always: it is part of the profile."""
        return True

    def counter(self, flash: bytes) -> int:
        """Return the monotonic counter that the metadata holds."""
        content = self._content(flash, "metadata")
        if content not in self._counters:
            _make_room(self._counters)
            self._counters[content] = self.records.counter(content)
        return self._counters[content]

    def staged(self, flash: bytes) -> bool | None:
        """Return whether what waits in the slot to be installed verifies, None where nothing does, or its installation has begun."""
        metadata = self._content(flash, "metadata")
        if not self.records.reads_slot(metadata) or self.records.is_begun(metadata):
            return None
        staged, installed = (image_in_region(self._content(flash, name)) for name in ("slot", "application"))
        if staged is None or installed is None:
            return False
        standing = standing_of(self.records, metadata, self._content(flash, "identity"))
        return self.records.judge(staged.to_bytes(), installed.to_bytes(), standing, self.hardware_revision, self.placement) is None

    def refusal(self, flash: bytes) -> int | None:
        """Return how the device says that the last update was closed, None while it is open or where there was none."""
        return self.records.refusal(self._content(flash, "metadata"))

    def is_out_of_key_places(self, flash: bytes) -> bool:
        """Return whether the last update was refused because every place for a key is used, and every place is."""
        return self.refusal(flash) == RefusalReason.KEY_PLACES and not self.has_key_place(flash)

    def has_key_place(self, flash: bytes) -> bool:
        """Return whether a place behind the last one that is used is blank."""
        return len(read_identity(self._content(flash, "identity")).later_keys) < KEY_PLACES

    def _read(self, content: bytes, trusted: PublicKey | None) -> InstalledImage | None:
        image = image_in_region(content)
        if image is None:
            return None
        try:
            if trusted is not None:
                verify_image(image.to_bytes(), trusted, hardware_revision=self.hardware_revision, placement=self.placement)
            authentic = trusted is not None
        except ImageRefused:
            authentic = False
        start = self.regions["application"].address + HEADER_BYTES
        # A torn header's offset may be anything.
        vectors = image.code[image.header.entry_offset :][:VECTOR_TABLE_HEAD_BYTES].ljust(VECTOR_TABLE_HEAD_BYTES, b"\xff")
        stack, reset = struct.unpack("<II", vectors)
        code = range(start, start + len(image.code))
        return InstalledImage(image.header.version, authentic, code, reset & ~1, stack, image.digest)

    def _content(self, flash: bytes, name: str) -> bytes:
        region = self.regions[name]
        start = region.address - self.flash_address
        return flash[start : start + region.size_bytes]


@dataclass(frozen=True)
class SpeckBookkeeping:
    """What the counter and the journal of the speck profile say (SPEC sections 3 and 4)."""

    region: Region
    flash_address: int

    @property
    def regions(self) -> tuple[str, ...]:
        """The metadata region."""
        return (self.region.name,)

    @property
    def most_again(self) -> tuple[int, ...]:
        """None: a torn record is skipped, and nothing but it is written once more."""
        return (0, 0)

    def meaning(self, flash: bytes) -> Meaning:
        """Return the counter, the journal's state and the pages that hold them; the rooms are those of the counter and of the journal."""
        start = self.region.address - self.flash_address
        read = read_meaning(flash[start : start + self.region.size_bytes])
        free = tuple(range(self.region.address + first, self.region.address + end) for first, end in (read.counter_free, read.journal_free))
        return Meaning(repr(read.says).encode(), (read.counter_room, read.journal_room), free)


@dataclass(frozen=True, slots=True)
class SpeckProfile:
    """What case and rules ask of the profile."""

    page_bytes: int
    image_regions: tuple[str, ...] = ("application", "slot")
    rotates_keys: bool = False

    def problem_of(self, regions: dict[str, Region]) -> tuple[str, str] | None:
        """Return the region that does not fit the profile, and what is wrong with it."""
        if regions["slot"].size_bytes < regions["application"].size_bytes:
            return "slot", "is smaller than the application region: it must hold every image that fits there"
        if regions["metadata"].size_bytes != _METADATA_PAGES * self.page_bytes:
            return "metadata", f"must have {_METADATA_PAGES} pages: two for the counter, two for the journal"
        return None

    def counter(self, metadata: bytes) -> int:
        """Return the monotonic counter."""
        return read_counter(metadata)

    def key_number(self, metadata: bytes) -> int:
        """Return 0: this profile knows production's key alone."""
        del metadata
        return 0

    def refusal(self, metadata: bytes) -> int | None:
        """Return how the journal says that the last update was closed."""
        return read_journal(metadata).closed

    def staged(self, metadata: bytes) -> bytes:
        """Return the region after a download: a fresh journal page that says pending."""
        return mark_pending(metadata)

    def refused(self, metadata: bytes, reason: int) -> bytes:
        """Return the region with a closing record."""
        return close_journal(metadata, reason)

    def reads_slot(self, metadata: bytes) -> bool:
        """Whether an update is pending, and not all of it copied."""
        journal = read_journal(metadata)
        return journal.pending and not 0 < journal.image_pages == journal.copied_pages

    def is_begun(self, metadata: bytes) -> bool:
        """Never: a copy is begun and ended by any image that verifies, and what it made is judged as a whole."""
        del metadata
        return False

    def judge(self, slot: bytes, installed: bytes, standing: Standing, hardware_revision: int, placement: Placement) -> int | None:
        """Return the reason for which a bundled device must refuse a staged image, None if it is to install it."""
        del installed
        return refusal_of(slot, standing, hardware_revision, placement)

    def slot(self, case: Case, installed: bytes, staged: bytes, hardware_revision: int) -> bytes:
        """Return what the slot holds: the staged image as it is."""
        del case, installed, hardware_revision
        return staged

    def metadata(self, case: Case, region: Region, slot_bytes: int) -> bytes:
        """Return the metadata region at the start of a case."""
        del region
        return build_metadata(case, self.page_bytes, slot_bytes)

    def bookkeeping(self, regions: dict[str, Region], flash_address: int) -> Bookkeeping | None:
        """Return who tells what counter and journal say."""
        return SpeckBookkeeping(regions["metadata"], flash_address)


def standing_of(records: Records, metadata: bytes, identity_page: bytes) -> Standing:
    """Return what a device goes by whose metadata region and identity page these are."""
    identity = read_identity(identity_page)
    return Standing(records.counter(metadata), identity.key(records.key_number(metadata)), KEY_PLACES - len(identity.later_keys))


def _make_room(known: dict[Any, Any]) -> None:
    """Forget what was read once there is much of it: neighbouring cuts ask for the same few contents."""
    if len(known) > _REMEMBERED:
        known.clear()


@dataclass(frozen=True)
class ApplicationCode:
    """The code of one application version, as it will lie behind the header."""

    code: bytes
    entry_offset: int

    def padded(self, size_bytes: int, seed: str) -> ApplicationCode:
        """Return the code filled up to `size_bytes` with bytes drawn from `seed`; longer code stays as it is."""
        filler = random.Random(seed).randbytes(max(0, size_bytes - len(self.code)))
        return ApplicationCode(self.code + filler, self.entry_offset)


def trusted_public_key() -> PublicKey:
    """Return the key that the bundled devices trust; its private half is in this source tree, so it protects nothing."""
    return TRUSTED_KEY.public_key


def refusal_of(staged: bytes, standing: Standing, hardware_revision: int, placement: Placement) -> int | None:
    """Return the reason for which a bundled device must refuse a staged image, None if it is to install it."""
    try:
        verify_image(staged, standing.public_key or NO_KEY, hardware_revision=hardware_revision, minimum_version=standing.counter + 1, placement=placement)
    except ImageRefused as refused:
        return int(refused.reason)
    return None


def key_of(spec: ImageSpec) -> PrivateKey:
    """Return the key that signs an application, its defect apart."""
    return SECOND_KEY if spec.key is SigningKey.SECOND else TRUSTED_KEY


def build_image(spec: ImageSpec, application: ApplicationCode, hardware_revision: int) -> bytes:
    """Sign an application, and spoil it as `spec` says."""
    key: PrivateKey = FOREIGN_KEY if spec.defect is Defect.FOREIGN_KEY else key_of(spec)
    code = application.code
    if spec.defect is Defect.OTHER_BUILD:
        code = code[:-1] + bytes([code[-1] ^ 0xFF])
    hardware = hardware_revision + 1 if spec.defect is Defect.WRONG_HARDWARE else hardware_revision
    image = sign_image(code, key=key, version=spec.version, entry_offset=application.entry_offset, hardware_revision=hardware)
    if spec.defect is Defect.ALTERED_CODE:
        return alter_code(image)
    if spec.defect is Defect.CORRUPT_CODE:
        return corrupt_code(image)
    return image


def build_metadata(case: Case, page_bytes: int, staged_bytes: int = 0) -> bytes:
    """Return the metadata region at the start of a case: the counter, and the journal as staged.

    Args:
        staged_bytes: size of the staged image. A nearly full journal page has fewer places than the image has pages:
            after `started` the update must move the journal while pages are still to be copied.
    """
    counter = case.installed.version if case.counter is None else case.counter
    metadata = delivery_metadata(counter, page_bytes=page_bytes)
    if case.counter_page is not PageFill.FRESH:
        metadata = fill_counter_page(metadata, free_places=0 if case.counter_page is PageFill.FULL else 1)
    if case.staged is not None:
        metadata = mark_pending(metadata)
    if case.journal_page is not PageFill.FRESH:
        left = min(_JOURNAL_RECORDS_LEFT, max(0, -(-staged_bytes // page_bytes) - 1))
        metadata = fill_journal_page(metadata, free_records=0 if case.journal_page is PageFill.FULL else left)
    return metadata


def build_flash(regions: dict[str, Region], contents: dict[str, bytes], flash_address: int, flash_bytes: int) -> bytes:
    """Return an erased flash array with `contents` put into their regions; each fits, or a ValueError says which does not."""
    flash = bytearray(b"\xff" * flash_bytes)
    for name, content in contents.items():
        region = regions[name]
        if len(content) > region.size_bytes:
            raise ValueError(f"{len(content)} bytes do not fit in {name} ({region.size_bytes} bytes)")
        start = region.address - flash_address
        flash[start : start + len(content)] = content
    return bytes(flash)


def build_identity_page(case: Case, hardware_revision: int, page_bytes: int) -> bytes:
    """Return the identity page of a bundled device at the start of a case."""
    keys = (SECOND_KEY.public_key,) if case.installed.key is SigningKey.SECOND else ()
    spoiled = {PageFill.FRESH: 0, PageFill.NEARLY_FULL: KEY_PLACES - 1, PageFill.FULL: KEY_PLACES}[case.key_places] - len(keys)
    return build_identity(Identity(trusted_public_key(), hardware_revision, (*keys, *[_SPOILED] * spoiled)), page_bytes=page_bytes)
