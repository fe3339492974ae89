"""Wear over many updates: the device is updated again and again, and the erases of each page are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.campaign.boots import run_until_settled
from harness.device.memory import NonVolatile
from harness.errors import EngineError
from harness.machine.engines import make_machine
from harness.scenario.prepared import PreparedScenario
from harness.scenario.successors import Successors


@dataclass(frozen=True, slots=True)
class RegionWear:
    """Erases of the pages of one region, all updates together.

    Attributes:
        staged: by whoever brings an update: its pages of the slot, and the page in which it is marked. erases: by the firmware, `staged` included.
    """

    name: str
    address: int
    erases: tuple[int, ...]
    staged: tuple[int, ...]

    @property
    def least(self) -> int:
        """Of the page that is erased least."""
        return min(self.erases)

    @property
    def most(self) -> int:
        """Of the page that is erased most."""
        return max(self.erases)


@dataclass(frozen=True, slots=True)
class UpdatesWear:
    """What many updates in a row cost.

    Attributes:
        version: that runs in the end. sent_bytes: of all updates. regions: those that were erased.
    """

    updates: int
    version: int
    sent_bytes: int
    regions: tuple[RegionWear, ...]


def measure_updates(scenario: PreparedScenario, updates: int, *, seed: int, engine: str, done: Callable[[], None] = lambda: None) -> UpdatesWear:
    """Update the device of a scenario so many times in a row, uninterrupted.

    Raises:
        InputError: the scenario stages no update.
        EngineError: an update was not installed, or the engine failed.
    """
    successors = Successors(scenario)
    state = NonVolatile(successors.case.state.flash, successors.case.state.option_bytes)
    page_bytes = scenario.device.flash.page_bytes.value
    pages = len(state.flash) // page_bytes
    erases, staged, sent_bytes, version = [0] * pages, [0] * pages, 0, 0
    machine = make_machine(engine, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        for _ in range(updates):
            successor = successors.after(state)
            for page in _staged_pages(scenario, state.flash, successor.state.flash, successor.sent_bytes, page_bytes):
                staged[page] += 1
            run = run_until_settled(machine, scenario, successors.case, successor.state, seed)
            for trace in run.traces:
                erases = [count + more for count, more in zip(erases, trace.erases, strict=True)]
            installed = scenario.format.installed_image(run.final_flash)
            if installed is None or installed.version != successor.version or not run.application_runs:
                raise EngineError(f"the update to version {successor.version} was not installed")
            state, sent_bytes, version = run.last.final, sent_bytes + successor.sent_bytes, successor.version
            done()
    finally:
        machine.close()
    found = []
    for name, region in scenario.regions.items():
        first = (region.address - scenario.flash_address) // page_bytes
        span = slice(first, first + region.size_bytes // page_bytes)
        both = tuple(one + other for one, other in zip(erases[span], staged[span], strict=True))
        if any(both):
            found.append(RegionWear(name, region.address, both, tuple(staged[span])))
    return UpdatesWear(updates, version, sent_bytes, tuple(found))


def _staged_pages(scenario: PreparedScenario, before: bytes, after: bytes, sent_bytes: int, page_bytes: int) -> list[int]:
    """Return the pages that are erased to stage an update: as many of the slot as it reaches, and what else changed."""
    slot = scenario.regions["slot"]
    first = (slot.address - scenario.flash_address) // page_bytes
    reached = set(range(first, first + -(-sent_bytes // page_bytes)))
    others = set(range(len(before) // page_bytes)) - set(range(first, first + slot.size_bytes // page_bytes))
    changed = {page for page in others if before[page * page_bytes : (page + 1) * page_bytes] != after[page * page_bytes : (page + 1) * page_bytes]}
    return sorted(reached | changed)
