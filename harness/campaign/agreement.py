"""Do engines agree? The same faults on each of them: operations, crash images, flash at the end, verdicts."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from harness.build.conformance import conformance_names
from harness.campaign.accelerations import NO_ACCELERATION
from harness.campaign.boots import CaseLog, log_of
from harness.campaign.comparison import Difference, compare_conformance, compare_runs, is_known
from harness.campaign.conformance import Outcome, run_conformance
from harness.campaign.planning import plan_campaign
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import SweepOptions
from harness.campaign.sweep import run_clean
from harness.campaign.workers import results_in_order
from harness.errors import EngineError, InputError
from harness.fault.plan import FIVE_TEARS, TearChoice, random_sample
from harness.machine.engines import ENGINES
from harness.oracle.run import Run
from harness.scenario.prepared import PreparedScenario

_BATCH_JOBS = 1
_LEAST_ENGINES = 2


@dataclass(frozen=True, slots=True)
class AgreeOptions:
    """What is compared.

    Attributes:
        engines: the first one plans, and is what each other one is compared with.
        seed: feeds tears, RAM and the sample. sample: how many faults; None: all.
        only_case: a single case. jobs: worker processes, each with a machine of every engine.
        conformance: also run the device's conformance program, where it has one.
    """

    engines: tuple[str, ...] = ("embedded", "qemu")
    seed: int = 1
    sample: int | None = None
    only_case: str | None = None
    tears: TearChoice = FIVE_TEARS
    jobs: int = 1
    conformance: bool = True

    def sweep_options(self, engine: str) -> SweepOptions:
        """Return the same for one engine's sweep."""
        return SweepOptions(seed=self.seed, engine=engine, only_case=self.only_case, tears=self.tears)


@dataclass(frozen=True, slots=True)
class Compared:
    """One run on every engine.

    Attributes:
        seconds: wall time that each engine took, in the order of the engines.
    """

    differences: tuple[Difference, ...]
    seconds: tuple[float, ...]


