"""A device that is updated again and again: each update brings the other one of two applications, with the next version."""

from __future__ import annotations

from dataclasses import dataclass

from harness.device.memory import NonVolatile
from harness.errors import InputError
from harness.image.delta.apply import apply_patch
from harness.image.delta.refit import refit_patch
from harness.image.patch import seal_patch
from harness.image.spk import HEADER_BYTES, SpkImage, sign_image
from harness.image.verify import image_in_region
from harness.scenario.hostile import installing_case, patch_workshop_of, staged, workshop_of
from harness.scenario.prepared import PreparedScenario
from harness.scenario.speck import TRUSTED_KEY, SpeckFormat
from harness.scenario.speck_delta import SpeckDeltaProfile, planned_payload


@dataclass(frozen=True, slots=True)
class Successor:
    """The next update, staged and pending.

    Attributes:
        version: that it brings. image_bytes, sent_bytes: size of the application, and of what is in the slot.
    """

    state: NonVolatile
    version: int
    image_bytes: int
    sent_bytes: int


class Successors:
    """Makes update after update.

    Args:
        scenario: its first case that installs an update has the two applications.

    Raises:
        InputError: it has no such case.
    """

    def __init__(self, scenario: PreparedScenario) -> None:
        case = installing_case(scenario)
        if case is None or not isinstance(scenario.format, SpeckFormat):
            remedy = "Give a scenario of profile speck or speck-delta that stages an update."
            raise InputError("it stages no update that could be followed by others", source=scenario.reference, remedy=remedy)
        self.case = case
        self._scenario = scenario
        self._page_bytes = scenario.device.flash.page_bytes.value
        self._sends_patches = isinstance(scenario.format.records, SpeckDeltaProfile)
        if self._sends_patches:
            shop = patch_workshop_of(scenario, case)
            installed = shop.installed.to_bytes()
            images = (installed, apply_patch(installed, shop.good.code))
        else:
            both = workshop_of(scenario, case)
            images = (both.installed.to_bytes(), both.good.to_bytes())
        self._images = images
        self._hardware_revision = scenario.format.hardware_revision

    def after(self, state: NonVolatile) -> Successor:
        """Return the update that follows the application that a state has installed.

        Raises:
            InputError: none is installed.
        """
        base = image_in_region(self._scenario.region_bytes(state.flash, "application"))
        if base is None:
            raise InputError("no application is installed", source=self._scenario.reference, remedy="Give a case in which one is.")
        version = base.header.version + 1
        number = 1 if base.code == self._code(0) else 0
        target = sign_image(
            self._code(number),
            key=TRUSTED_KEY,
            version=version,
            entry_offset=base.header.entry_offset,
            hardware_revision=base.header.hardware_revision,
        )
        sent = self._patch(base, target, number, version) if self._sends_patches else target
        return Successor(staged(self._scenario, state, sent, pending=True), version, len(target), len(sent))

    def _code(self, number: int) -> bytes:
        return self._images[number][HEADER_BYTES:]

    def _patch(self, base: SpkImage, target: bytes, number: int, version: int) -> bytes:
        """The steps are those between the two applications as they were; what differs of the headers is inserted."""
        planned = planned_payload(self._images[1 - number], self._images[number], self._page_bytes)
        payload = refit_patch(planned, base.to_bytes(), target, base_version=base.header.version, target_version=version)
        return seal_patch(payload, TRUSTED_KEY, version=version, hardware_revision=self._hardware_revision)
