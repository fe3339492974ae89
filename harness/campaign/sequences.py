"""Sequences of cuts drawn by the seed: for what has too many pairs to search through all of them."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.campaign.boots import CaseLog, log_of
from harness.campaign.causes import find_causes
from harness.campaign.planning import plan_campaign
from harness.campaign.runner import FaultRunner, Job, WorkerStart
from harness.campaign.settings import SweepOptions
from harness.campaign.sweep import CampaignResult, Observer, run_clean
from harness.campaign.workers import Workers
from harness.errors import EngineError, InputError
from harness.fault.faults import Fault, Faults, spell_faults
from harness.fault.plan import TearChoice
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.prepared import PreparedScenario

_FAMILY = 16
"""Sequences that differ in their last cut only: what they share is made once."""
_LIVE = 8
"""Sequences that are also made by stopping the machine each time."""
_DRAWS = 100
"""How often another beginning is tried where a recovery can't be cut, and another operation where it can't tear so."""


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


def sweep_sequences(scenario: PreparedScenario, options: SweepOptions, depth: int, observer: Observer | None = None) -> CampaignResult:
    """Make `options.sample` sequences of `depth` cuts, drawn by the seed: the first from all that a sweep plans, each later one from its recovery.

    A sequence may be drawn twice; it counts twice.

    Raises:
        InputError: the options leave nothing to cut.
        EngineError: a fault did not fire, or an engine failed.
    """
    assert options.sample is not None
    started = time.monotonic()
    runs = run_clean(scenario, options)
    result = CampaignResult(scenario, options.seed, [verdict_of(run) for run in runs], engine=options.engine, depth=depth)
    result.told_of_update(runs)
    logs = [log_of(run, options.seed) for run in runs]
    result.operations = sum(len(boot.operations) for log in logs for boot in log.boots)
    if not result.violating:
        count = options.sample
        every_first = SweepOptions(options.seed, engine=options.engine, operations=options.operations, only_case=options.only_case, tears=options.tears)
        firsts, _ = plan_campaign(scenario, logs, every_first)
        draw = Draw(firsts, depth, options.tears, options.seed)
        result.planned = result.possible = count
        start = WorkerStart(scenario, logs, options.seed, options.engine, options.accelerations)
        _judge_all(result, draw, start, options.jobs, observer)
    result.causes = find_causes(scenario, result.violating, options.seed, options.engine)
    result.seconds = time.monotonic() - started
    return result


def _judge_all(result: CampaignResult, draw: Draw, start: WorkerStart, jobs: int, observer: Observer | None) -> None:
    if observer:
        for verdict in result.clean:
            observer.cleared(verdict)
        observer.planned(result.planned)
    sizes = [min(_FAMILY, result.planned - first) for first in range(0, result.planned, _FAMILY)]
    live = {round(place * (len(sizes) - 1) / (_LIVE - 1)) for place in range(_LIVE)}
    families = [(number, size, number in live) for number, size in enumerate(sizes)]
    try:
        with contextlib.closing(Workers(jobs, _start, (start.together(), draw))) as workers:
            submitted = (workers.submit(_judge, family) for family in families)
            for future, (_, size, is_live) in zip(submitted if jobs == 1 else list(submitted), families, strict=True):
                verdicts = future.result()
                if len(verdicts) != size:
                    raise EngineError(f"{size} sequences were planned and {len(verdicts)} were run")
                result.live_checked += is_live
                for verdict in verdicts:
                    result.verdicts.append(verdict)
                    if observer:
                        observer.judged(verdict)
    except KeyboardInterrupt:
        result.interrupted = True


_runner: FaultRunner | None = None
_draw: Draw | None = None


def _start(start: WorkerStart, draw: Draw) -> Callable[[], None]:
    global _runner, _draw
    _runner, _draw = start.tool(), draw
    return _runner.close


def _judge(family: tuple[int, int, bool]) -> list[Verdict]:
    if _runner is None or _draw is None:
        raise RuntimeError("_start was not called in this process")
    number, members, live = family
    verdicts = []
    for member, job in enumerate(_draw.family(number, members, _runner)):
        verdict = _runner.judge(Job(job.case, job.faults, live and not member))
        if verdict.proof is None or verdict.proof.faults != job.faults:
            raise EngineError(f"the faults planned were {spell_faults(job.faults)}, others fired")
        verdicts.append(verdict)
    return verdicts
