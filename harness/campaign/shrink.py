"""Shrinking: of a sequence of cuts that breaks a rule, the shortest and earliest one that still does.

Candidates are tried in the order that docs/DESIGN.md gives, and taken only if `order_of` puts them before the best so far: so it ends, and
the result is never worse than what it began with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, groupby, islice, pairwise

from harness.campaign.boots import CaseLog
from harness.campaign.runner import FaultRunner, Job
from harness.fault.faults import ERASE_TEARS, Fault, Faults, Tear
from harness.fault.order import faults_at, order_of, place_of
from harness.machine.protocol import Operation
from harness.oracle.verdict import Verdict

_MOST_ALIKE = 3
"""Operations that are taken for the one which a cut hit before another cut was left out."""
_MOST_TAILS = 4
"""Sequences that are tried of one selection of cuts."""
_MOST_COMBINED = 6
"""Cuts up to which every selection of them is tried."""

Place = tuple[Fault, Operation]
"""A fault, and the operation that it hits."""


@dataclass(frozen=True, slots=True)
class ShrinkStep:
    """One step.

    Attributes:
        name: what was tried. tries: how many runs were made for it. best: the best sequence afterwards.
    """

    name: str
    tries: int
    best: Faults


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What came of shrinking.

    Attributes:
        verdict: of the shortest and earliest sequence that was found. steps: how it was found.
        complete: everything was tried; else as many runs were made as were allowed, or the time was over.
    """

    verdict: Verdict
    steps: tuple[ShrinkStep, ...]
    complete: bool

    @property
    def faults(self) -> Faults:
        """The sequence; empty where the clean run shows it."""
        return self.verdict.proof.faults if self.verdict.proof else ()

    @property
    def tries(self) -> int:
        """How many runs were made."""
        return sum(step.tries for step in self.steps)


class _EnoughError(Exception):
    """As many runs were made as are allowed, or the time is over."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be shrunk.

    Attributes:
        case: index of its case among the runner's clean runs. clean: what came of that clean run.
        verdict: of the sequence. shows: whether a verdict shows what is to be kept; true for `verdict`.
        fewest: fewer cuts elsewhere need not be looked for: a search has. tears: those that may be made beside the ones of the sequence.
    """

    case: int
    clean: Verdict
    verdict: Verdict
    shows: Callable[[Verdict], bool]
    fewest: bool = False
    tears: tuple[Tear, ...] = ERASE_TEARS


def shrink(
    runner: FaultRunner,
    target: Target,
    *,
    most_tries: int | None = None,
    deadline: float | None = None,
    observer: Callable[[ShrinkStep], None] | None = None,
) -> Shrunk:
    """Reduce a sequence of cuts.

    Args:
        most_tries: make no more runs than that; None: as many as it takes. deadline: begin none after that, by `time.monotonic`; None: never.
        observer: hears of each step.

    Raises:
        EngineError: an engine failed.
    """
    return _Shrinker(runner, target, most_tries, deadline, observer).run()


def without_repeats(runner: FaultRunner, target: Target) -> Verdict:
    """Return what comes of a sequence in which a cut that comes several times in a row is made once, or not at all; of `target` if that shows nothing.

    Raises:
        EngineError: an engine failed.
    """
    return _Shrinker(runner, target, None, None, None).without_repeats()


