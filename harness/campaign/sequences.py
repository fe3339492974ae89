"""Sequences of cuts drawn by the seed: for what has too many pairs to search through all of them."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.campaign.arrivals import Arrivals
from harness.campaign.boots import CaseLog, log_of
from harness.campaign.causes import find_causes
from harness.campaign.execution import Execution
from harness.campaign.planning import plan_campaign, plan_digest
from harness.campaign.result import CampaignResult, Observer
from harness.campaign.runner import FaultRunner, Job, WorkerStart
from harness.campaign.settings import SweepOptions
from harness.campaign.store import CampaignStore
from harness.campaign.stored import spelled_fault
from harness.campaign.sweep import run_clean
from harness.campaign.workers import Workers
from harness.errors import EngineError, InputError
from harness.fault.faults import Fault, Faults, spell_faults
from harness.fault.plan import TearChoice
from harness.oracle.verdict import Verdict
from harness.scenario.prepared import PreparedScenario

_FAMILY = 16
"""Sequences that differ in their last cut only: what they share is made once."""
_LIVE = 8
"""Sequences that are also made by stopping the machine each time."""
_DRAWS = 100
"""How often another beginning is tried where a recovery can't be cut, and another operation where it can't tear so."""
_AHEAD = 4
"""Families that are given out for each worker: none of them waits for this process."""


@dataclass(frozen=True, slots=True)
class Draw:
    """How sequences are drawn: in families, which have all cuts but the last in common.

    Attributes:
        firsts: what the first cut is drawn from, evenly: jobs of one fault. depth: cuts in a row, at least 2.
        tears: what the later cuts may leave.
    """

    firsts: Sequence[Job]
    depth: int
    tears: TearChoice
    seed: int

    def family(self, number: int, members: int, runner: FaultRunner) -> list[Job]:
        """Return the sequences of a family in the order of their last cuts: the same on every machine.

        Raises:
            InputError: the recoveries have nothing to cut.
        """
        draw = random.Random(f"{self.seed}:family {number}")
        for _ in range(_DRAWS):
            first = draw.choice(self.firsts)
            faults: Faults = first.faults
            while len(faults) < self.depth - 1 and (last := self._last(runner.log_after(first.case, faults), draw)) is not None:
                faults = (*faults, last)
            log = runner.log_after(first.case, faults)
            tried = (self._last(log, draw) for _ in range(_DRAWS * members))
            lasts = list(itertools.islice((last for last in tried if last is not None), members))
            drawn = sorted(lasts, key=lambda last: (last.boot, last.operation))
            if len(faults) == self.depth - 1 and len(drawn) == members:
                return [Job(first.case, (*faults, last)) for last in drawn]
        raise InputError(f"no recovery can be cut {self.depth - 1} times", source="--depth", remedy="Give a smaller one.")

    def _last(self, log: CaseLog, draw: random.Random) -> Fault | None:
        counts = [len(boot.operations) for boot in log.boots]
        if not any(counts):
            return None
        boot = draw.choices(range(len(counts)), counts)[0]
        possible: list[Fault] = self.tears.faults(boot, draw.choice(log.boots[boot].operations), self.seed)
        return draw.choice(possible) if possible else None


def sweep_sequences(scenario: PreparedScenario, options: SweepOptions, observer: Observer | None = None, store: CampaignStore | None = None) -> CampaignResult:
    """Make `options.sample` sequences of `options.depth` cuts, drawn by the seed: the first from all that a sweep plans, each later one from its recovery.

    A sequence may be drawn twice; it counts twice. Ctrl-C ends it, and keeps what was judged.

    Args:
        store: keeps verdicts as they come; those that it has already are taken from it, and not made again.

    Raises:
        InputError: the options leave nothing to cut; or the store is of another campaign, or can't be written.
        EngineError: a fault did not fire, or an engine failed.
    """
    started = time.monotonic()
    runs = run_clean(scenario, options)
    logs = [log_of(run, options.seed) for run in runs]
    result = CampaignResult.of_clean_runs(scenario, runs, logs, options)
    try:
        Execution(SequencePlan(scenario, logs, options, cuts=not result.violating), options, result, observer, store).run()
    except KeyboardInterrupt:
        result.interrupted = True
    result.causes = find_causes(scenario, result.violating, options.seed, options.engine)
    result.seconds = store.seconds if store else time.monotonic() - started
    return result


@dataclass(frozen=True, slots=True)
class _Family:
    """Sequences to judge.

    Attributes:
        size: of the whole family. wanted: its members that are judged. live: the first member is made live, too.
    """

    number: int
    size: int
    wanted: tuple[int, ...]
    live: bool


class SequencePlan:
    """Sequences of cuts by number; see `Plan`. Which cuts they are is known once the recoveries were made that they fall into.

    Args:
        options: with a sample, and more than one cut in a row.
        cuts: whether there is anything to cut: a clean run that broke a rule leaves nothing to learn from cuts.
    """

    def __init__(self, scenario: PreparedScenario, logs: Sequence[CaseLog], options: SweepOptions, *, cuts: bool) -> None:
        assert options.sample is not None
        every_first = SweepOptions(options.seed, engine=options.engine, operations=options.operations, only_case=options.only_case, tears=options.tears)
        firsts: Sequence[Job] = plan_campaign(scenario, logs, every_first)[0] if cuts else []
        self.planned = self.possible = options.sample if cuts else 0
        self._draw = Draw(firsts, options.depth, options.tears, options.seed)
        self._start = WorkerStart(scenario, logs, options.seed, options.engine, options.accelerations)
        self._processes = options.jobs
        families = -(-self.planned // _FAMILY)
        self._live = {round(place * (families - 1) / (_LIVE - 1)) for place in range(_LIVE)}

    @property
    def digest(self) -> str:
        """SHA-256 over the operation logs, every first cut, and how the others are drawn."""
        how = f"{plan_digest(self._start.logs, self._draw.firsts)} {self._draw.depth} {_FAMILY} {_DRAWS}"
        return hashlib.sha256(how.encode()).hexdigest()

    def is_live(self, number: int) -> bool:
        """Tell whether the machine is stopped for these cuts, too."""
        return number % _FAMILY == 0 and number // _FAMILY in self._live

    def difference(self, number: int, verdict: Verdict) -> str:
        """Return in what a verdict cannot be that of the sequence with this number, "" if it can: as many cuts as it has are said to have fired."""
        if number not in range(self.planned):
            return f"nothing was planned, and {spelled_fault(verdict)} fired"
        if verdict.proof is None or len(verdict.proof.faults) != self._draw.depth:
            return f"{self._draw.depth} cuts were planned, and {spelled_fault(verdict)} fired"
        return ""

    def judge(self, numbers: Sequence[int]) -> Arrivals:
        """Draw these sequences and judge them; yield the verdicts of each family as they come."""
        families = [self._family(number, [*members]) for number, members in itertools.groupby(numbers, lambda number: number // _FAMILY)]
        with contextlib.closing(Workers(self._processes, _start, (self._start.together(), self._draw))) as workers:
            for family, verdicts in workers.results(_judge, families, _AHEAD):
                yield [(family.number * _FAMILY + member, verdict) for member, verdict in zip(family.wanted, verdicts, strict=True)]

    def drawn(self, number: int, runner: FaultRunner) -> Job:
        """Return the sequence with a number."""
        family = self._family(number // _FAMILY, [number])
        return self._draw.family(family.number, family.size, runner)[number % _FAMILY]

    def _family(self, number: int, members: Sequence[int]) -> _Family:
        size = min(_FAMILY, self.planned - number * _FAMILY)
        return _Family(number, size, tuple(member % _FAMILY for member in members), number in self._live)


_runner: FaultRunner | None = None
_draw: Draw | None = None


def _start(start: WorkerStart, draw: Draw) -> Callable[[], None]:
    global _runner, _draw
    _runner, _draw = start.tool(), draw
    return _runner.close


def _judge(family: _Family) -> list[Verdict]:
    if _runner is None or _draw is None:
        raise RuntimeError("_start was not called in this process")
    return list(_judged(_runner, _draw.family(family.number, family.size, _runner), family))


def _judged(runner: FaultRunner, sequences: Sequence[Job], family: _Family) -> Iterator[Verdict]:
    for member in family.wanted:
        job = sequences[member]
        verdict = runner.judge(Job(job.case, job.faults, family.live and not member))
        if verdict.proof is None or verdict.proof.faults != job.faults:
            raise EngineError(f"the faults planned were {spell_faults(job.faults)}, others fired")
        yield verdict
