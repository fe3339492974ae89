"""From how many free places on the logs of a state have room: more than decides anything, so that such states count as one."""

from __future__ import annotations

from harness.campaign.search.child import Child
from harness.campaign.search.expand import Expansion
from harness.campaign.search.outcome import SearchOptions
from harness.campaign.search.state import Merging, places_taken
from harness.campaign.search.state_store import Known
from harness.oracle.run import Run
from harness.scenario.prepared import PreparedScenario, again_of

_MORE_ROOM = 4
"""Places of a log beyond twice what a run takes, from which on it counts as having room."""
_EVERY_PLACE = 2**16
"""More places than any log has: each of them counts."""


def room_for_a_run(scenario: PreparedScenario, options: SearchOptions, runs: list[Run]) -> tuple[int, ...]:
    """Return from how many free places on a log has room: twice what a run takes, which is what a clean one does and what is written again, and some.

    A run from such a state never sees the end of the log; nor, `_MORE_ROOM` aside, does one from a state that it is cut in.

    Returns:
        One number a log; none where every place counts: after few cuts, logs are filled alike anyway.
    """
    if options.settings.merging is not Merging.ROOM or scenario.bookkeeping is None or options.depth is not None:
        return ()
    used: tuple[int, ...] = ()
    for run in runs:
        before, after = (scenario.bookkeeping.meaning(flash) for flash in (run.start.flash, run.final_flash))
        taken = tuple((places or 0) + again for places, again in zip(places_taken(before, after), scenario.bookkeeping.most_again, strict=True))
        used = tuple(map(max, used, taken)) if used else taken
    return enough_for(used)


def enough_for(used: tuple[int, ...]) -> tuple[int, ...]:
    """Return from how many free places on logs have room, of which a run takes no more than `used`."""
    return tuple(2 * count + _MORE_ROOM for count in used)


class OutlivedError(Exception):
    """A run from a state whose log counted as having room went on in another page of it: so where the log ends makes a difference, from however far away."""

    def __init__(self, log: int) -> None:
        super().__init__(log)
        self.log = log

    def enough(self, before: tuple[int, ...]) -> tuple[int, ...]:
        """Return from how many free places on logs have room, now that of this one each place counts."""
        return tuple(_EVERY_PLACE if log == self.log else places for log, places in enumerate(before))


class TooLittleRoomError(Exception):
    """A log that counted as having room made a difference.

    Args:
        used: how many places of each log a run took, more than any before; None: it made a difference all the same.
    """

    def __init__(self, used: tuple[int, ...] | None = None) -> None:
        super().__init__(used)
        self.used = used


class Rooms:
    """From how many free places on logs have room, in one search.

    Args:
        known: where what is found out of single kinds of states is kept, by key.
        by_kind: fewer do where a run that goes on from there has less to write.

    Attributes:
        enough: for any kind of state; empty: every place counts.
    """

    def __init__(self, enough: tuple[int, ...], known: dict[bytes, tuple[int, ...]], *, by_kind: bool) -> None:
        self.enough = enough
        self._known = known
        self._by_kind = by_kind

    def of(self, child: Child) -> tuple[int, ...]:
        """Return from how many free places on a state has room for what is still to be written.

        That is what the cut run had left, what must be written again first, and the place that was torn.
        """
        if not self._by_kind or not self.enough or not child.places_left:
            return self.enough
        if child.key not in self._known:
            to_write = zip(child.places_left, again_of(child.meaning), self.enough, strict=True)
            least = (most if left is None else enough_for((left + again + 1,))[0] for left, again, most in to_write)
            self._known[child.key] = tuple(map(min, least, self.enough))
        return self._known[child.key]

    def has_more(self, rooms: tuple[int, ...], most: tuple[int, ...]) -> bool:
        """Tell whether a state is the first of its kind with so much room: what follows from one with more can also follow, later, from it."""
        return bool(self.enough) and any(room > before for room, before in zip(rooms, most, strict=True))

    def check(self, known: Known, expansion: Expansion, before: bytes | None, kind: bytes | None) -> None:
        """Hold a state against what its room is taken for.

        It takes no more places than a clean run; after repeated cuts it does what it did before, and with more room what the first of its kind did.

        Args:
            before: what the state did whose run was cut; None for a start. kind: what the first of its kind did, where this is another one, booted for the
                room that it has; else None.

        Raises:
            OutlivedError, TooLittleRoomError: it is not so.
        """
        if not self.enough or expansion.verdict.violations:
            return
        allowed = self._known.get(expansion.key, self.enough)
        for log, (room, enough, places) in enumerate(zip(expansion.meaning.rooms, allowed, expansion.used, strict=True)):
            if places is None and room >= enough:
                raise OutlivedError(log)
        used = tuple(places or 0 for places in expansion.used)
        if any(more > enough for more, enough in zip(enough_for(used), allowed, strict=True)):
            raise TooLittleRoomError(used)
        if known.repeats > 1 and before is not None and expansion.behaviour != before:
            raise TooLittleRoomError
        if kind is not None and expansion.behaviour != kind:
            raise TooLittleRoomError
