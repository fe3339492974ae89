"""Makes faults, runs them, judges them: what one worker process does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.campaign.accelerations import EVERY_ACCELERATION, Accelerations, accelerates, machine_of, make_accelerated
from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.collection import rare_collections
from harness.campaign.known_verdicts import KnownVerdicts
from harness.campaign.leg import Leg, Stretch
from harness.campaign.pruning import ClosedPages
from harness.errors import EngineError
from harness.fault.crash import CrashImage
from harness.fault.faults import Fault, Faults, spell_faults
from harness.machine.engines import make_machine, shared_calls
from harness.machine.protocol import Machine
from harness.machine.sharing import SharingMachine
from harness.oracle.run import History, Run
from harness.oracle.verdict import Verdict, verdict_of
from harness.quick_pickle import quickly_pickled
from harness.scenario.prepared import PreparedScenario

if TYPE_CHECKING:
    from harness.machine.calls import SharedCalls

_LEGS_KEPT = 8
_LONG_STRETCH = 32
"""Operations in one page from which on it pays to find out at once what the recoveries look at."""


@quickly_pickled
@dataclass(frozen=True, slots=True)
class Job:
    """One faulted run to make.

    Attributes:
        case: index into the campaign's case logs.
        faults: at least one; each later one falls into the recovery after the one before it.
        live: also make the crash image by stopping the machine, and compare.
    """

    case: int
    faults: Faults
    live: bool = False


class FaultRunner:
    """One machine and the logs of a campaign's clean runs.

    Two faults that leave the same bytes after as many page erases are the same run (see docs/DESIGN.md, the loop): it is judged once.

    Args:
        accelerations: what to do only once. Cuts made live share no boots and prune no runs; the first of each case is executed to the last instruction.
        calls: calls that other processes share too; None: only this runner's machines do.
    """

    def __init__(
        self,
        scenario: PreparedScenario,
        logs: Sequence[CaseLog],
        seed: int,
        engine: str,
        accelerations: Accelerations = EVERY_ACCELERATION,
        calls: SharedCalls | None = None,
    ) -> None:
        self._scenario = scenario
        self._seed = seed
        build = (scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
        self._plain = machine_of(lambda: make_machine(engine, *build), engine, accelerations)
        accelerated = accelerates(engine, accelerations)
        self._machine, self._booting = make_accelerated(engine, accelerations, *build, calls) if accelerated else (self._plain, self._plain)
        self._checked: set[int] = set()
        self._clean = [Leg(scenario, log) for log in logs]
        self._legs: OrderedDict[tuple[int, Faults], Leg] = OrderedDict()
        self._known = KnownVerdicts()
        self._here: tuple[Leg, History, dict[str, Verdict]] | None = None  # neighbours are mostly looked up in the same place
        self._closed = ClosedPages(scenario) if accelerations.prune else None

    def judge(self, job: Job) -> Verdict:
        """Make the faults, boot what they leave, and judge.

        Raises:
            EngineError: a fault did not fire; or, for a live job, the crash image made by stopping the machine, or the verdict of boots
                that were all really made, is another one.
        """
        leg, crash, history = self._cut(job)
        if self._here is None or self._here[0] is not leg or self._here[1] is not history:
            self._here = (leg, history, self._known.place((leg.log.case.name, history)))
        here = self._here[2]
        known = here.get(crash.proof.crash_digest)
        if known is None:
            stretch = leg.stretch(job.faults[-1]) if self._closed else None
            known = here[crash.proof.crash_digest] = self._judge_anew(leg, (job.case, job.faults[:-1]), stretch, crash, history)
        verdict = known.of_fault(crash.proof)
        if job.live:
            self._compare_live(job, verdict)
        return verdict

    def _judge_anew(self, leg: Leg, name: Hashable, stretch: Stretch | None, crash: CrashImage, history: History) -> Verdict:
        place = self._closed.place(name, stretch, crash, history) if self._closed else None
        known = self._closed.find(place) if self._closed else None
        if known is None:
            if self._closed and isinstance(self._machine, SharingMachine):
                self._machine.keen = stretch is not None and stretch.length >= _LONG_STRETCH
            run = self._recovery(self._machine, leg, crash, history)
            known = verdict_of(run)
            if self._closed:
                self._closed.keep(place, stretch, run, known)
        return known

    def crash_image(self, job: Job) -> CrashImage:
        """Return what the last of the faults leaves, by the log."""
        return self._leg(job.case, job.faults[:-1]).crash_image(job.faults[-1], self._seed)

    @property
    def scenario(self) -> PreparedScenario:
        """What is run."""
        return self._scenario

    @property
    def machine(self) -> Machine:
        """The machine that makes recoveries."""
        return self._machine

    def load(self, logs: Sequence[CaseLog]) -> None:
        """Take other clean runs in place of those that jobs referred to so far."""
        self._clean = [Leg(self._scenario, log) for log in logs]
        self._legs.clear()
        self._known.clear()
        self._here = None
        self._checked.clear()
        self._closed = ClosedPages(self._scenario) if self._closed else None

    def log_after(self, case: int, faults: Faults) -> CaseLog:
        """Return the run that a fault after `faults` falls into.

        Raises:
            EngineError: a fault did not fire.
        """
        return self._leg(case, faults).log

    def crash_and_recovery(self, job: Job) -> tuple[CrashImage, Run]:
        """Make the faults by the log; return what the last of them leaves, and the run that follows.

        Raises:
            EngineError: a fault did not fire.
        """
        leg, crash, history = self._cut(job)
        return crash, self._recovery(self._machine, leg, crash, history)

    def run(self, job: Job) -> Run:
        """Make the faults live and keep the whole run after the last of them."""
        *_, (_, run) = self.runs(job)
        return run

    def runs(self, job: Job, before: Callable[[CaseLog, Fault], None] | None = None) -> Iterator[tuple[CaseLog, Run]]:
        """Make the faults live, one after the other; yield the log of the run that each fell into, and the run that followed.

        Args:
            before: called with each log and fault before that fault is made; may refuse it.
        """
        yield from self._runs(self._plain, job, before)

    def _runs(self, machine: Machine, job: Job, before: Callable[[CaseLog, Fault], None] | None = None) -> Iterator[tuple[CaseLog, Run]]:
        leg = self._clean[job.case]
        for number, fault in enumerate(job.faults, 1):
            if before:
                before(leg.log, fault)
            crash = leg.live_crash_image(machine, fault, self._seed)
            run = self._recovery(machine, leg, crash, leg.history(fault))
            yield leg.log, run
            if number < len(job.faults):
                leg = self._leg_of(run)

    @property
    def runs_pruned(self) -> int:
        """How many runs were not made because they could not differ from an earlier one."""
        return self._closed.pruned if self._closed else 0

    def close(self) -> None:
        """Release the machines."""
        self._plain.close()
        if self._machine is not self._plain:
            self._machine.close()

    def _cut(self, job: Job) -> tuple[Leg, CrashImage, History]:
        leg = self._leg(job.case, job.faults[:-1])
        return leg, leg.crash_image(job.faults[-1], self._seed), leg.history(job.faults[-1])

    def _recovery(self, machine: Machine, leg: Leg, crash: CrashImage, history: History) -> Run:
        run = run_until_settled(machine, self._scenario, leg.log.case, crash.state, self._seed, crash.proof)
        return replace(run, history=history)

    def _leg(self, case: int, faults: Faults) -> Leg:
        """Return the run that a fault after `faults` falls into; the last few are kept."""
        if not faults:
            return self._clean[case]
        key = (case, faults)
        if key not in self._legs:
            leg = self._leg(case, faults[:-1])
            crash = leg.crash_image(faults[-1], self._seed)
            self._legs[key] = self._leg_of(self._recovery(self._machine, leg, crash, leg.history(faults[-1])))
            if len(self._legs) > _LEGS_KEPT:
                self._legs.popitem(last=False)
        self._legs.move_to_end(key)
        return self._legs[key]

    def _leg_of(self, run: Run) -> Leg:
        return Leg(self._scenario, log_of(run, self._seed), run.fault, run.history)

    def _compare_live(self, job: Job, verdict: Verdict) -> None:
        # Each case's first is made with every instruction executed, the others boot by boot, with calls shared and rests known.
        machine = self._booting if job.case in self._checked else self._plain
        self._checked.add(job.case)
        *_, (_, run) = self._runs(machine, job)
        live = verdict_of(run)
        if live != verdict:
            case = self._clean[job.case].log.case.name
            raise EngineError(f"case {case}, fault {spell_faults(job.faults)}: the cut made live gives another verdict: {live}, not {verdict}")


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """What a worker needs once; the same as the arguments of a `FaultRunner`."""

    scenario: PreparedScenario
    logs: Sequence[CaseLog]
    seed: int
    engine: str
    accelerations: Accelerations = EVERY_ACCELERATION
    calls: SharedCalls | None = None

    def tool(self) -> FaultRunner:
        """Return a runner made with these."""
        return FaultRunner(self.scenario, self.logs, self.seed, self.engine, self.accelerations, self.calls)

    def together(self) -> WorkerStart:
        """Return the same for workers that are forked from one process: what calls one of them records, all look up."""
        return replace(self, calls=shared_calls(self.engine))


_worker: FaultRunner | None = None


def start_worker(start: WorkerStart) -> Callable[[], None]:
    """Set up this process as a worker; return what ends that."""
    global _worker
    _worker = start.tool()
    return _worker.close


def run_batch(jobs: Sequence[Job]) -> list[Verdict]:
    """Run a batch in this worker."""
    if _worker is None:
        raise RuntimeError("start_worker was not called in this process")
    with rare_collections():
        return [_worker.judge(job) for job in jobs]
