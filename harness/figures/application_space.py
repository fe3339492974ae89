"""What the application's side takes: the document's API with a download, and the loading of modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.build.elf import ElfFile
from harness.build.space import DOWNLOAD_PURPOSES, MODULE_PURPOSES, Purposes, Space, space_of
from harness.figures.patching import PATCHED_DEVICES
from harness.image.verify import image_in_region
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario


@dataclass(frozen=True, slots=True)
class ApplicationSpace:
    """What the application of a profile takes on a device, what only fills it up left out.

    Attributes:
        module_bytes: the signed sample module, header and signature included; None: it loads none.
    """

    profile: str
    device: str
    space: Space
    module_bytes: int | None


def application_spaces() -> tuple[ApplicationSpace, ...]:
    """Return what the applications of the bundled scenarios take that the document has an API for, on every device."""
    profiles: tuple[tuple[str, Purposes], ...] = (("speck-download", DOWNLOAD_PURPOSES), ("speck-module", MODULE_PURPOSES))
    return tuple(_measured(profile, device, purposes) for profile, purposes in profiles for device in PATCHED_DEVICES)


def _measured(profile: str, device: str, purposes: Purposes) -> ApplicationSpace:
    scenario = prepare(f"{device}/{profile}", PrepareOptions())
    elf = ElfFile(Path(scenario.application_elves[min(scenario.application_elves)]))
    return ApplicationSpace(profile, device, space_of(elf, purposes), _module_bytes(scenario))


def _module_bytes(scenario: PreparedScenario) -> int | None:
    if "modules" not in scenario.regions:
        return None
    modules = (image_in_region(scenario.region_bytes(case.state.flash, "slot")) for case in scenario.cases)
    return next((len(module.to_bytes()) for module in modules if module is not None), None)
