"""A sweep: every case's clean run, then every planned fault, over worker processes."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.runner import FaultRunner, Job, run_batch, start_worker
from harness.campaign.workers import results_in_order
from harness.errors import EngineError, InputError
from harness.fault.faults import Fault, spell_faults
from harness.fault.plan import FIVE_TEARS, TearChoice, coarse_first, every_operation, in_turn, live_sample, random_sample, within
from harness.machine.engines import make_machine
from harness.oracle.run import Run
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.model import Cuts, ExpectedEnd
from harness.scenario.prepared import PreparedCase, PreparedScenario

_BATCH_JOBS = 24
_LIVE_SAMPLE = 8


class Observer(Protocol):
    """Hears how a campaign goes on."""

    def cleared(self, verdict: Verdict) -> None:
        """A case's clean run is judged."""
        ...

    def planned(self, total: int) -> None:
        """The clean runs hold; `total` faults follow."""
        ...

    def judged(self, verdict: Verdict) -> None:
        """One fault is judged; called in plan order."""
        ...


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How to sweep.

    Attributes:
        seed: feeds tears and RAM. jobs: worker processes; 1 runs in this process. engine: which engine.
        operations: (first, last) to sweep only these; None: every operation.
        only_case: sweep a single case.
        share: do not repeat boots that must go as an earlier one did; the verdicts are the same either way.
        tears: what each operation is torn to.
        sample: of each case's faults only so many, drawn by the seed; None: all.
        stop_when: stop after the first verdict for which this is true, searching coarsely first.
    """

    seed: int = 1
    jobs: int = 1
    engine: str = "embedded"
    operations: tuple[int, int] | None = None
    only_case: str | None = None
    share: bool = True
    tears: TearChoice = FIVE_TEARS
    sample: int | None = None
    stop_when: Callable[[Verdict], bool] | None = None


@dataclass(slots=True)
class CampaignResult:
    """What a campaign found.

    Attributes:
        clean: the clean run of each case. operations: their number over all cases.
        possible: the faults that a sample was drawn from; equal to `planned` where none was.
        verdicts: of the faults, in plan order; shorter than `planned` if interrupted or stopped by a clean-run violation.
        live_checked: crash images that were also made live, all of them equal.
        update: virtual time from reset until the new version runs, in the clean run of the first case that installs one; None if there is
            no such case.
    """

    scenario: PreparedScenario
    seed: int
    clean: list[Verdict]
    operations: int = 0
    planned: int = 0
    possible: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    live_checked: int = 0
    update: TimeRange | None = None
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def violating(self) -> list[Verdict]:
        """The verdicts, clean runs first, that broke a rule."""
        return [verdict for verdict in [*self.clean, *self.verdicts] if verdict.violations]

    @property
    def longest_boot(self) -> TimeRange | None:
        """The longest start that updated nothing, over all runs."""
        return max((verdict.boot for verdict in [*self.clean, *self.verdicts] if verdict.boot), default=None)

    @property
    def longest_verification(self) -> TimeRange | None:
        """The longest time that one boot spent verifying, over all runs."""
        return max((verdict.verification for verdict in [*self.clean, *self.verdicts] if verdict.verification), default=None)

    @property
    def slowest_recovery(self) -> Verdict | None:
        """The verdict of the faulted run whose application took longest to run; None where none ran."""
        recovered = [verdict for verdict in self.verdicts if verdict.ready]
        return max(recovered, key=lambda verdict: verdict.ready.us if verdict.ready else 0.0, default=None)

    @property
    def fired(self) -> int:
        """How many faults have the proof that they fired."""
        return sum(verdict.proof is not None for verdict in self.verdicts)

    @property
    def distinct_crash_images(self) -> int:
        """How many different crash images were booted."""
        return len({(verdict.case, verdict.proof.crash_digest) for verdict in self.verdicts if verdict.proof})


def run_clean(scenario: PreparedScenario, options: SweepOptions) -> list[Run]:
    """Boot every chosen case uninterrupted.

    Raises:
        InputError: `only_case` names no case.
    """
    machine = make_machine(options.engine, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        return [run_until_settled(machine, scenario, case, case.state, options.seed) for case in chosen_cases(scenario, options.only_case)]
    finally:
        machine.close()


def chosen_cases(scenario: PreparedScenario, only_case: str | None) -> tuple[PreparedCase, ...]:
    """Return all cases, or the one named."""
    if only_case is None:
        return scenario.cases
    try:
        return (scenario.case(only_case),)
    except KeyError:
        names = ", ".join(case.name for case in scenario.cases)
        raise InputError(f"no case {only_case!r}", source=scenario.reference, field="case", remedy=f"Cases: {names}.") from None


def sweep(scenario: PreparedScenario, options: SweepOptions, observer: Observer | None = None) -> CampaignResult:
    """Run a campaign.

    A clean run that breaks a rule stops the campaign with that verdict. Ctrl-C stops it too, and keeps what was judged.

    Raises:
        InputError: the options name a case or an operation that does not exist.
        EngineError: a fault did not fire, or an engine failed.
    """
    started = time.monotonic()
    runs = run_clean(scenario, options)
    result = CampaignResult(scenario, options.seed, [verdict_of(run) for run in runs])
    result.update = next((verdict.ready for run, verdict in zip(runs, result.clean, strict=True) if run.case.end is ExpectedEnd.NEW), None)
    logs = [log_of(run, options.seed) for run in runs]
    result.operations = sum(len(boot.operations) for log in logs for boot in log.boots)
    try:
        _sweep_faults(scenario, logs, options, result, observer)
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.monotonic() - started
    return result


def _sweep_faults(scenario: PreparedScenario, logs: Sequence[CaseLog], options: SweepOptions, result: CampaignResult, observer: Observer | None) -> None:
    if observer:
        for verdict in result.clean:
            observer.cleared(verdict)
    if any(verdict.violations for verdict in result.clean):
        return
    jobs, result.possible = _plan(scenario, logs, options)
    result.planned = len(jobs)
    if observer:
        observer.planned(len(jobs))
    try:
        _judge_all(scenario, logs, jobs, options, result, observer)
    finally:
        result.live_checked = sum(job.live for job in jobs[: len(result.verdicts)])


def _plan(scenario: PreparedScenario, logs: Sequence[CaseLog], options: SweepOptions) -> tuple[list[Job], int]:
    """Return the jobs of all cases, and how many faults they were drawn from."""
    searching = options.stop_when is not None
    faults = {index: _faults_of(scenario, log, options) for index, log in enumerate(logs) if log.case.cuts is not Cuts.NONE}
    plans = [_plan_case(index, chosen, options, searching=searching) for index, chosen in faults.items()]
    jobs = in_turn(plans) if searching else [job for plan in plans for job in plan]
    if not jobs and (options.operations is not None or options.tears != FIVE_TEARS):
        raise _nothing_planned(logs, options)
    return jobs, sum(map(len, faults.values()))


def _nothing_planned(logs: Sequence[CaseLog], options: SweepOptions) -> InputError:
    longest = max(len(boot.operations) for log in logs for boot in log.boots)
    if options.operations is None or options.operations[0] < longest:
        remedy = "half-page needs a page erase; every other tear fits any operation. A case may cut only metadata."
        return InputError("no operation that is cut can leave these tears", source="--tears", remedy=remedy)
    first, last = options.operations
    return InputError(f"no operation lies in {first}..{last}", source="--operations", remedy=f"Operations run from 0 to {longest - 1}.")


def _faults_of(scenario: PreparedScenario, log: CaseLog, options: SweepOptions) -> list[Fault]:
    addresses = [scenario.regions["metadata"].addresses] if log.case.cuts is Cuts.METADATA else None
    faults = every_operation([boot.operations for boot in log.boots], addresses=addresses, tears=options.tears, seed=options.seed)
    if not any(boot.operations for boot in log.boots):
        raise InputError(
            f"the case {log.case.name!r} has nothing to cut: its clean run makes no flash operation",
            source=scenario.reference,
            field="case.cuts",
            remedy='Write cuts = "none" if only its clean run is to be judged.',
        )
    if options.operations is not None:
        faults = within(faults, *options.operations)
    return faults


def _plan_case(index: int, faults: list[Fault], options: SweepOptions, *, searching: bool) -> list[Job]:
    if options.sample is not None:
        faults = random_sample(faults, options.sample, options.seed)
    live = set(live_sample(faults, _LIVE_SAMPLE))
    return [Job(index, (fault,), fault in live) for fault in (coarse_first(faults) if searching else faults)]


def _judge_all(
    scenario: PreparedScenario,
    logs: Sequence[CaseLog],
    jobs: Sequence[Job],
    options: SweepOptions,
    result: CampaignResult,
    observer: Observer | None,
) -> None:
    planned = iter(jobs)
    batches = _in_this_process if options.jobs == 1 else _in_workers
    with contextlib.closing(batches(scenario, logs, jobs, options)) as verdicts:
        for verdict in itertools.chain.from_iterable(verdicts):
            _check_fired(verdict, logs, next(planned, None))
            result.verdicts.append(verdict)
            if observer:
                observer.judged(verdict)
            if options.stop_when is not None and options.stop_when(verdict):
                return
    if len(result.verdicts) != len(jobs):
        raise EngineError(f"{len(jobs)} faults were planned and {len(result.verdicts)} were run")


def _check_fired(verdict: Verdict, logs: Sequence[CaseLog], job: Job | None) -> None:
    """A verdict without proof that the planned fault fired is an error of the harness, never a pass."""
    fired = None if verdict.proof is None else (verdict.case, spell_faults(verdict.proof.faults))
    planned = None if job is None else (logs[job.case].case.name, spell_faults(job.faults))
    if fired is None or fired != planned:
        raise EngineError(f"the fault planned was {planned}, the fault that fired was {fired}")


def _in_this_process(scenario: PreparedScenario, logs: Sequence[CaseLog], jobs: Sequence[Job], options: SweepOptions) -> Generator[list[Verdict], None, None]:
    runner = FaultRunner(scenario, logs, options.seed, options.engine, share=options.share)
    try:
        for job in jobs:
            yield [runner.judge(job)]
    finally:
        runner.close()


def _in_workers(scenario: PreparedScenario, logs: Sequence[CaseLog], jobs: Sequence[Job], options: SweepOptions) -> Generator[list[Verdict], None, None]:
    batches = [jobs[start : start + _BATCH_JOBS] for start in range(0, len(jobs), _BATCH_JOBS)]
    yield from results_in_order(run_batch, batches, options.jobs, start_worker, (scenario, logs, options.seed, options.engine, options.share))
