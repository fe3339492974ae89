"""A cut that does nothing but cost a place of a log can come again and again: what that leaves is written down, not booted each time.

The device skips the torn record, does what it did before, and the same cut hits the next place, with the same torn bytes: a tear is a function
of its fault. So as long as the log has room for what a run writes, the state after n such cuts is known from the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.campaign.search.child import Child, digest_of_pages
from harness.campaign.search.expand import Expansion
from harness.campaign.search.state import Geography
from harness.campaign.search.state_store import Known
from harness.scenario.prepared import Meaning, PreparedScenario


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A cut that leaves the state that it hit, but for one place of a log.

    Attributes:
        known, meaning: the state whose run it hits. child: what it leaves the first time. log: number of the log.
    """

    known: Known
    meaning: Meaning
    child: Child
    log: int

    @property
    def room(self) -> int:
        """How many free places the log has before the first cut."""
        return self.meaning.rooms[self.log]

    def rooms_with(self, room: int) -> tuple[int, ...]:
        """Return the rooms of all logs where this one has `room` places left."""
        rooms = self.meaning.rooms
        return (*rooms[: self.log], room, *rooms[self.log + 1 :])

    def left(self, scenario: PreparedScenario, geography: Geography, room: int) -> Child:
        """Return what the cut leaves when it came so often that the log has `room` places left."""
        torn = range(self.meaning.free[self.log].start, self.child.meaning.free[self.log].start)
        end = torn.start + (self.room - room) * len(torn)
        state = self.child.state
        flash = bytearray(state.non_volatile(scenario).flash)
        first, after = torn.start - geography.flash_address, end - geography.flash_address
        flash[first:after] = flash[first : first + len(torn)] * (self.room - room)
        touched = {page for page, _ in state.pages} | {geography.page_at(torn.start)}
        pages = geography.difference(state.leader, flash, touched)
        free = self.meaning.free
        left = (*free[: self.log], range(end, free[self.log].stop), *free[self.log + 1 :])
        meaning = replace(self.child.meaning, rooms=self.rooms_with(room), free=left)
        return replace(self.child, state=replace(state, pages=pages), meaning=meaning, content=digest_of_pages(pages))


def repeatable_cuts(known: Known, expansion: Expansion) -> Iterator[Repeatable]:
    """Yield, for each log, the first cut of a run that can be repeated."""
    found: set[int] = set()
    rooms = expansion.meaning.rooms
    for child in expansion.children:
        if child.key != expansion.key or (child.state.writes, child.state.disturbed) != (expansion.writes, ()) or not child.faults:
            continue
        less = [before - after for before, after in zip(rooms, child.meaning.rooms, strict=True)]
        log = next((number for number, places in enumerate(less) if places), None)
        if log is not None and sum(map(abs, less)) == less[log] == 1 and log not in found:
            found.add(log)
            yield Repeatable(known, expansion.meaning, child, log)
