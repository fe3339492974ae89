"""A state that cuts leave, with all cuts of one run that are counted with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness.campaign.search.state import State, spelled_page
from harness.fault.faults import Fault
from harness.scenario.prepared import Meaning

_DIGEST_BYTES = 8


@dataclass(slots=True)
class Child:
    """What some faults of one run leave: a state, or several that are taken for one.

    Attributes:
        fault: the one that left `state`. faults: how many there are.
        key, meaning: what tells it from other states. content: digest of what it holds.
        places_left: how many places of each log the run would still have taken; None where it went on in another page.
        wearing: of the faults, the one with the most page erases before it; erases: their number, an interrupted one included.
        latest_ps: the latest of the cuts, since power-on.
        window_ps: how long the run is in moments at which a cut leaves this. moment: the sum of these moments, each weighted with its length.
        sampled: boot it, even if it is taken for a state that was booted.
    """

    state: State
    fault: Fault
    key: bytes
    meaning: Meaning
    content: bytes
    places_left: tuple[int | None, ...]
    wearing: Fault
    faults: int = 0
    erases: int = 0
    latest_ps: int = 0
    window_ps: int = 0
    moment: float = 0.0
    sampled: bool = False

    def add(self, fault: Fault, erases: int, begins_ps: int, ends_ps: int, faults: int = 1) -> None:
        """Count one more fault, or several, that leave it, and the stretch of time in which a cut does."""
        self.faults += faults
        if erases > self.erases:
            self.erases, self.wearing = erases, fault
        self.latest_ps = max(self.latest_ps, ends_ps)
        self.window_ps += ends_ps - begins_ps
        self.moment += (ends_ps - begins_ps) * (begins_ps + ends_ps) / 2


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where a run comes to a state that is booted itself, and its children are not looked for any further.

    Attributes:
        child: that state, by its place among the children. boot, operation: the operation that follows.
        erases: page erases before it. ready_ps: when the operation before it was over, at_ps: when it starts, since power-on.
    """

    child: int
    boot: int
    operation: int
    erases: int
    ready_ps: int
    at_ps: int


def digest_of_pages(pages: tuple[tuple[int, bytes], ...]) -> bytes:
    """Return a short digest of what a state holds where it differs from its leader."""
    return hashlib.blake2b(b"".join([spelled_page(page, content) for page, content in pages]), digest_size=_DIGEST_BYTES).digest()
