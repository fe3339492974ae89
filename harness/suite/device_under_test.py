"""One case of a scenario on one engine: run once uninterrupted, then cut as often as a suite asks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

from harness.campaign.boots import CaseLog, log_of
from harness.campaign.cut_point import find_cut_point
from harness.campaign.planning import plan_campaign
from harness.campaign.replay import Replay, check_operation
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import SweepOptions
from harness.campaign.sweep import run_clean
from harness.errors import InputError
from harness.fault.faults import Fault, Faults
from harness.fault.plan import FIVE_TEARS, TearChoice
from harness.machine.capability import Capability
from harness.machine.engines import shown_by
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.hostile import find_case
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario
from harness.suite.device_run import DeviceRun


@functools.lru_cache(maxsize=4)
def build(reference: str, options: PrepareOptions) -> PreparedScenario:
    """Build a scenario; the last few are kept for the suites that follow."""
    return prepare(reference, options)


class DeviceUnderTest:
    """A device that holds the flash of one case whenever it is powered on.

    Args:
        case: its name, or that of an image of the table of `harness hostile`; None takes the first.
        seed: feeds tears, samples and the content of RAM.

    Attributes:
        last_run: what was made last; None where nothing was yet.

    Raises:
        InputError: there is no such case, or the engine is not usable here.
    """

    def __init__(self, scenario: PreparedScenario, case: str | None = None, *, engine: str = "embedded", seed: int = 1) -> None:
        self.scenario = _with_case(scenario, case)
        self.case = case or scenario.cases[0].name
        self.engine = engine
        self.seed = seed
        self.last_run: DeviceRun | None = None
        (self._clean,) = run_clean(self.scenario, self._options())
        self._log: CaseLog | None = None
        self._runner: FaultRunner | None = None

    def __enter__(self) -> Self:
        """Return the device."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    @property
    def operations(self) -> int:
        """How many flash operations the uninterrupted run makes."""
        return sum(len(trace.operations) for trace in self._clean.traces)

    def run(self) -> DeviceRun:
        """Return the uninterrupted run."""
        return self._told(Replay(self._clean, (), self._clean, verdict_of(self._clean)))

    def cut(self, *faults: Fault) -> DeviceRun:
        """Cut power live, by stopping the machine right before an operation, and run what that leaves.

        Args:
            faults: at least one; each later one falls into the recovery after the one before it.

        Raises:
            InputError: there is no such operation, or it can't tear like that.
        """
        job = Job(0, faults)
        cuts = list(self._faults().runs(job, before=lambda log, fault: check_operation(log, fault, source=f"case {self.case}")))
        _, run = cuts[-1]
        return self._told(Replay(self._clean, tuple(log for log, _ in cuts), run, verdict_of(run)))

    def cut_at(self, time_ps: int) -> DeviceRun:
        """Cut power at a moment of the uninterrupted run.

        Args:
            time_ps: virtual time since the first reset.

        Raises:
            InputError: the run has ended by then, or the engine does not model time.
        """
        if Capability.TIME not in shown_by(self.engine):
            raise InputError(f"the {self.engine} engine does not model time", source="time of the cut", remedy="Cut at an operation instead.")
        return self.cut(find_cut_point(self._clean, time_ps).fault)

    def plan(self, sample: int | None = None, tears: TearChoice = FIVE_TEARS) -> list[Faults]:
        """Return the cuts that a sweep of this case makes.

        Args:
            sample: only so many of them, drawn by the seed; None: all.

        Raises:
            InputError: the case has nothing to cut.
        """
        jobs, _ = plan_campaign(self.scenario, [self._log_of_clean()], self._options(sample, tears))
        return [job.faults for job in jobs]

    def judge_cuts(self, plan: list[Faults]) -> Iterator[tuple[Faults, Verdict]]:
        """Yield the verdict of each cut. Boots and calls that must go the same way are made once, as in a sweep."""
        for faults in plan:
            yield faults, self._faults().judge(Job(0, faults))

    def close(self) -> None:
        """Release the machines; they are made again when needed."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _options(self, sample: int | None = None, tears: TearChoice = FIVE_TEARS) -> SweepOptions:
        return SweepOptions(seed=self.seed, engine=self.engine, only_case=self.case, sample=sample, tears=tears)

    def _log_of_clean(self) -> CaseLog:
        if self._log is None:
            self._log = log_of(self._clean, self.seed)
        return self._log

    def _faults(self) -> FaultRunner:
        if self._runner is None:
            self._runner = FaultRunner(self.scenario, [self._log_of_clean()], self.seed, self.engine)
        return self._runner

    def _told(self, replay: Replay) -> DeviceRun:
        self.last_run = DeviceRun(replay, self.seed, self.engine)
        return self.last_run


def _with_case(scenario: PreparedScenario, name: str | None) -> PreparedScenario:
    """Return a scenario that has the case too: its own as it is, one of the table of hostile images behind them. Unknown names are refused later."""
    if name is None or any(case.name == name for case in scenario.cases):
        return scenario
    try:
        return replace(scenario, cases=(*scenario.cases, find_case(scenario, name)))
    except KeyError:
        return scenario
