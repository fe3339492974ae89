"""Hostile images as cases: each staged on a device that runs version N, pending, and to be refused for its own reason."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

from harness.device.memory import NonVolatile
from harness.errors import InputError
from harness.image.delta.apply import apply_patch
from harness.image.forgery import PatchWorkshop, Workshop, read_workshop
from harness.image.hostile import ROLLBACK, hostile_images
from harness.image.hostile_patch import PATCH_ROLLBACK, hostile_patches
from harness.image.patch import seal_patch
from harness.image.refusal import RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader
from harness.image.verify import image_in_region
from harness.scenario.download.host import Download
from harness.scenario.download.xmodem import BLOCK_BYTES
from harness.scenario.model import Cuts, ExpectedEnd
from harness.scenario.prepared import PreparedCase, PreparedScenario
from harness.scenario.speck import FOREIGN_KEY, TRUSTED_KEY, SpeckFormat
from harness.scenario.speck_delta import SpeckDeltaProfile, planned_payload

_ERASED = b"\xff"
_OF_CONTENT = (RefusalReason.BASE, RefusalReason.PATCH, RefusalReason.TARGET)
"""Found in the payload, which is read only once the patch is known to be the one that may go on."""


class HostileCases:
    """The table of hostile images, or patches, on the device of a scenario; each is signed once, and its flash made when it is asked for: arrays are large.

    Args:
        scenario: its first case that installs an update has the good image that the others are made from, and are staged in the place of; or
            are sent in the place of, where a host sends it to the application that runs.

    Attributes:
        host: who sends it; None: it is staged from the start.

    Raises:
        InputError: it has no such case, or its images are of a format that is not forged here.
    """

    def __init__(self, scenario: PreparedScenario) -> None:
        update = installing_case(scenario) or _downloading_case(scenario)
        if update is None or not isinstance(scenario.format, SpeckFormat):
            problem = "it installs no update that is staged from the start, or that a host sends" if update is None else "no table is made for what it stages"
            raise InputError(
                f"no hostile images can be made for it: {problem}",
                source=scenario.reference,
                remedy="Give a scenario of profile speck, speck-delta or speck-download with such a case.",
            )
        self.scenario = scenario
        self.update = update
        self.host = _host_of(update)
        self.records = scenario.format.records
        self.stages_patches = isinstance(self.records, SpeckDeltaProfile)
        self.rollback = PATCH_ROLLBACK if self.stages_patches else ROLLBACK
        self.table = {hostile.name: hostile for hostile in (hostile_patches() if self.stages_patches else hostile_images())}
        self._made: dict[str, bytes] = {}
        self._shop = patch_workshop_of(scenario, update) if isinstance(self.records, SpeckDeltaProfile) else workshop_of(scenario, update)

    def image(self, name: str) -> bytes:
        """Return the bytes of a hostile image; KeyError if there is none of that name."""
        if name not in self._made:
            self._made[name] = self.table[name].forge(self._shop)
        return self._made[name]

    def case(self, name: str) -> PreparedCase:
        """Return the case in which a hostile image is staged and pending, or is sent; KeyError if there is none of that name."""
        hostile = self.table[name]
        image = self.image(name)
        held = image_in_region(image)
        return replace(
            self.update,
            name=name,
            title=hostile.title,
            state=self.update.state if self.host else staged(self.scenario, self.update.state, image, pending=False),
            peer=None if self.host is None else replace(self.host, content=_whole_blocks(image), attempts=1),
            end=ExpectedEnd.RECOVERY if hostile.stops else ExpectedEnd.OLD,
            cuts=Cuts.ALL,
            staged_version=None,
            staged_digest=None if held is None or held.digest == self.update.installed_digest else held.digest,
            refusal=None if hostile.stops or self.host else int(hostile.reason),  # an application that refuses a download keeps no record
            rotates_key=hostile.stops and held is not None and bool(held.header.flags & Flags.ROTATES_KEY),
        )

    def refused_state(self, case: PreparedCase, final: NonVolatile) -> NonVolatile:
        """Return what a refusal must leave of a case: the state as staged, and one record more; of a download, nothing but what came into the slot.

        Args:
            final: what it left.
        """
        if self.host:
            return replace(case.state, flash=_with_regions(self.scenario, case.state.flash, {"slot": self.scenario.region_bytes(final.flash, "slot")}))
        assert case.refusal is not None
        metadata = self.records.refused(self.scenario.region_bytes(case.state.flash, "metadata"), case.refusal)
        return replace(case.state, flash=_with_regions(self.scenario, case.state.flash, {"metadata": metadata}))

    def reason(self, name: str, metadata: bytes) -> RefusalReason:
        """Return the reason for which an image is refused while the metadata region says this.

        The good image's own version is not new any more once it is installed, and the version is checked before CRC, key and signature.
        An update that is begun is finished by the patch that began it: no other is looked into.
        """
        reason = self.table[name].reason
        header = SpkHeader.from_bytes(self.image(name).ljust(HEADER_BYTES, _ERASED))
        if reason > RefusalReason.VERSION and header.version <= self.records.counter(metadata):
            return RefusalReason.VERSION
        if reason in _OF_CONTENT and self.records.is_begun(metadata):
            return RefusalReason.BASE
        return reason


def installing_case(scenario: PreparedScenario) -> PreparedCase | None:
    """Return the first case that installs an update which is staged from the start; None: there is none."""
    return next((case for case in scenario.cases if case.end is ExpectedEnd.NEW and _stages_an_image(scenario, case)), None)


def _downloading_case(scenario: PreparedScenario) -> PreparedCase | None:
    """Return the first case in which a host sends an update that is installed; None: there is none."""
    return next((case for case in scenario.cases if case.end is ExpectedEnd.NEW and _host_of(case)), None)


def _host_of(case: PreparedCase) -> Download | None:
    return case.peer if isinstance(case.peer, Download) else None


def _whole_blocks(image: bytes) -> bytes:
    """Return an image filled up as the slot is behind it: what fills up the last block of a transfer is not erased flash."""
    return image + _ERASED * (-len(image) % BLOCK_BYTES)


def _stages_an_image(scenario: PreparedScenario, case: PreparedCase) -> bool:
    """Whether a case has an image in its slot from the start: one that a host is to send is not there yet."""
    return "slot" in scenario.regions and image_in_region(scenario.region_bytes(case.state.flash, "slot")) is not None


def workshop_of(scenario: PreparedScenario, update: PreparedCase) -> Workshop:
    """Return what the images of a scenario are forged from: the two that an update of it is about, and the keys."""
    assert isinstance(scenario.format, SpeckFormat)
    host = _host_of(update)
    good = image_in_region(host.content if host else scenario.region_bytes(update.state.flash, "slot"))
    installed = image_in_region(scenario.region_bytes(update.state.flash, "application"))
    assert good is not None, "a case that installs an update has one in its slot, or a host that sends it"
    assert installed is not None, "the application region holds an image"
    return read_workshop(
        good.to_bytes(),
        installed.to_bytes(),
        key=TRUSTED_KEY,
        stranger=FOREIGN_KEY,
        hardware_revision=scenario.format.hardware_revision,
        placement=scenario.format.placement,
        slot_bytes=scenario.regions["slot"].size_bytes,
    )


def patch_workshop_of(scenario: PreparedScenario, update: PreparedCase) -> PatchWorkshop:
    """Return what the patches of a scenario are forged from: the one that an update of it stages, both images, and the keys."""
    assert isinstance(scenario.format, SpeckFormat)
    shop = workshop_of(scenario, update)
    installed = shop.installed.to_bytes()
    target = apply_patch(installed, shop.good.code)
    page_bytes = scenario.device.flash.page_bytes.value
    way_back = planned_payload(target, installed, page_bytes)
    back = seal_patch(way_back, TRUSTED_KEY, version=shop.installed.header.version, hardware_revision=shop.hardware_revision)
    fields = {field.name: getattr(shop, field.name) for field in dataclasses.fields(shop)}
    return PatchWorkshop(**fields, back=back)


def staged(scenario: PreparedScenario, state: NonVolatile, image: bytes, *, pending: bool) -> NonVolatile:
    """Return a state with an image in its slot.

    Args:
        pending: whether the records say so, as after a download; otherwise they are left as they stand.
    """
    contents = {"slot": image.ljust(scenario.regions["slot"].size_bytes, _ERASED)}
    if pending:
        assert isinstance(scenario.format, SpeckFormat)
        contents["metadata"] = scenario.format.records.staged(scenario.region_bytes(state.flash, "metadata"))
    return replace(state, flash=_with_regions(scenario, state.flash, contents))


def _with_regions(scenario: PreparedScenario, flash: bytes, contents: dict[str, bytes]) -> bytes:
    whole = bytearray(flash)
    for name, content in contents.items():
        region = scenario.regions[name]
        start = region.address - scenario.flash_address
        whole[start : start + region.size_bytes] = content
    return bytes(whole)


def find_case(scenario: PreparedScenario, name: str) -> PreparedCase:
    """Return a case by name: one of the scenario's own, or of the table of hostile images.

    Raises:
        KeyError: neither has it.
    """
    try:
        return scenario.case(name)
    except KeyError:
        if not isinstance(scenario.format, SpeckFormat):
            raise
        try:
            return HostileCases(scenario).case(name)
        except InputError:
            raise KeyError(name) from None
