"""Plans: which faults a campaign makes, in which order. Values in, values out."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.fault.faults import ERASE_TEARS, Fault, Tear, tears_of
from harness.machine.protocol import Operation

PlannedT = TypeVar("PlannedT")

MOST_FRACTIONS = 500


@dataclass(frozen=True, slots=True)
class TearChoice:
    """Which tears a campaign makes of each operation.

    Attributes:
        named: tears that a name describes; those that the operation cannot have are left out.
        fractions: 0..500, how many cuts inside the operation, spread evenly over its duration.
    """

    named: tuple[Tear, ...] = ERASE_TEARS
    fractions: int = 0

    @property
    def disturbs(self) -> bool:
        """Whether one of them may leave cells that read differently from boot to boot."""
        return self.fractions > 0 or Tear.METASTABLE in self.named

    def __str__(self) -> str:
        fractions = [f"{self.fractions} fractions"] if self.fractions else []
        return ", ".join([*(tear.value for tear in self.named), *fractions]) or "no tears"

    def faults(self, boot: int, operation: Operation, seed: int) -> list[Fault]:
        """Return the faults of one operation: named tears in the order given, then fractions in order of time.

        Args:
            seed: places each fraction within its share of the duration.
        """
        possible = (*tears_of(operation.kind), Tear.METASTABLE)
        named = [Fault(boot, operation.index, tear) for tear in self.named if tear in possible]
        return named + [Fault(boot, operation.index, Tear.FRACTION, thousandths) for thousandths in self._thousandths(boot, operation.index, seed)]

    def _thousandths(self, boot: int, operation: int, seed: int) -> list[int]:
        draw = hashlib.shake_128(f"{seed}:{boot}.{operation}:fractions".encode()).digest(2 * self.fractions)
        chosen = []
        for share in range(self.fractions):
            first, end = (max(1, math.ceil(1000 * bound / self.fractions)) for bound in (share, share + 1))
            chosen.append(first + int.from_bytes(draw[2 * share : 2 * share + 2], "little") % (end - first))
        return chosen


FIVE_TEARS = TearChoice()
"""What a sweep makes if not told otherwise."""


def every_operation(
    boots: Sequence[Sequence[Operation]], *, addresses: Sequence[range] | None = None, tears: TearChoice = FIVE_TEARS, seed: int = 1
) -> list[Fault]:
    """Plan every operation of every boot with every chosen tear, the first and the last operation included.

    Args:
        boots: the operation logs of the clean run, boot by boot.
        addresses: plan only operations that start in one of these ranges; None: all.
        tears: which tears to make. seed: places fractions.
    """
    return [
        fault
        for boot, operations in enumerate(boots)
        for operation in operations
        if addresses is None or any(operation.address in span for span in addresses)
        for fault in tears.faults(boot, operation, seed)
    ]


def within(faults: Iterable[Fault], first: int, last: int) -> list[Fault]:
    """Keep the faults at operations `first` to `last`, both included."""
    return [fault for fault in faults if first <= fault.operation <= last]


def coarse_first(faults: Sequence[Fault]) -> list[Fault]:
    """Reorder so that any window of operations is hit early: every 64th fault, then every 32nd between, and so on.

    Erases, the operations that destroy most, come before all others. A search that stops at its first finding gets there
    in a few runs instead of half the plan.
    """
    erased = {(fault.boot, fault.operation) for fault in faults if fault.tear is Tear.HALF_PAGE}
    chosen: dict[Fault, None] = dict.fromkeys(fault for fault in faults if (fault.boot, fault.operation) in erased)
    stride = 64
    while stride:
        chosen.update(dict.fromkeys(faults[::stride]))
        stride //= 2
    return list(chosen)


def in_turn(plans: Sequence[Sequence[PlannedT]]) -> list[PlannedT]:
    """Merge plans by taking one fault of each in turn, so that a short plan is not left waiting behind a long one."""
    rounds = itertools.zip_longest(*plans)
    return [planned for taken in rounds for planned in taken if planned is not None]


def random_sample(faults: Sequence[PlannedT], count: int, seed: int) -> list[PlannedT]:
    """Return `count` faults drawn by the seed, in plan order; the first and the last are always among them."""
    if len(faults) <= max(count, 2):
        return list(faults)
    drawn = random.Random(seed).sample(range(1, len(faults) - 1), max(count - 2, 0))
    return [faults[index] for index in sorted({0, len(faults) - 1, *drawn})]


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a plan.

    Attributes:
        number: which part, from 1. count: how many parts there are.
    """

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse a part that there is not."""
        if not 1 <= self.number <= self.count:
            raise ValueError(f"there is no part {self.number} of {self.count}")

    def block(self, planned: int) -> range:
        """Return the positions in a plan that belong to this part: neighbours stay together, since they share most of their boots.

        The parts of one plan are disjoint, leave nothing out, and differ by at most one fault in size.
        """
        return range(planned * (self.number - 1) // self.count, planned * self.number // self.count)

    def __str__(self) -> str:
        """Return the spelling of `--shard`."""
        return f"{self.number}/{self.count}"


WHOLE = Shard()
"""The whole plan."""


def live_sample(faults: Sequence[Fault], count: int) -> list[Fault]:
    """Return `count` faults spread evenly over the plan, the first and the last included.

    These are also made by stopping the machine, to hold against the crash images made from the log.
    """
    if len(faults) <= count:
        return list(faults)
    step = (len(faults) - 1) / (count - 1)
    return [faults[round(index * step)] for index in range(count)]
