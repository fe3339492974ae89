"""A sweep: every case's clean run, then every planned fault, over worker processes."""

from __future__ import annotations

import contextlib
import functools
import time
from array import array
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.campaign.arrivals import Arrivals, NumberedJob, NumberedJobs, in_order, judged_by_workers, judged_here
from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.causes import Cause, find_causes
from harness.campaign.cluster import judged_by_cluster
from harness.campaign.collection import rare_collections
from harness.campaign.exposure import exposures
from harness.campaign.planning import plan_campaign, plan_digest
from harness.campaign.runner import WorkerStart
from harness.campaign.settings import SweepOptions
from harness.campaign.store import CampaignStore
from harness.campaign.stored import Row, StoredPlan, fault_of
from harness.campaign.verdict_log import VerdictLog, longer
from harness.errors import EngineError, InputError
from harness.fault.faults import spell_faults
from harness.fault.plan import WHOLE, Shard
from harness.machine.engines import make_machine, shown_by
from harness.oracle.risk import Exposure
from harness.oracle.rules import rules_not_shown
from harness.oracle.run import Run
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict, verdict_of
from harness.oracle.wear import WornPage, most_worn
from harness.scenario.model import ExpectedEnd
from harness.scenario.prepared import PreparedCase, PreparedScenario

__all__ = ["CampaignResult", "Observer", "SweepOptions", "chosen_cases", "run_clean", "sweep"]


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


@dataclass(slots=True)
class CampaignResult:
    """What a campaign found.

    Attributes:
        clean: the clean run of each case. operations: their number over all cases.
        possible: the faults that a sample was drawn from; equal to `planned` where none was.
        planned: faults of the whole plan, or of the part of it that `shard` names.
        verdicts: of the faults, in plan order; shorter than `planned` if interrupted or stopped by a clean-run violation.
        live_checked: crash images that were also made live, all of them equal. kept: verdicts that were made before, and taken from a file.
        update: virtual time from reset until the new version runs, in the clean run of the first case that installs one; None if there is
            no such case.
        worn: the page that this update erases most; None where it erases none, or in a report from a file.
        engine: what ran the firmware. depth: cuts in a row of each faulted run.
        causes: the violations, equal ones taken together; empty where the campaign looked for one violation only.
        exposures: of each update whose every moment was judged. losses_per_hour: what its risk is told for.
    """

    scenario: PreparedScenario
    seed: int
    clean: list[Verdict]
    operations: int = 0
    planned: int = 0
    possible: int = 0
    verdicts: VerdictLog = field(default_factory=VerdictLog)
    live_checked: int = 0
    kept: int = 0
    shard: Shard = WHOLE
    update: TimeRange | None = None
    worn: WornPage | None = None
    causes: list[Cause] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    engine: str = "embedded"
    depth: int = 1
    exposures: list[Exposure] = field(default_factory=list)
    losses_per_hour: float = 1.0

    def told_of_update(self, runs: Sequence[Run]) -> None:
        """Take time and wear of the first update from the clean runs of the cases."""
        for run, verdict in zip(runs, self.clean, strict=True):
            if run.case.end is ExpectedEnd.NEW:
                self.update, self.worn = verdict.ready, most_worn(run)
                return

    @property
    def rules_not_shown(self) -> tuple[str, ...]:
        """The rules that this engine cannot show broken."""
        return rules_not_shown(shown_by(self.engine))

    @property
    def violating(self) -> Sequence[Verdict]:
        """The verdicts, clean runs first, that broke a rule."""
        clean = [verdict for verdict in self.clean if verdict.violations]
        return [*clean, *self.verdicts.violating] if clean else self.verdicts.violating

    @property
    def longest_boot(self) -> TimeRange | None:
        """The longest start that updated nothing, over all runs."""
        return functools.reduce(longer, (verdict.boot for verdict in self.clean), self.verdicts.longest_boot)

    @property
    def longest_verification(self) -> TimeRange | None:
        """The longest time that one boot spent verifying, over all runs."""
        return functools.reduce(longer, (verdict.verification for verdict in self.clean), self.verdicts.longest_verification)

    @property
    def slowest_recovery(self) -> Verdict | None:
        """The verdict of the faulted run whose application took longest to run; None where none ran."""
        return self.verdicts.slowest_recovery

    @property
    def fired(self) -> int:
        """How many faults have the proof that they fired."""
        return self.verdicts.fired

    @property
    def distinct_crash_images(self) -> int:
        """How many different crash images were booted; counted anew, over all verdicts, each time."""
        return self.verdicts.crash_images()


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


