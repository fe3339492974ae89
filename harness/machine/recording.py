"""When a boot is worth recording: it costs a few boots, and pays where what it records is met again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

_MUCH_INSTRUCTIONS = 500_000
"""A boot that executes more than that does not know a call that is worth recording."""
_BEGINNING = 4
"""So many boots that follow one that executed much are recorded at once, as nothing is known yet, whatever they are."""
_PATIENCE = 4
"""After recordings in vain, so many times as many boots pass before the next one, each time."""


@dataclass(slots=True)
class _Experience:
    """How recordings of boots did whose states differ in the same pages, whatever RAM held.

    Attributes:
        in_vain: recordings in a row after which the next boot of that kind executed as much as the recorded one.
        since: boots that executed much since the last recording.
    """

    in_vain: int = 0
    since: int = 0

    @property
    def is_patient(self) -> bool:
        """Whether it is too early to try again."""
        return self.in_vain > 0 and self.since < _PATIENCE**self.in_vain


class Recordings:
    """Decides by instructions, never by time: so a campaign makes the same boots on every machine.

    As long as no recorded boot was short, each that follows one that had to execute much is recorded, a few at most: that is how the calls
    that all have in common become known. Of each kind of state, the first, second, fourth, eighth ... miss is recorded if many more are to
    come, and the boot that follows the first, second, fourth ... one that had to execute much. Where that does not help, as where each state
    has other bytes to verify, it is tried more and more rarely: with states that differ in the same pages, and, where few more are to come,
    with all that execute no more than those with which it did not help.
    """

    def __init__(self) -> None:
        self._misses: Counter[Hashable] = Counter()
        self._heavy: Counter[Hashable] = Counter()
        self._asked: set[Hashable] = set()
        self._experience: dict[Hashable, _Experience] = {}
        self._recorded: dict[Hashable, int] = {}
        self._asked_for = _Experience()  # recordings of kinds of which few more are to come: in vain unless shown otherwise
        self._most_in_vain = 0
        self._beginning = _BEGINNING
        self._was_heavy = False

    def is_worth_it(self, kind: Hashable, pages: Hashable, *, keen: bool) -> bool:
        """Tell whether to record the next boot of a kind, none of whose known boots fits.

        Args:
            pages: in which states of this kind differ from others. keen: many more states of that kind are to come.
        """
        self._misses[kind] += 1
        experience = self._experience.setdefault(pages, _Experience())
        asked = kind in self._asked
        self._asked.discard(kind)
        if self._was_heavy and self._beginning:
            self._beginning -= 1
            return True
        if asked:
            self._asked_for.in_vain += 1
            self._asked_for.since = 0
            return True
        if self._misses[kind] == 1:
            return keen
        return keen and self._misses[kind].bit_count() == 1 and not experience.is_patient

    def recorded(self, kind: Hashable, pages: Hashable, executed: int) -> None:
        """A boot was recorded that executed so many instructions."""
        self._experience[pages].since = 0
        self._recorded[kind] = executed
        self._was_heavy = executed > _MUCH_INSTRUCTIONS
        if not self._was_heavy:
            self._beginning = 0

    def made(self, kind: Hashable, pages: Hashable, executed: int) -> None:
        """A boot was made without recording it."""
        experience = self._experience[pages]
        self._was_heavy = executed > _MUCH_INSTRUCTIONS
        before = self._recorded.pop(kind, None)
        if before is not None:
            helped = executed <= max(_MUCH_INSTRUCTIONS, before // 2)
            experience.in_vain = 0 if helped else experience.in_vain + 1
            if helped:
                self._asked_for.in_vain = self._most_in_vain = 0
        if executed > _MUCH_INSTRUCTIONS:
            experience.since += 1
            self._asked_for.since += 1
            self._heavy[kind] += 1
            if self._heavy[kind] == 1 or (self._heavy[kind].bit_count() == 1 and not experience.is_patient):
                self._ask_for(kind, executed)

    def _ask_for(self, kind: Hashable, executed: int) -> None:
        """Have the next boot of a kind recorded, unless that was tried in vain with boots that executed as much."""
        if executed > self._most_in_vain or not self._asked_for.is_patient:
            self._most_in_vain = max(self._most_in_vain, executed)
            self._asked.add(kind)
