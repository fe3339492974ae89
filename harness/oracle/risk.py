"""Risk: how much of an update's time a cut would do harm in, and how many devices that costs."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

HARMFUL = frozenset({"bootable", "exact_image", "authentic_entry", "no_downgrade", "protected_areas", "update_not_lost"})
"""Rules whose violation harms the device; the others say that it costs more than it should."""
BRICKING = "bootable"
"""The rule whose violation is a brick."""

_ROUNDS = 1_000
_ENOUGH = 1e-9
_PS_PER_HOUR = 3.6e15


@dataclass(frozen=True, slots=True)
class Chance:
    """A stretch of a run, not always in one piece, in which a cut leads to one state.

    Attributes:
        source, target: numbers of states.
        window_ps: how long it is. moment: the sum of its moments, in picoseconds since power-on, each weighted with its length.
    """

    source: int
    target: int
    window_ps: int
    moment: float

    def probability(self, losses_per_ps: float) -> float:
        """Return how likely it is that power is lost for the first time in it, if losses come independently at a constant rate."""
        middle_ps = self.moment / self.window_ps if self.window_ps else 0.0
        return losses_per_ps * self.window_ps * math.exp(-losses_per_ps * middle_ps)


@dataclass(frozen=True, slots=True)
class Rest:
    """How a run goes on that is followed no further: from some moment on a cut leads where one leads from another state, as much later.

    Attributes:
        source, target: numbers of the state whose run it is, and of the one that it goes on like. later_ps: how much later than from that one's power-on.
    """

    source: int
    target: int
    later_ps: int

    def probability(self, losses_per_ps: float) -> float:
        """Return how likely it is that power lasts until the run is where the other one begins."""
        return math.exp(-losses_per_ps * self.later_ps)


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk of one update.

    Attributes:
        case: the one whose update this is. update_ps: from power-on until the application runs.
        harmful_ps: how much of it a single cut would do harm in.
        losses_per_hour: the rate of power loss that the rest is for.
        bricked_per_million, harmed_per_million: updates that end with a device that does not boot, or is harmed in any way.
    """

    case: str
    update_ps: int
    harmful_ps: int
    losses_per_hour: float
    bricked_per_million: float
    harmed_per_million: float

    @property
    def harmful_share(self) -> float:
        """The part of the update's time in which a single cut would do harm."""
        return self.harmful_ps / self.update_ps if self.update_ps else 0.0


@dataclass(frozen=True, slots=True)
class Update:
    """An update whose risk is asked for.

    Attributes:
        case: its name. start: number of the state that it starts from. update_ps: from power-on until the application runs.
    """

    case: str
    start: int
    update_ps: int


@dataclass(frozen=True, slots=True)
class Harm:
    """States that break a rule of `HARMFUL`, and of these the ones that do not boot. What follows them does not count."""

    harmful: frozenset[int]
    bricked: frozenset[int]


START, HARMED, BRICKED = range(3)
"""Numbers of states for a search that is one cut deep: where it starts, and what a cut leaves that does harm, or no boot at all."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """When a single cut of an update does harm.

    Attributes:
        chances: from `START` to `HARMED` or `BRICKED`. tears: names of those that were made.
    """

    case: str
    update_ps: int
    chances: tuple[Chance, ...]
    tears: tuple[str, ...]

    def risk(self, losses_per_hour: float) -> Risk:
        """Return the risk, one cut an update."""
        harm = Harm(frozenset({HARMED, BRICKED}), frozenset({BRICKED}))
        (risk,) = risks_of([Update(self.case, START, self.update_ps)], self.chances, [], harm, losses_per_hour)
        return risk


def risks_of(updates: Sequence[Update], chances: Iterable[Chance], rests: Iterable[Rest], harm: Harm, losses_per_hour: float) -> list[Risk]:
    """Return the risks of updates.

    Args:
        chances: where a cut leads, from the states that they start from and from all that follow. It is not looked at where no state does harm.
        rests: of those states whose chances end where a run goes on like another one's.
    """
    if not harm.harmful:
        return [Risk(update.case, update.update_ps, 0, losses_per_hour, 0.0, 0.0) for update in updates]
    rate = losses_per_hour / _PS_PER_HOUR
    starts = {update.start for update in updates}
    direct: dict[int, int] = defaultdict(int)
    ways = _Ways()
    for chance in chances:
        if chance.source in starts and chance.target in harm.harmful:
            direct[chance.source] += chance.window_ps
        if chance.source not in harm.harmful:
            ways.add(chance.source, chance.target, chance.probability(rate))
    for rest in rests:
        ways.add(rest.source, rest.target, rest.probability(rate))
    bricked, harmed = ways.likely(harm.bricked), ways.likely(harm.harmful)
    return [
        Risk(
            case=update.case,
            update_ps=update.update_ps,
            harmful_ps=direct[update.start],
            losses_per_hour=losses_per_hour,
            bricked_per_million=1e6 * bricked(update.start),
            harmed_per_million=1e6 * harmed(update.start),
        )
        for update in updates
    ]


class _Ways:
    """With what likelihood states lead to others. In columns: a search has millions."""

    def __init__(self) -> None:
        self._sources, self._targets, self._parts = array("q"), array("q"), array("d")

    def add(self, source: int, target: int, part: float) -> None:
        """Add a way."""
        self._sources.append(source)
        self._targets.append(target)
        self._parts.append(part)

    def likely(self, counted: frozenset[int]) -> Callable[[int], float]:
        """Return, for a state, how likely a series of cuts leads from it to one that counts, by iteration from nothing: each round allows one way more."""
        sources, targets, parts = (np.asarray(column) for column in (self._sources, self._targets, self._parts))
        count = 1 + max((int(column.max()) for column in (sources, targets) if len(column)), default=0)
        sure = np.zeros(count)
        sure[[state for state in counted if state < count]] = 1.0
        likely = sure
        for _ in range(_ROUNDS if sure.any() else 0):
            following = np.maximum(sure, np.minimum(1.0, np.bincount(sources, parts * likely[targets], count)))
            settled = np.all(np.abs(following - likely) <= _ENOUGH * np.maximum(following, _ENOUGH))
            likely = following
            if settled:
                break
        return lambda state: float(likely[state]) if state < count else 0.0


def breaks(rules: Iterable[str]) -> tuple[bool, bool]:
    """Return whether a run that broke these rules did harm, and whether it left a brick."""
    broken = set(rules)
    return bool(broken & HARMFUL), BRICKING in broken