@dataclass(slots=True)
class Agreement:
    """What a comparison found.

    Attributes:
        cases: clean runs compared. planned: faults to compare. compared: faults compared.
        not_cut: cases whose clean runs differ: their faults would not be the same ones.
        rules: of the flash controller, on which the conformance program was compared; rules_left_out: those that an engine does not show;
            rules_known: those on which an engine is known to differ, with its name and the cause.
        differences: of clean runs, faulted ones, and rules.
        cut_seconds: wall time of all faulted runs, by engine.
    """

    scenario: PreparedScenario
    options: AgreeOptions
    cases: int = 0
    planned: int = 0
    compared: int = 0
    not_cut: list[str] = field(default_factory=list)
    rules: int = 0
    rules_left_out: list[str] = field(default_factory=list)
    rules_known: list[tuple[str, str, str]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    cut_seconds: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

    def seconds_per_cut(self, engine: str) -> float | None:
        """Return the wall time of one cut made live, with the boots that follow; None where none was made."""
        return self.cut_seconds.get(engine, 0.0) / self.compared if self.compared else None


def agree(scenario: PreparedScenario, options: AgreeOptions, planned: Callable[[int], None] | None = None, done: Callable[[], None] | None = None) -> Agreement:
    """Run the clean run of each case, and the same cuts, on every engine, and compare. Ctrl-C ends it and keeps what was compared.

    Args:
        planned: hears how many cuts follow. done: hears of each cut.

    Raises:
        InputError: fewer than two engines, or one that is not usable here or lacks the device; or no such case.
        EngineError: an engine failed.
    """
    if len(set(options.engines)) < max(_LEAST_ENGINES, len(options.engines)):
        known = ", ".join(ENGINES)
        raise InputError("an agreement takes two different engines or more", source="--engines", remedy=f"Name them with commas, of: {known}.")
    result = Agreement(scenario, options)
    try:
        if options.conformance and scenario.device.name in conformance_names():
            _compare_rules(result)
        logs, jobs = _clean(result)
        result.planned = len(jobs)
        if planned:
            planned(len(jobs))
        for compared in _all_compared(scenario, logs, jobs, options):
            result.compared += 1
            result.differences += compared.differences
            for engine, seconds in zip(options.engines, compared.seconds, strict=True):
                result.cut_seconds[engine] = result.cut_seconds.get(engine, 0.0) + seconds
            if done:
                done()
    except KeyboardInterrupt:
        result.interrupted = True
    return result


def _compare_rules(result: Agreement) -> None:
    """Run the conformance program of the device on every engine."""
    first, *others = (run_conformance(result.scenario.device.name, None, engine) for engine in result.options.engines)
    for other in others:
        result.differences += compare_conformance(first, other)
    unseen = {row.rule.id for one in (first, *others) for row in one.rows if row.outcome is Outcome.NOT_SHOWN}
    result.rules = len(first.rows) - len(unseen)
    result.rules_left_out = sorted(unseen)
    result.rules_known = [
        (row.rule.id, one.engine, row.rule.known_differences[one.engine].cause) for one in (first, *others) for row in one.rows if is_known(row, one.engine)
    ]


def _clean(result: Agreement) -> tuple[list[list[CaseLog]], list[Job]]:
    """Compare the clean runs; return the logs of every engine, and the faults of the cases on which they agree."""
    options, scenario = result.options, result.scenario
    runs = [run_clean(scenario, options.sweep_options(engine)) for engine in options.engines]
    logs = [[log_of(run, options.seed) for run in one] for one in runs]
    for same in zip(*runs, strict=True):
        differences = _compare_all(options.engines, same)
        result.cases += 1
        result.differences += differences
        if differences:
            result.not_cut.append(same[0].case.name)
    planned, _ = plan_campaign(scenario, logs[0], options.sweep_options(options.engines[0]))
    jobs = [job for job in planned if logs[0][job.case].case.name not in result.not_cut]
    return logs, jobs if options.sample is None else random_sample(jobs, options.sample, options.seed)


def _compare_all(engines: Sequence[str], runs: Sequence[Run]) -> tuple[Difference, ...]:
    return tuple(difference for engine, run in zip(engines[1:], runs[1:], strict=True) for difference in compare_runs((engines[0], engine), (runs[0], run)))


class _Comparer:
    """A machine of every engine: what one worker process has."""

    def __init__(self, scenario: PreparedScenario, logs: Sequence[Sequence[CaseLog]], options: AgreeOptions) -> None:
        self._engines = options.engines
        self._runners = [FaultRunner(scenario, one, options.seed, engine, NO_ACCELERATION) for engine, one in zip(options.engines, logs, strict=True)]

    def compare(self, job: Job) -> Compared:
        """Make the cut on every engine, by stopping it right before the operation, and boot what it leaves."""
        runs, seconds = [], []
        for runner in self._runners:
            started = time.perf_counter()
            runs.append(runner.run(job))
            seconds.append(time.perf_counter() - started)
        return Compared(_compare_all(self._engines, runs), tuple(seconds))

    def close(self) -> None:
        """Release the machines."""
        for runner in self._runners:
            runner.close()


def _all_compared(scenario: PreparedScenario, logs: Sequence[Sequence[CaseLog]], jobs: Sequence[Job], options: AgreeOptions) -> Generator[Compared, None, None]:
    if options.jobs == 1:
        with contextlib.closing(_Comparer(scenario, logs, options)) as comparer:
            for job in jobs:
                yield comparer.compare(job)
        return
    batches = [jobs[start : start + _BATCH_JOBS] for start in range(0, len(jobs), _BATCH_JOBS)]
    results = results_in_order(_compare_batch, batches, options.jobs, _start_worker, (scenario, logs, options))
    yield from itertools.chain.from_iterable(results)


_worker: _Comparer | None = None


def _start_worker(scenario: PreparedScenario, logs: Sequence[Sequence[CaseLog]], options: AgreeOptions) -> Callable[[], None]:
    """Set up this process as a worker; return what ends that."""
    global _worker
    _worker = _Comparer(scenario, logs, options)
    return _worker.close


def _compare_batch(jobs: Sequence[Job]) -> list[Compared]:
    if _worker is None:
        raise EngineError("_start_worker was not called in this process")
    return [_worker.compare(job) for job in jobs]
