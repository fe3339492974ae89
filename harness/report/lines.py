"""One verdict a line, as JSON (`--jsonl`)."""

from __future__ import annotations

import json
from dataclasses import asdict

from harness.fault.crash import FaultProof
from harness.oracle.verdict import Verdict, replay_id_of
from harness.report.summary import times_of
from harness.scenario.prepared import PreparedScenario


def verdict_line(scenario: PreparedScenario, verdict: Verdict, seed: int, engine: str) -> str:
    """Return a verdict as one line of JSON, its line feed included.

    The keys: `case`, `fault` (the proof: fault, kind, address, size_bytes, pc, time_us, cells_changing, cells_changed,
    crash_digest, fraction and cut_us (null where the tear does not say), cells_weak, cells_metastable, and `earlier`, a list of the same
    for the faults before it; null for a clean run),
    `outcome`, `violations`, `boots`, `operations`, `instructions`, `time_us`, `ready_us` (until the application ran for good),
    `boot_us` (the longest boot that erased nothing), `verification_us` (the most of one boot), each with `_low` and `_high` or null,
    `final_digest`, `replay_id`.
    """
    proof = None
    if verdict.proof is not None:
        proof = _proof_record(verdict.proof)
    record = {
        "case": verdict.case,
        "fault": proof,
        "outcome": verdict.outcome.value,
        "violations": [asdict(violation) for violation in verdict.violations],
        "boots": verdict.boots,
        "operations": verdict.operations,
        "instructions": verdict.instructions,
        "time_us": verdict.time_us,
        **times_of("ready_us", verdict.ready),
        **times_of("boot_us", verdict.boot),
        **times_of("verification_us", verdict.verification),
        "final_digest": verdict.final_digest,
        "replay_id": replay_id_of(scenario, verdict, seed, engine),
    }
    return json.dumps(record) + "\n"


def _proof_record(proof: FaultProof) -> dict[str, object]:
    return {**asdict(proof), "fault": str(proof.fault), "earlier": [_proof_record(before) for before in proof.earlier]}
