"""The execution of a plan: what a file does not have is judged, kept as it comes, and everything is told in the order of the plan."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Generator, Iterable, Sequence
from typing import Protocol

from harness.campaign.arrivals import Arrivals, in_order
from harness.campaign.result import CampaignResult, Observer
from harness.campaign.settings import SweepOptions
from harness.campaign.store import CampaignStore
from harness.campaign.stored import Row, StoredPlan
from harness.errors import EngineError
from harness.oracle.verdict import Verdict


class Plan(Protocol):
    """The faulted runs of a campaign by number, from 0."""

    @property
    def planned(self) -> int:
        """How many there are."""
        ...

    @property
    def possible(self) -> int:
        """How many they were drawn from; as many as there are where none was drawn."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 over all that decides which run has which number."""
        ...

    def is_live(self, number: int) -> bool:
        """Tell whether the machine is stopped for this run, too."""
        ...

    def difference(self, number: int, verdict: Verdict) -> str:
        """Return in what a verdict is not that of this number, with the proof that its faults fired; "" if it is."""
        ...

    def judge(self, numbers: Sequence[int]) -> Arrivals:
        """Judge these runs; yield their verdicts in batches as they come, in any order."""
        ...


class Execution:
    """One campaign under way; its clean runs are judged.

    Args:
        result: is filled. store: keeps verdicts as they come; those that it has already are taken from it.
    """

    def __init__(self, plan: Plan, options: SweepOptions, result: CampaignResult, observer: Observer | None, store: CampaignStore | None) -> None:
        self._plan = plan
        self._options = options
        self._result = result
        self._observer = observer
        self._store = store

    def run(self) -> None:
        """Judge every run of this part of the plan that the store does not have, and tell of all in plan order.

        Raises:
            InputError: the store is of another plan, or can't be written.
            EngineError: a fault did not fire, or an engine failed.
        """
        result, plan = self._result, self._plan
        block = self._options.shard.block(plan.planned)
        result.planned = len(block)
        result.possible = plan.possible if plan.possible > plan.planned else len(block)
        kept = self._kept() if self._store else ()
        result.kept = len(kept)
        if self._observer:
            for verdict in result.clean:
                self._observer.cleared(verdict)
            if plan.planned:
                self._observer.planned(len(block))
        known = ((row.number, row.verdict) for row in kept)
        with contextlib.closing(self._arrivals(_missing(block, kept))) as arrivals:
            for number, verdict in in_order(block, known, arrivals):
                result.verdicts.append(verdict)
                result.live_checked += plan.is_live(number)
                if self._observer:
                    self._observer.judged(verdict)
                if self._options.stop_when is not None and self._options.stop_when(verdict):
                    return
        if len(result.verdicts) != len(block):
            raise EngineError(f"{len(block)} faults were planned and {len(result.verdicts)} were run")

    def _kept(self) -> Sequence[Row]:
        """Return what the store has, in plan order, after holding it against the plan.

        Raises:
            InputError: it is of another plan.
        """
        assert self._store is not None
        result, plan = self._result, self._plan
        self._store.plan(StoredPlan(plan.digest, plan.planned, plan.possible, result.operations, result.update, result.worn, tuple(result.clean)))
        return self._store.stored.checked(plan.difference)

    def _arrivals(self, missing: Sequence[int]) -> Generator[tuple[int, Verdict], None, None]:
        """Judge runs; yield number and verdict of each as they come, checked and kept."""
        if not missing:
            return
        with contextlib.closing(self._plan.judge(missing)) as batches:
            for batch in batches:
                for number, verdict in batch:  # without proof that the planned fault fired it is an error of the harness, never a pass
                    if difference := self._plan.difference(number, verdict):
                        raise EngineError(f"run {number} of the campaign: {difference}")
                if self._store:
                    self._store.add(Row(number, self._plan.is_live(number), verdict) for number, verdict in batch)
                yield from batch


def _missing(block: range, kept: Iterable[Row]) -> Sequence[int]:
    """Return the numbers of a part of the plan that were not kept."""
    have = {row.number for row in kept}
    return array("Q", (number for number in block if number not in have)) if have else block
