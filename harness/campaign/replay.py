"""Rebuild one run from its replay id, exactly, or refuse."""

from __future__ import annotations

from dataclasses import dataclass

from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.cut_point import CutPoint, find_cut_point
from harness.campaign.runner import FaultRunner, Job
from harness.errors import InputError
from harness.fault.faults import Fault, Tear, tears_of
from harness.fault.replay_id import ReplayId
from harness.machine.engines import make_machine
from harness.oracle.run import Run
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.prepared import PreparedCase, PreparedScenario


@dataclass(frozen=True, slots=True)
class Replay:
    """A rebuilt run.

    Attributes:
        clean: the case's clean run. log: its operations. run: the faulted run, or the clean run if the id names no fault.
    """

    clean: Run
    log: CaseLog
    run: Run
    verdict: Verdict


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
        case = scenario.case(replay_id.case)
    except KeyError:
        names = ", ".join(case.name for case in scenario.cases)
        raise InputError(f"no case {replay_id.case!r}", source=source, remedy=f"Cases: {names}.") from None
    clean = _clean(scenario, case, replay_id.seed, engine)
    log = log_of(clean, replay_id.seed)
    if replay_id.fault is None:
        return Replay(clean, log, clean, verdict_of(clean))
    _check_operation(log, replay_id.fault, source)
    run = _faulted(scenario, log, replay_id.fault, replay_id.seed, engine)
    return Replay(clean, log, run, verdict_of(run))


def run_cut_at(scenario: PreparedScenario, case: PreparedCase, time_ps: int, seed: int, engine: str) -> tuple[Replay, CutPoint]:
    """Cut power at a moment of a case's clean run, live, and run what this leaves.

    Args:
        time_ps: virtual time since the first reset.

    Raises:
        InputError: the clean run has ended by then.
    """
    clean = _clean(scenario, case, seed, engine)
    point = find_cut_point(clean, time_ps)
    log = log_of(clean, seed)
    run = _faulted(scenario, log, point.fault, seed, engine)
    return Replay(clean, log, run, verdict_of(run)), point


def _clean(scenario: PreparedScenario, case: PreparedCase, seed: int, engine: str) -> Run:
    machine = make_machine(engine, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        return run_until_settled(machine, scenario, case, case.state, seed)
    finally:
        machine.close()


def _check_operation(log: CaseLog, fault: Fault, source: str) -> None:
    if fault.boot >= len(log.boots) or fault.operation >= len(log.boots[fault.boot].operations):
        counts = ", ".join(str(len(boot.operations)) for boot in log.boots)
        raise InputError(f"there is no operation {fault}", source=source, remedy=f"Operations per boot of this case: {counts}.")
    kind = log.boots[fault.boot].operations[fault.operation].kind
    if fault.tear is Tear.HALF_PAGE and fault.tear not in tears_of(kind):
        tears = ", ".join(tear.value for tear in tears_of(kind))
        raise InputError(f"a {kind.name.lower()} cannot tear as {fault.tear.value}", source=source, remedy=f"Its tears: {tears}.")


def _faulted(scenario: PreparedScenario, log: CaseLog, fault: Fault, seed: int, engine: str) -> Run:
    runner = FaultRunner(scenario, [log], seed, engine)
    try:
        return runner.run(Job(0, fault))
    finally:
        runner.close()