class _Shrinker:
    """One sequence under way."""

    def __init__(
        self, runner: FaultRunner, target: Target, most_tries: int | None, deadline: float | None, observer: Callable[[ShrinkStep], None] | None
    ) -> None:
        self._runner = runner
        self._target = target
        self._best = target.verdict
        self._most_tries = most_tries
        self._deadline = deadline
        self._observer = observer
        self._tried: set[Faults] = set()
        self._tries = 0
        self._steps: list[ShrinkStep] = []

    def run(self) -> Shrunk:
        """Try everything, in order."""
        complete = True
        try:
            if not self._target.fewest:
                self._step("no cut at all", self._without_cuts)
            if any(before == after for before, after in pairwise(self._faults)):
                self._step("repeated cuts once", self.without_repeats)
            if self._faults:
                self._step("cuts left out", self._leave_out)
            if not self._target.fewest:
                self._search_fewer()
            if self._faults:
                self._step("earlier, and simpler", self._earlier)
        except _EnoughError:
            complete = False
        return Shrunk(self._best, tuple(self._steps), complete)

    @property
    def _faults(self) -> Faults:
        return self._best.proof.faults if self._best.proof else ()

    def _step(self, name: str, work: Callable[[], object]) -> None:
        before = self._tries
        try:
            work()
        finally:  # also where as many runs were made as are allowed
            step = ShrinkStep(name, self._tries - before, self._faults)
            self._steps.append(step)
            if self._observer:
                self._observer(step)

    def _try(self, faults: Faults) -> bool:
        """Make a sequence unless it is no better than the best one or was made before; tell whether it is the best one now."""
        if faults in self._tried or order_of(faults) >= order_of(self._faults):
            return False
        if self._tries == self._most_tries or (self._deadline is not None and time.monotonic() > self._deadline):
            raise _EnoughError
        self._tried.add(faults)
        self._tries += 1
        verdict = self._runner.judge(Job(self._target.case, faults))
        if self._target.shows(verdict):
            self._best = verdict
            return True
        return False

    def _search_fewer(self) -> None:
        count = 1
        while count < len(self._faults):
            self._step(f"{count} cut{'s' * (count > 1)}, the last one anywhere", partial(self._fewer, count))
            count += 1

    def _without_cuts(self) -> None:
        self._tries += 1
        if self._target.shows(self._target.clean):
            self._best = self._target.clean

    def without_repeats(self) -> Verdict:
        """Make cuts that come several times in a row once, or not at all."""
        groups = [(fault, len(list(same))) for fault, same in groupby(self._faults)]
        for most in (None, 1):
            faults = tuple(fault for fault, times in groups if most is None or times <= most)
            if faults and self._can_be_made(faults):
                self._try(faults)
        return self._best

    def _can_be_made(self, faults: Faults) -> bool:
        """Tell whether each fault of a sequence finds an operation with its number, of a kind that can be torn so."""
        for number, fault in enumerate(faults):
            boots = self._log(faults[:number]).boots
            if fault.boot >= len(boots) or fault.operation >= len(boots[fault.boot].operations):
                return False
            if fault not in faults_at(fault.boot, fault.operation, boots[fault.boot].operations[fault.operation].kind, self._target.tears, faults):
                return False
        return True

    def _leave_out(self) -> None:
        """Leave out half of the cuts, then a quarter, down to one at a time; begin again at each success."""
        size = len(self._faults) // 2
        while size:
            places = self._places(self._faults)
            selections = (places[:at] + places[at + size :] for at in range(0, len(places), size))
            if not any(self._try_any(self._made_again((), selection)) for selection in selections if selection):
                size //= 2
            size = min(size, len(self._faults) // 2)

    def _fewer(self, count: int) -> bool:
        """Keep some cuts and make one more, at every operation of what follows, with every tear."""
        places = self._places(self._faults)
        if len(places) > _MOST_COMBINED and 1 < count < len(places) - 1:
            return False
        prefixes = (prefix for kept in combinations(places, count - 1) for prefix in self._made_again((), list(kept)))
        return any(self._try_any((*prefix, fault) for fault in self._all_faults(prefix)) for prefix in prefixes)

    def _earlier(self) -> None:
        """Move each cut to earlier operations, the first cut first, and make tears simpler, until nothing changes."""
        changed = True
        while changed:
            moved = [self._move(position) for position in range(len(self._faults))]
            changed = any(moved)

    def _move(self, position: int) -> bool:
        """Move one cut, and what follows with it."""
        moved = False
        while self._try_any(self._with_moved(position, self._landmarks(position))):
            moved = True
        moved = self._close_in(position) or moved
        if position == len(self._faults) - 1:
            prefix = self._faults[:position]
            moved = self._try_any((*prefix, fault) for fault in self._all_faults(prefix)) or moved
        return self._try_any(self._with_moved(position, [place_of(self._faults[position])])) or moved

    def _close_in(self, position: int) -> bool:
        """Halve the distance to the last landmark that does not show it, as long as the middle does."""
        boot, at = place_of(self._faults[position])
        below = max((operation for number, operation in self._landmarks(position) if number == boot), default=-1)
        moved = False
        while at - below > 1:
            middle = (at + below) // 2
            if self._try_any(self._with_moved(position, [(boot, middle)])):
                moved, at = True, middle
            else:
                below = middle
        return moved

    def _landmarks(self, position: int) -> list[tuple[int, int]]:
        """Return the first, the middle and the last of each group of neighbours in one page, as far as they come before a cut."""
        found: list[tuple[int, int]] = []
        for number, boot in enumerate(self._log(self._faults[:position]).boots):
            for _, group in groupby(boot.operations, key=self._group_of):
                indices = [operation.index for operation in group]
                found += [(number, index) for index in sorted({indices[0], indices[len(indices) // 2], indices[-1]})]
        return [place for place in found if place < place_of(self._faults[position])]

    def _group_of(self, operation: Operation) -> tuple[int, int]:
        scenario = self._runner.scenario
        return operation.kind.value, (operation.address - scenario.flash_address) // scenario.device.flash.page_bytes.value

    def _with_moved(self, position: int, targets: Iterable[tuple[int, int]]) -> Iterator[Faults]:
        """Yield the best sequence with one cut moved, those after it where they hit what they hit before."""
        faults, places = self._faults, self._places(self._faults)
        boots = self._log(faults[:position]).boots
        for boot, index in targets:
            for fault in faults_at(boot, index, boots[boot].operations[index].kind, self._target.tears, faults):
                yield from self._made_again((*faults[:position], fault), places[position + 1 :])

    def _try_any(self, candidates: Iterable[Faults]) -> bool:
        return any(self._try(faults) for faults in candidates)

    def _all_faults(self, prefix: Faults) -> Iterator[Fault]:
        """Yield every fault of the run after `prefix`, in order."""
        for number, boot in enumerate(self._log(prefix).boots):
            for operation in boot.operations:
                yield from faults_at(number, operation.index, operation.kind, self._target.tears, self._faults)

    def _places(self, faults: Faults) -> list[Place]:
        """Return what each fault of a sequence hits."""
        return [(fault, self._log(faults[:number]).boots[fault.boot].operations[fault.operation]) for number, fault in enumerate(faults)]

    def _made_again(self, prefix: Faults, places: list[Place]) -> Iterator[Faults]:
        """Yield sequences that go on from `prefix` with cuts in operations that do what they did: the same number, or the same content."""
        yield from islice(self._continued(prefix, places), _MOST_TAILS)

    def _continued(self, prefix: Faults, places: list[Place]) -> Iterator[Faults]:
        if not places:
            yield prefix
            return
        (fault, operation), *rest = places
        for boot, index in _alike(self._log(prefix), fault, operation):
            yield from self._continued((*prefix, replace(fault, boot=boot, operation=index)), rest)

    def _log(self, prefix: Faults) -> CaseLog:
        return self._runner.log_after(self._target.case, prefix)


def _alike(log: CaseLog, fault: Fault, wanted: Operation) -> list[tuple[int, int]]:
    """Return the operations of a run that a fault may stand for: the one with its number, those that write the same to the same place, to any place."""
    here = [(number, operation) for number, boot in enumerate(log.boots) for operation in boot.operations if operation.kind is wanted.kind]
    numbered = [place_of(fault)] if place_of(fault) in {(number, operation.index) for number, operation in here} else []
    same = [(number, operation.index) for number, operation in here if (operation.address, operation.new) == (wanted.address, wanted.new)]
    elsewhere = [(number, operation.index) for number, operation in here if operation.new == wanted.new]
    return list(dict.fromkeys([*numbered, *same[:_MOST_ALIKE], *elsewhere[:_MOST_ALIKE]]))