def sweep(scenario: PreparedScenario, options: SweepOptions, observer: Observer | None = None, store: CampaignStore | None = None) -> CampaignResult:
    """Run a campaign.

    A clean run that breaks a rule stops the campaign with that verdict. Ctrl-C stops it too, and keeps what was judged.

    Args:
        store: keeps verdicts as they come; those that it has already are taken from it, and not made again.

    Raises:
        InputError: the options name a case or an operation that does not exist; or the store is of another campaign, or can't be written.
        EngineError: a fault did not fire, or an engine failed.
    """
    started = time.monotonic()
    runs = run_clean(scenario, options)
    result = CampaignResult(scenario, options.seed, [verdict_of(run) for run in runs], engine=options.engine, shard=options.shard)
    result.told_of_update(runs)
    logs = [log_of(run, options.seed) for run in runs]
    result.operations = sum(len(boot.operations) for log in logs for boot in log.boots)
    try:
        with rare_collections():
            _Sweep(scenario, logs, options, result, observer, store).run()
        if len(result.verdicts) == result.planned > 0:
            result.exposures = exposures(logs, result.clean, result.verdicts, options)
    except KeyboardInterrupt:
        result.interrupted = True
    if options.stop_when is None:
        result.causes = find_causes(scenario, result.violating, options.seed, options.engine)
    result.seconds = store.seconds if store else time.monotonic() - started
    return result


class _Sweep:
    """The faulted runs of one campaign."""

    def __init__(
        self,
        scenario: PreparedScenario,
        logs: Sequence[CaseLog],
        options: SweepOptions,
        result: CampaignResult,
        observer: Observer | None,
        store: CampaignStore | None,
    ) -> None:
        self._scenario = scenario
        self._logs = logs
        self._options = options
        self._result = result
        self._observer = observer
        self._store = store
        violated = any(verdict.violations for verdict in result.clean)
        self._jobs, self._possible = ([], 0) if violated else plan_campaign(scenario, logs, options)

    def run(self) -> None:
        """Judge every fault of this part of the plan that the store does not have, and tell of all in plan order."""
        result = self._result
        block = self._options.shard.block(len(self._jobs))
        result.planned = len(block)
        result.possible = len(block) if self._options.sample is None else self._possible
        kept = self._kept() if self._store else ()
        result.kept = len(kept)
        if self._observer:
            for verdict in result.clean:
                self._observer.cleared(verdict)
            if self._jobs:
                self._observer.planned(len(block))
        known = ((row.number, row.verdict) for row in kept)
        with contextlib.closing(self._arrivals(_missing(block, kept))) as arrivals:
            for number, verdict in in_order(block, known, arrivals):
                result.verdicts.append(verdict)
                result.live_checked += self._jobs[number].live
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
        result = self._result
        digest = plan_digest(self._logs, self._jobs)
        self._store.plan(StoredPlan(digest, len(self._jobs), self._possible, result.operations, result.update, result.worn, tuple(result.clean)))
        return self._store.stored.checked(self._fault_of)

    def _fault_of(self, number: int) -> tuple[str, str] | None:
        """Return case and fault of a number of the plan."""
        if number not in range(len(self._jobs)):
            return None
        job = self._jobs[number]
        return self._logs[job.case].case.name, spell_faults(job.faults)

    def _arrivals(self, missing: Sequence[int]) -> Generator[tuple[int, Verdict], None, None]:
        """Judge faults; yield number and verdict of each as they come, checked and kept."""
        if not missing:
            return
        with contextlib.closing(self._batches(NumberedJobs(missing, self._jobs))) as batches:
            for batch in batches:
                self._check_fired(batch)
                if self._store:
                    self._store.add(Row(number, self._jobs[number].live, verdict) for number, verdict in batch)
                yield from batch

    def _batches(self, jobs: Sequence[NumberedJob]) -> Arrivals:
        """Give the jobs to whoever judges them."""
        options = self._options
        start = WorkerStart(self._scenario, self._logs, options.seed, options.engine, options.accelerations)
        if options.cluster is not None:
            return judged_by_cluster(start, jobs, options.cluster)
        return judged_here(start, jobs) if options.jobs == 1 else judged_by_workers(start, jobs, options.jobs)

    def _check_fired(self, batch: Sequence[tuple[int, Verdict]]) -> None:
        """A verdict without proof that the planned fault fired is an error of the harness, never a pass."""
        for number, verdict in batch:
            job = self._jobs[number]
            if verdict.proof is None or verdict.proof.faults != job.faults or verdict.case != self._logs[job.case].case.name:
                raise EngineError(f"the fault planned was {self._fault_of(number)}, the fault that fired was {fault_of(verdict)}")


def _missing(block: range, kept: Iterable[Row]) -> Sequence[int]:
    """Return the numbers of a part of the plan that were not kept."""
    have = {row.number for row in kept}
    return array("Q", (number for number in block if number not in have)) if have else block
