"""The verdicts of a campaign, packed, with what reports ask of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.oracle.run import Outcome
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict
from harness.packed import PackedList


class VerdictLog(PackedList[Verdict]):
    """Verdicts in the order of the plan; what is asked of all of them is kept up as they come, so that no report has to unpack them for it.

    Attributes:
        violating: those that broke a rule. outcomes: count by outcome. fired: how many have the proof that their faults fired.
        longest_boot, longest_verification: over all runs. slowest_recovery: the first verdict with the longest time until the application ran.
    """

    def __init__(self, verdicts: Iterable[Verdict] = ()) -> None:
        self.violating: PackedList[Verdict] = PackedList()
        self.outcomes: Counter[Outcome] = Counter()
        self.fired = 0
        self.longest_boot: TimeRange | None = None
        self.longest_verification: TimeRange | None = None
        self.slowest_recovery: Verdict | None = None
        super().__init__(verdicts)

    def append(self, item: Verdict) -> None:
        """Add the verdict of the next fault."""
        super().append(item)
        self.outcomes[item.outcome] += 1
        self.fired += item.proof is not None
        if item.violations:
            self.violating.append(item)
        self.longest_boot = longer(self.longest_boot, item.boot)
        self.longest_verification = longer(self.longest_verification, item.verification)
        slowest = self.slowest_recovery
        if item.ready is not None and (slowest is None or slowest.ready is None or item.ready.us > slowest.ready.us):
            self.slowest_recovery = item

    def crash_images(self) -> int:
        """Return how many different crash images were booted; this unpacks every verdict."""
        return len({(verdict.case, bytes.fromhex(verdict.proof.crash_digest)) for verdict in self if verdict.proof})


def longer(one: TimeRange | None, other: TimeRange | None) -> TimeRange | None:
    """Return the longer of two times, of which each may be missing."""
    if one is None or other is None:
        return one or other
    return max(one, other)
