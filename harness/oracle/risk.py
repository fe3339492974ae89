"""Risk: how much of an update's time a cut would do harm in, and how many devices that costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
        return risk_of(self.case, START, self.update_ps, self.chances, frozenset({HARMED, BRICKED}), frozenset({BRICKED}), losses_per_hour)


def risk_of(case: str, start: int, update_ps: int, chances: Sequence[Chance], harmful: frozenset[int], bricked: frozenset[int], losses_per_hour: float) -> Risk:
    """Return the risk of an update.

    Args:
        start: number of the state that it starts from.
        chances: where a cut leads, from that state and from all that follow it.
        harmful, bricked: states that break a rule of `HARMFUL`, and of these the ones that do not boot. What follows them does not count.
    """
    rate = losses_per_hour / _PS_PER_HOUR
    direct = sum(chance.window_ps for chance in chances if chance.source == start and chance.target in harmful)
    return Risk(
        case=case,
        update_ps=update_ps,
        harmful_ps=direct,
        losses_per_hour=losses_per_hour,
        bricked_per_million=1e6 * _likelihood(start, chances, bricked, harmful, rate),
        harmed_per_million=1e6 * _likelihood(start, chances, harmful, harmful, rate),
    )


def _likelihood(start: int, chances: Sequence[Chance], counted: frozenset[int], final: frozenset[int], rate: float) -> float:
    """Return how likely a series of cuts leads from `start` to a state that counts, by iteration from nothing: each round allows one cut more."""
    leaving: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for chance in chances:
        if chance.source not in final:
            leaving[chance.source].append((chance.target, chance.probability(rate)))
    likely: dict[int, float] = dict.fromkeys(counted, 1.0)
    for _ in range(_ROUNDS if counted else 0):
        rounds = {state: min(1.0, sum(part * likely.get(target, 0.0) for target, part in targets)) for state, targets in leaving.items()}
        change = max((abs(value - likely.get(state, 0.0)) for state, value in rounds.items()), default=0.0)
        likely.update(rounds)
        if change <= _ENOUGH * max(likely.get(start, 0.0), _ENOUGH):
            break
    return likely.get(start, 0.0)


def breaks(rules: Iterable[str]) -> tuple[bool, bool]:
    """Return whether a run that broke these rules did harm, and whether it left a brick."""
    broken = set(rules)
    return bool(broken & HARMFUL), BRICKING in broken
