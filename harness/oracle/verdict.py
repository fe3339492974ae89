"""A verdict: the outcome of one run, with the proof that its fault fired."""

from __future__ import annotations

from dataclasses import dataclass

from harness.fault.crash import FaultProof
from harness.fault.digest import digest_of
from harness.fault.replay_id import ReplayId
from harness.oracle.rules import judge
from harness.oracle.run import Outcome, Run, outcome_of
from harness.oracle.times import TimeRange, longest_boot, longest_verification, time_until_application
from harness.oracle.violation import Violation
from harness.quick_pickle import quickly_pickled
from harness.scenario.prepared import PreparedScenario


@quickly_pickled
@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one run.

    Attributes:
        proof: the fault and where it fired; None for a clean run.
        boots: boots until the application settled, or all that were made. instructions, time_us: totals over the run.
        operations: flash operations of the recovery.
        final_digest: SHA-256 of the non-volatile state at the end.
        ready: time from power-on until the application ran for good. boot: the longest start that updated nothing.
        verification: the longest time that one boot spent checking signatures.
    """

    case: str
    proof: FaultProof | None
    outcome: Outcome
    violations: tuple[Violation, ...]
    boots: int
    operations: int
    instructions: int
    time_us: float
    final_digest: str
    ready: TimeRange | None = None
    boot: TimeRange | None = None
    verification: TimeRange | None = None

    def of_fault(self, proof: FaultProof) -> Verdict:
        """Return the same for another fault that led to the same run; many times as fast as `dataclasses.replace`."""
        return Verdict(
            self.case,
            proof,
            self.outcome,
            self.violations,
            self.boots,
            self.operations,
            self.instructions,
            self.time_us,
            self.final_digest,
            self.ready,
            self.boot,
            self.verification,
        )


def verdict_of(run: Run) -> Verdict:
    """Judge a run."""
    return Verdict(
        case=run.case.name,
        proof=run.fault,
        outcome=outcome_of(run),
        violations=judge(run),
        boots=len(run.traces) if run.settled_boot is None else run.settled_boot + 1,
        operations=sum(len(trace.operations) for trace in run.traces),
        instructions=sum(trace.instructions for trace in run.traces),
        time_us=sum(trace.time_ps for trace in run.traces) / 1e6,
        final_digest=digest_of(run.last.final),
        ready=time_until_application(run),
        boot=longest_boot(run),
        verification=longest_verification(run),
    )


def replay_id_of(scenario: PreparedScenario, verdict: Verdict, seed: int, engine: str) -> str:
    """Return the id that rebuilds the run of `verdict`.

    Args:
        seed, engine: what it was made with.
    """
    faults = verdict.proof.faults if verdict.proof else ()
    return str(ReplayId(scenario.reference, scenario.options, verdict.case, faults, seed, scenario.fingerprint, engine))
