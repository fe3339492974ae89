"""What every certificate says: of what it is, on which model it rests, and a digest that shows a file that was changed."""

from __future__ import annotations

import hashlib
from typing import Self

from pydantic import BaseModel, ConfigDict

from harness.errors import InputError
from harness.fault.faults import Tear
from harness.scenario.prepared import BEHAVIOUR_VERSION, PreparedScenario


class Strict(BaseModel):
    """A part of a certificate: what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Build(Strict):
    """What was cut."""

    scenario: str
    options: dict[str, str]
    device: str
    part: str
    fingerprint: str
    bootloader_sha256: str
    images: dict[str, dict[str, str | None]]


class Model(Strict):
    """What every campaign rests on.

    Attributes:
        case: the only one that was cut; None: all of them.
    """

    engine: str
    harness: str
    behaviour: int
    seed: int
    case: str | None
    tears: tuple[Tear, ...]
    fractions: int
    invariants: tuple[str, ...]


class Sealed(Strict):
    """A whole certificate.

    Attributes:
        finished: everything that was planned was done. holds: finished, and no rule was broken.
        sha256: digest over all the rest; it shows a slip of the hand, and nothing to who can compute it anew: for that the sample is made again.
    """

    finished: bool
    holds: bool
    build: Build
    seconds: float
    sha256: str = ""

    def sealed(self) -> Self:
        """Return the certificate with its digest."""
        return self.model_copy(update={"sha256": self._digest()})

    @property
    def is_unchanged(self) -> bool:
        """Whether its content is what the digest was made of."""
        return self.sha256 == self._digest()

    def _digest(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"sha256"}).encode()).hexdigest()


def build_of(scenario: PreparedScenario) -> Build:
    """Return what a certificate says of a scenario."""
    start = scenario.regions["bootloader"].address - scenario.flash_address
    return Build(
        scenario=scenario.reference,
        options=dict(scenario.options),
        device=scenario.device.name,
        part=scenario.part,
        fingerprint=scenario.fingerprint,
        bootloader_sha256=hashlib.sha256(scenario.cases[0].state.flash[start : start + scenario.bootloader_bytes]).hexdigest(),
        images={case.name: {"installed": case.installed_digest, "staged": case.staged_digest} for case in scenario.cases},
    )


def check_build(build: Build, model: Model, scenario: PreparedScenario) -> None:
    """Refuse a certificate that says nothing about what is here.

    Raises:
        InputError: firmware, images, layout or device are others, or the harness behaves otherwise.
    """
    problem = ""
    if scenario.fingerprint != build.fingerprint:
        problem = f"it is of build {build.fingerprint}, this build is {scenario.fingerprint}: firmware, images, layout or device changed"
    elif model.behaviour != BEHAVIOUR_VERSION:
        problem = f"it is of behaviour version {model.behaviour}, this harness has {BEHAVIOUR_VERSION}"
    if problem:
        raise InputError(problem, source="certificate", remedy="Build what it was made with, or make a new one with `harness sweep --certificate`.")
