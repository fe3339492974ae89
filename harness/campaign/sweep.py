"""A sweep: every case's clean run, then every planned fault, over worker processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from harness.campaign.arrivals import Arrivals, NumberedJobs, judged_by_workers, judged_here, make_workers
from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.causes import find_causes
from harness.campaign.cluster import judged_by_cluster
from harness.campaign.collection import rare_collections
from harness.campaign.execution import Execution
from harness.campaign.exposure import exposures
from harness.campaign.planning import plan_campaign, plan_digest
from harness.campaign.result import CampaignResult, Observer
from harness.campaign.runner import Job, WorkerStart
from harness.campaign.settings import SweepOptions
from harness.campaign.store import CampaignStore
from harness.campaign.stored import spelled_fault
from harness.campaign.workers import Workers
from harness.errors import InputError
from harness.fault.faults import spell_faults
from harness.machine.engines import make_machine
from harness.oracle.run import Run
from harness.oracle.verdict import Verdict
from harness.scenario.prepared import PreparedCase, PreparedScenario

__all__ = ["CampaignResult", "Observer", "SweepOptions", "chosen_cases", "run_clean", "sweep"]


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
    with contextlib.closing(make_workers(options.jobs if options.cluster is None else 1)) as workers:
        result = _sweep(scenario, options, observer, store, workers)
    if options.stop_when is None:
        result.causes = find_causes(scenario, result.violating, options.seed, options.engine)
    result.seconds = store.seconds if store else time.monotonic() - started
    return result


def _sweep(scenario: PreparedScenario, options: SweepOptions, observer: Observer | None, store: CampaignStore | None, workers: Workers) -> CampaignResult:
    runs = run_clean(scenario, options)
    logs = [log_of(run, options.seed) for run in runs]
    result = CampaignResult.of_clean_runs(scenario, runs, logs, options)
    try:
        with rare_collections():
            Execution(FaultPlan(scenario, logs, options, workers, cuts=not result.violating), options, result, observer, store).run()
        if len(result.verdicts) == result.planned > 0:
            result.exposures = exposures(logs, result.clean, result.verdicts, options)
    except KeyboardInterrupt:
        result.interrupted = True
    return result


class FaultPlan:
    """Every planned fault of a sweep; see `Plan`.

    Args:
        workers: what judges the faults where there is more than one; see `make_workers`.
        cuts: whether there is anything to cut: a clean run that broke a rule leaves nothing to learn from cuts.
    """

    def __init__(self, scenario: PreparedScenario, logs: Sequence[CaseLog], options: SweepOptions, workers: Workers, *, cuts: bool) -> None:
        self._scenario = scenario
        self._logs = logs
        self._options = options
        self._workers = workers
        self._jobs: Sequence[Job]
        self._jobs, self.possible = plan_campaign(scenario, logs, options) if cuts else ([], 0)
        self.planned = len(self._jobs)

    @property
    def digest(self) -> str:
        """SHA-256 over the operation logs and every fault."""
        return plan_digest(self._logs, self._jobs)

    def is_live(self, number: int) -> bool:
        """Tell whether the machine is stopped for this cut, too."""
        return self._jobs[number].live

    def difference(self, number: int, verdict: Verdict) -> str:
        """Return in what a verdict is not that of the fault with this number, "" if it is."""
        job = self._jobs[number] if number in range(self.planned) else None
        case = None if job is None else self._logs[job.case].case.name
        proof = verdict.proof
        if job is not None and proof is not None and proof.faults == job.faults and verdict.case == case:
            return ""
        planned = "nothing" if job is None else f"{case}:{spell_faults(job.faults)}"
        return f"{planned} was planned, and {spelled_fault(verdict)} fired"

    def judge(self, numbers: Sequence[int]) -> Arrivals:
        """Give these faults to whoever judges them; yield their verdicts as they come."""
        options = self._options
        jobs = NumberedJobs(numbers, self._jobs)
        start = WorkerStart(self._scenario, self._logs, options.seed, options.engine, options.accelerations)
        if options.cluster is not None:
            return judged_by_cluster(start, jobs, options.cluster)
        return judged_here(start, jobs) if options.jobs == 1 else judged_by_workers(start, jobs, self._workers)
