"""The `speck-delta` profile on flash: a patch in the slot, one log and its scratch pages in the metadata region."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

import harness.image.delta
from harness.build.cache import cache_path, cached_file
from harness.image.defects import alter_code, corrupt_code
from harness.image.delta.apply import apply_patch
from harness.image.delta.payload import PATCH_HEADER_BYTES, PatchHeader
from harness.image.delta.planner import plan_patch
from harness.image.keys import PrivateKey
from harness.image.log import LogState, Stage, delivery_pool, patch_name
from harness.image.patch import seal_patch, verify_patch
from harness.image.pool import close_log, mark_pending, read_pool
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import parse_image
from harness.image.verify import Placement
from harness.scenario.key_bookkeeping import RotatedBookkeeping
from harness.scenario.model import Case, Defect, PageFill, SigningKey
from harness.scenario.pool_bookkeeping import PoolBookkeeping, scratch_of_update
from harness.scenario.prepared import Bookkeeping, Region
from harness.scenario.speck import FOREIGN_KEY, NO_KEY, TRUSTED_KEY, Standing, key_of

_LEAST_POOL_PAGES = 4
_PLACES_LEFT = 2
"""Free places of a nearly full log page: fewer than an update writes."""
_NAME_OF_ANOTHER = patch_name(b"\x5a" * 6)
"""Of a patch that is not in the slot."""


@dataclass(frozen=True, slots=True)
class SpeckDeltaProfile:
    """What case and rules ask of the profile."""

    page_bytes: int
    image_regions: tuple[str, ...] = ("application",)
    rotates_keys: bool = True

    def problem_of(self, regions: dict[str, Region]) -> tuple[str, str] | None:
        """Return the region that does not fit the profile, and what is wrong with it."""
        if regions["metadata"].size_bytes < _LEAST_POOL_PAGES * self.page_bytes:
            return "metadata", f"must have {_LEAST_POOL_PAGES} pages at least: log, its successor, scratch, and one to spare"
        return None

    def counter(self, metadata: bytes) -> int:
        """Return the monotonic counter."""
        return self._log(metadata).counter

    def key_number(self, metadata: bytes) -> int:
        """Return which key the log says is trusted."""
        return self._log(metadata).key

    def refusal(self, metadata: bytes) -> int | None:
        """Return how the log says that the last update was closed; 0 also where there was none yet."""
        state = self._log(metadata)
        return state.closed if state.stage == Stage.IDLE else None

    def staged(self, metadata: bytes) -> bytes:
        """Return the region after a download: the next page says pending."""
        return mark_pending(metadata, page_bytes=self.page_bytes)

    def refused(self, metadata: bytes, reason: int) -> bytes:
        """Return the region with a place that closes the update."""
        return close_log(metadata, reason, page_bytes=self.page_bytes)

    def reads_slot(self, metadata: bytes) -> bool:
        """Whether an update is pending or begun."""
        return self._log(metadata).stage not in (Stage.IDLE, Stage.COMPLETE)

    def is_begun(self, metadata: bytes) -> bool:
        """Whether the pages of a patch are being rebuilt."""
        return self._log(metadata).is_begun

    def judge(self, slot: bytes, installed: bytes, standing: Standing, hardware_revision: int, placement: Placement) -> int | None:
        """Return the reason for which a bundled device must refuse a patch before it changes anything; None if it begins to apply it."""
        limits = {"page_bytes": self.page_bytes, "region_bytes": placement.capacity_bytes, "key_places": standing.free_key_places}
        trusted = standing.public_key or NO_KEY
        try:
            verify_patch(slot, trusted, installed, hardware_revision=hardware_revision, minimum_version=standing.counter + 1, **limits)
        except ImageRefused as refused:
            return None if refused.reason is RefusalReason.TARGET else int(refused.reason)
        return None

    def slot(self, case: Case, installed: bytes, staged: bytes, hardware_revision: int) -> bytes:
        """Return the signed patch from the installed image to the staged one, spoiled as the case says."""
        assert case.staged is not None
        defect = case.staged.defect
        payload = planned_payload(installed, staged, self.page_bytes)
        if defect in (Defect.OTHER_BASE, Defect.SWAPPED, Defect.OTHER_TARGET):
            payload = _with_other_digest(payload, defect)
        trusted = key_of(case.installed)
        key: PrivateKey = {Defect.FOREIGN_KEY: FOREIGN_KEY, Defect.OLD_KEY: TRUSTED_KEY}.get(defect, trusted)
        version = parse_image(staged, "the staged image").header.version
        revision = hardware_revision + (defect is Defect.WRONG_HARDWARE)
        new_key = None if case.staged.key is case.installed.key else key_of(case.staged).public_key
        patch = seal_patch(payload, key, version=version, hardware_revision=revision, new_key=new_key)
        if defect is Defect.ALTERED_CODE:
            return alter_code(patch)
        return corrupt_code(patch) if defect is Defect.CORRUPT_CODE else patch

    def metadata(self, case: Case, region: Region, slot_bytes: int) -> bytes:
        """Return the metadata region at the start of a case: the counter, and a patch pending if one is staged."""
        del slot_bytes
        counter = case.installed.version if case.counter is None else case.counter
        number = int(case.installed.key is SigningKey.SECOND)
        state = LogState(counter, Stage.IDLE if case.staged is None else Stage.PENDING, key=number)
        if case.staged and case.staged.defect is Defect.SWAPPED:
            state = dataclasses.replace(state, stage=Stage.STARTED, patch=_NAME_OF_ANOTHER)
        free = {PageFill.FRESH: None, PageFill.NEARLY_FULL: _PLACES_LEFT, PageFill.FULL: 0}[case.journal_page]
        return delivery_pool(state, page_bytes=self.page_bytes, pages=region.size_bytes // self.page_bytes, free_places=free)

    def _log(self, metadata: bytes) -> LogState:
        return read_pool(metadata, page_bytes=self.page_bytes).state

    def bookkeeping(self, regions: dict[str, Region], flash_address: int) -> Bookkeeping | None:
        """Return who tells what the pool says, and the key places."""
        return RotatedBookkeeping(PoolBookkeeping(regions["metadata"], flash_address, self.page_bytes, scratch_of_update), regions["identity"])


def _with_other_digest(payload: bytes, defect: Defect) -> bytes:
    header = PatchHeader.from_bytes(payload)
    if defect is not Defect.OTHER_TARGET:
        header = dataclasses.replace(header, base_digest=_other(header.base_digest))
    else:
        header = dataclasses.replace(header, target_digest=_other(header.target_digest))
    return header.to_bytes() + payload[PATCH_HEADER_BYTES:]


def _other(digest: bytes) -> bytes:
    return bytes([digest[0] ^ 0xFF]) + digest[1:]


def planned_payload(base: bytes, target: bytes, page_bytes: int) -> bytes:
    """Return the payload of the patch between two images. Planning takes seconds: the cache keeps it, and what it kept is applied before it is used."""
    versions = [parse_image(image, "an image").header.version for image in (base, target)]
    key = hashlib.sha256(_planner_digest() + f"{page_bytes} {versions} {len(base)}".encode() + base + target).hexdigest()

    def make(path: Path) -> None:
        path.write_bytes(plan_patch(base, target, page_bytes=page_bytes, base_version=versions[0], target_version=versions[1]).payload)

    payload = cached_file(cache_path("patches", key), make).read_bytes()
    if apply_patch(base, payload) != target:
        raise RuntimeError("the cached patch does not make the target")
    return payload


def _planner_digest() -> bytes:
    folder = Path(harness.image.delta.__file__).parent
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).digest()
