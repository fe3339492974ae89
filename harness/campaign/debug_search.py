"""Power lost any number of times while a debugger changes the protection: after each cut it makes the same action again.

What an action finds is the non-volatile state alone, for power was lost: so the states that any number of cuts can lead to are those
that the cuts of the action lead to from its start, and from each state that was found that way, breadth first, each one once.

Of the option bytes, those that do not decide on the protection are put back as they are found, or erased: no operation on the others, on the
flash or in the chip depends on them. So states that differ in nothing else lead to the same levels and the same flash, by the same cuts, and
count as one (docs/DESIGN.md, "Cuts under a debugger").
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass

from harness.campaign.debugging import ActionResult, DebuggerRun, case_of, changes_of, crash_states, flash_after
from harness.device.memory import NonVolatile
from harness.machine.debug_port import Protection
from harness.scenario.debugger import Action, DebuggerScenario
from harness.scenario.prepared import PreparedScenario

_DIGEST_BYTES = 16
_MOST_PROBLEMS = 5

_Key = tuple[bytes, bytes]
"""Option bytes, as far as they tell states apart, and flash."""


@dataclass(frozen=True, slots=True)
class ActionSearch:
    """What any number of cuts makes of one action.

    Attributes:
        number: of the action, from 1. states: that it can find, its own start among them. cuts: that lead on from them.
        deepest: cuts in a row that lead to the farthest state. exposing: cuts that lift the protection from a flash that is not erased.
        ends: states that are left once the action was made to its end. erased: of these, those whose flash is erased and was not.
        digest: of all states, whatever their order.
        open_states: found and not tried, because the time was over. problems: what is not as the scenario says, the fewest cuts first.
    """

    number: int
    title: str
    states: int
    cuts: int
    deepest: int
    exposing: int
    ends: int
    erased: int
    digest: str
    open_states: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DebuggerSearch:
    """The whole of a scenario: its actions made without a cut, and those that write, with any number."""

    played: list[ActionResult]
    searches: list[ActionSearch]
    seconds: float

    @property
    def finished(self) -> bool:
        """Nothing was left untried."""
        return not any(search.open_states for search in self.searches)

    @property
    def holds(self) -> bool:
        """Everything came out as the scenario says."""
        return not any(result.problems for result in self.played) and not any(found.problems for found in self.searches)


def search_debugger_scenario(
    scenario: DebuggerScenario,
    prepared: PreparedScenario,
    seed: int,
    engine: str,
    *,
    depth: int | None = None,
    budget_seconds: float | None = None,
    told: Callable[[str], None] | None = None,
    by_bytes: bool = False,
    only: Container[int] | None = None,
) -> DebuggerSearch:
    """Play all actions in order; of each that writes, find every state that cuts can lead to.

    Args:
        depth: most cuts in a row; None: any number. told: hears how it goes on.
        by_bytes: tell all states apart that differ in any byte.
        only: numbers of the actions to be searched, from 1; None: all that write.

    Raises:
        InputError: the firmware's scenario has no such case.
        EngineError: the engine failed.
    """
    started = time.monotonic()
    ends_at = None if budget_seconds is None else started + budget_seconds
    run = DebuggerRun(prepared, case_of(scenario, prepared), seed, engine)
    played, searches = [], []
    try:
        for number, action in enumerate(scenario.action, 1):
            if action.every_cut and (only is None or number in only):
                searches.append(_Search(number, action, run.protection, depth, ends_at, told, by_bytes=by_bytes).run(run.state))
            played.append(run.play(action))
    finally:
        run.close()
    return DebuggerSearch(played, searches, time.monotonic() - started)


class _Search:
    """The search through the states of one action."""

    def __init__(
        self,
        number: int,
        action: Action,
        protection: Protection,
        depth: int | None,
        ends_at: float | None,
        told: Callable[[str], None] | None,
        *,
        by_bytes: bool,
    ) -> None:
        self._deciding = slice(None) if by_bytes else slice(*protection.deciding_bytes)
        self._number = number
        self._action = action
        self._protection = protection
        self._depth = depth
        self._ends_at = ends_at
        self._told = told
        self._depths: dict[_Key, int] = {}
        self._waiting: deque[NonVolatile] = deque()
        self._ends: set[_Key] = set()
        self._problems: dict[str, None] = {}
        self._cuts = 0
        self._exposing = 0

    def run(self, start: NonVolatile) -> ActionSearch:
        """Find and judge every state."""
        open_states = 0
        self._meet(start, 0)
        while self._waiting:
            state = self._waiting.popleft()
            depth = self._depths[self._key(state)]
            if self._ends_at is not None and time.monotonic() > self._ends_at:
                open_states += 1
            elif self._depth is None or depth < self._depth:
                self._cut(state, depth + 1)
        erased = self._judge_ends(start.flash)
        return ActionSearch(
            number=self._number,
            title=self._action.title,
            states=len(self._depths),
            cuts=self._cuts,
            deepest=max(self._depths.values()),
            exposing=self._exposing,
            ends=len(self._ends),
            erased=erased,
            digest=self._digest(),
            open_states=open_states,
            problems=tuple(self._problems)[:_MOST_PROBLEMS],
        )

    def _cut(self, state: NonVolatile, cuts: int) -> None:
        """Make the action from a power-on, and cut it everywhere; what it leaves uncut is an end."""
        level = self._protection.level(state)
        left = state
        for place, left in crash_states(state, changes_of(self._action, self._protection, state, level), self._protection):
            self._cuts += 1
            if self._meet(left, cuts):
                self._judge_level(left, f"power lost {place}, cut {cuts} in a row")
            self._judge_exposure(level, left, f"power lost {place}, cut {cuts} in a row")
        self._ends.add(self._key(left))
        if self._told:
            self._told(f"action {self._number}, {self._action.do.value}: {len(self._depths)} states, {len(self._waiting)} of them to be tried")

    def _meet(self, state: NonVolatile, cuts: int) -> bool:
        """Note a state, and tell whether it is a new one."""
        key = self._key(state)
        if key in self._depths:
            return False
        self._depths[key] = cuts
        self._waiting.append(state)
        return True

    def _judge_level(self, state: NonVolatile, place: str) -> None:
        level = self._protection.level(state)
        if level not in self._action.every_cut:
            self._problems[f"{place}: level {level} at the next power-on"] = None

    def _judge_exposure(self, level: int, left: NonVolatile, place: str) -> None:
        if level and not self._protection.level(left) and left.flash.strip(b"\xff"):
            self._exposing += 1
            if not self._action.exposes:
                self._problems[f"{place}: the protection is off and the flash is not erased"] = None

    def _judge_ends(self, before: bytes) -> int:
        """Hold what is left against a flash that must be erased; a flash that was to be kept may be lost, for a chip that finds itself protected erases it."""
        became = [flash_after(before, flash) for _, flash in self._ends]
        if self._action.flash == "erased" and set(became) - {"erased"}:
            self._problems["made to its end after cuts: the flash should be erased, and is not"] = None
        return became.count("erased")

    def _digest(self) -> str:
        hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for option_bytes, flash in sorted(self._depths):
            hasher.update(option_bytes + hashlib.blake2b(flash).digest())
        return hasher.hexdigest()

    def _key(self, state: NonVolatile) -> _Key:
        return state.option_bytes[self._deciding], state.flash
