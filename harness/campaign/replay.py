"""Rebuild one run from its replay id, exactly, or refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.cut_point import CutPoint, find_cut_point
from harness.campaign.runner import FaultRunner, Job
from harness.errors import InputError
from harness.fault.crash import FaultProof
from harness.fault.faults import Fault, Faults, Tear, tears_of
from harness.fault.replay_id import ReplayId
from harness.machine.engines import make_machine
from harness.oracle.run import Run
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.hostile import find_case
from harness.scenario.prepared import PreparedCase, PreparedScenario


@dataclass(frozen=True, slots=True)
class Replay:
    """A rebuilt run.

    Attributes:
        clean: the case's clean run. run: the faulted run, or the clean run if the id names no fault.
        legs: what each fault fell into: the clean run, then the recoveries; one entry a fault.
    """

    clean: Run
    legs: tuple[CaseLog, ...]
    run: Run
    verdict: Verdict

    @property
    def cuts(self) -> Iterator[tuple[CaseLog, FaultProof]]:
        """Each fault in order, with the log of the run that it fell into."""
        if self.run.fault is not None:
            yield from zip(self.legs, (*self.run.fault.earlier, self.run.fault), strict=True)


def replay(scenario: PreparedScenario, replay_id: ReplayId, engine: str) -> Replay:
    """Run again what `replay_id` names; its cut is made live, by stopping the machine.

    Raises:
        InputError: firmware, images, layout or device changed since, or the id names what does not exist.
    """
    source = f"replay id {replay_id}"
    if scenario.fingerprint != replay_id.fingerprint:
        raise InputError(
            f"the id is of build {replay_id.fingerprint}, but this build is {scenario.fingerprint}: firmware, images, layout or device changed",
            source=source,
            remedy="Check out and build what the id was made with; replaying another build would show another run.",
        )
    try:
        case = find_case(scenario, replay_id.case)
    except KeyError:
        names = ", ".join(case.name for case in scenario.cases)
        raise InputError(f"no case {replay_id.case!r}", source=source, remedy=f"Cases: {names}.") from None
    clean = _clean(scenario, case, replay_id.seed, engine)
    if not replay_id.faults:
        return Replay(clean, (), clean, verdict_of(clean))
    return _faulted(scenario, clean, replay_id.faults, replay_id.seed, engine, source)


def run_cut_at(scenario: PreparedScenario, case: PreparedCase, time_ps: int, seed: int, engine: str) -> tuple[Replay, CutPoint]:
    """Cut power at a moment of a case's clean run, live, and run what this leaves.

    Args:
        time_ps: virtual time since the first reset.

    Raises:
        InputError: the clean run has ended by then.
    """
    clean = _clean(scenario, case, seed, engine)
    point = find_cut_point(clean, time_ps)
    return _faulted(scenario, clean, (point.fault,), seed, engine, source="--cut-at"), point


def _clean(scenario: PreparedScenario, case: PreparedCase, seed: int, engine: str) -> Run:
    machine = make_machine(engine, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        return run_until_settled(machine, scenario, case, case.state, seed)
    finally:
        machine.close()


def check_operation(log: CaseLog, fault: Fault, source: str) -> None:
    """Refuse a fault at an operation that the run does not make, or with a tear that it can't have.

    Args:
        source: who named the fault.

    Raises:
        InputError: there is no such operation, or tear.
    """
    if fault.boot >= len(log.boots) or fault.operation >= len(log.boots[fault.boot].operations):
        counts = ", ".join(str(len(boot.operations)) for boot in log.boots)
        raise InputError(f"there is no operation {fault}", source=source, remedy=f"Operations per boot of the run that it cuts: {counts}.")
    kind = log.boots[fault.boot].operations[fault.operation].kind
    if fault.tear is Tear.HALF_PAGE and fault.tear not in tears_of(kind):
        tears = ", ".join(tear.value for tear in tears_of(kind))
        raise InputError(f"a {kind.name.lower()} cannot tear as {fault.tear.value}", source=source, remedy=f"Its tears: {tears}.")


def _faulted(scenario: PreparedScenario, clean: Run, faults: Faults, seed: int, engine: str, source: str) -> Replay:
    runner = FaultRunner(scenario, [log_of(clean, seed)], seed, engine)
    try:
        cuts = list(runner.runs(Job(0, faults), before=lambda log, fault: check_operation(log, fault, source)))
    finally:
        runner.close()
    _, run = cuts[-1]
    return Replay(clean, tuple(log for log, _ in cuts), run, verdict_of(run))
