"""Makes faults, runs them, judges them: what one worker process does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.campaign.boots import CaseLog, live_crash_image, run_until_settled
from harness.errors import EngineError
from harness.fault.crash import FlashReplay
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import flash_map_of
from harness.machine.engines import make_machine, share_boots
from harness.machine.protocol import OperationKind
from harness.oracle.run import CutWear, Run
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.prepared import PreparedScenario


@dataclass(frozen=True, slots=True)
class Job:
    """One faulted run to make.

    Attributes:
        case: index into the campaign's case logs.
        live: also make the crash image by stopping the machine, and compare.
    """

    case: int
    fault: Fault
    live: bool = False


class FaultRunner:
    """One machine and the logs of a campaign's clean runs.

    Two faults that leave the same bytes after as many page erases are the same run (see docs/DESIGN.md, the loop): it is judged once.

    Args:
        share: do not repeat a boot that must go as an earlier one did; see `SharingMachine`.
    """

    def __init__(self, scenario: PreparedScenario, logs: Sequence[CaseLog], seed: int, engine: str, *, share: bool = True) -> None:
        self._scenario = scenario
        self._logs = logs
        self._seed = seed
        build = (scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
        self._plain = make_machine(engine, *build)
        self._machine = share_boots(self._plain, *build) if share else self._plain
        self._replays: dict[tuple[int, int], FlashReplay] = {}
        self._erases: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}
        self._known: dict[tuple[str, str, int], Verdict] = {}

    def judge(self, job: Job) -> Verdict:
        """Make one fault, boot what it leaves, and judge.

        Raises:
            EngineError: the fault did not fire; or, for a live job, the crash image made by stopping the machine, or the verdict of boots
                that were all really made, is another one.
        """
        case = self._logs[job.case].case
        crash = self._replay(job).crash_image(job.fault, self._seed)
        wear = self._wear(job)
        key = (case.name, crash.proof.crash_digest, wear.before)
        known = self._known.get(key)
        if known is None:
            run = run_until_settled(self._machine, self._scenario, case, crash.state, self._seed, crash.proof)
            known = verdict_of(replace(run, wear=wear))
            self._known[key] = known
        verdict = replace(known, proof=crash.proof)
        if job.live:
            self._compare_live(job, verdict)
        return verdict

    def run(self, job: Job) -> Run:
        """Make one fault live and keep the whole run, for a replay."""
        log = self._logs[job.case]
        crash = live_crash_image(self._plain, self._scenario, log.boots, job.fault, self._seed)
        run = run_until_settled(self._plain, self._scenario, log.case, crash.state, self._seed, crash.proof)
        return replace(run, wear=self._wear(job))

    def close(self) -> None:
        """Release the machine."""
        self._machine.close()

    def _wear(self, job: Job) -> CutWear:
        """Return the page erases of the clean run, as far as the fault and altogether."""
        boots = range(len(self._logs[job.case].boots))
        executed = job.fault.operation + (job.fault.tear is not Tear.NONE)
        before = [
            pages for boot in boots[: job.fault.boot + 1] for index, pages in self._page_erases(job.case, boot) if boot < job.fault.boot or index < executed
        ]
        return CutWear(sum(before), sum(pages for boot in boots for _, pages in self._page_erases(job.case, boot)))

    def _page_erases(self, case: int, boot: int) -> tuple[tuple[int, int], ...]:
        """Return (operation, pages erased) of every erase of a clean boot."""
        if (case, boot) not in self._erases:
            page_bytes = self._scenario.device.flash.page_bytes.value
            kinds = (OperationKind.PAGE_ERASE, OperationKind.MASS_ERASE)
            operations = self._logs[case].boots[boot].operations
            erases = ((operation.index, operation.size_bytes // page_bytes) for operation in operations if operation.kind in kinds)
            self._erases[case, boot] = tuple(erases)
        return self._erases[case, boot]

    def _replay(self, job: Job) -> FlashReplay:
        key = (job.case, job.fault.boot)
        if key not in self._replays:
            boots = self._logs[job.case].boots
            if job.fault.boot >= len(boots):
                raise EngineError(f"fault {job.fault} did not fire: the clean run has only {len(boots)} boots")
            boot = boots[job.fault.boot]
            self._replays[key] = FlashReplay(boot.start, boot.operations, flash_map_of(self._scenario))
        return self._replays[key]

    def _compare_live(self, job: Job, verdict: Verdict) -> None:
        live = verdict_of(self.run(job))
        if live != verdict:
            case = self._logs[job.case].case.name
            raise EngineError(f"case {case}, fault {job.fault}: the cut made live gives another verdict: {live}, not {verdict}")


_worker: FaultRunner | None = None


def start_worker(scenario: PreparedScenario, logs: Sequence[CaseLog], seed: int, engine: str, share: bool) -> None:
    """Set up this process as a worker."""
    global _worker
    _worker = FaultRunner(scenario, logs, seed, engine, share=share)


def run_batch(jobs: Sequence[Job]) -> list[Verdict]:
    """Run a batch in this worker."""
    if _worker is None:
        raise RuntimeError("start_worker was not called in this process")
    return [_worker.judge(job) for job in jobs]
