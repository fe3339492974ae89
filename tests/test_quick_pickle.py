"""Records that go from process to process arrive as they were."""

from __future__ import annotations

import pickle

import pytest

from harness.campaign.runner import Job
from harness.fault.crash import FaultProof
from harness.fault.faults import Fault, Tear
from harness.oracle.run import Outcome
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict
from harness.oracle.violation import Violation

FAULT = Fault(1, 20, Tear.FRACTION, 370)
PROOF = FaultProof(FAULT, "program", 0x08005000, 2, 0x080001F0, 12.5, 9, 4, "ab" * 32, 0.37, 12.9, 1, 2)
TWICE = FaultProof(Fault(0, 3, Tear.NONE), "page_erase", 0x08005000, 1024, 0x080001F0, 1.0, 7, 0, "cd" * 32, earlier=(PROOF,))
TIME = TimeRange(2.0, 1.0, 3.0)
VERDICT = Verdict("update", TWICE, Outcome.BRICKED, (Violation("bootable", "no application runs", 1),), 3, 4, 5, 6.0, "ef" * 32, TIME, None, TIME)


@pytest.mark.parametrize("record", [FAULT, PROOF, TWICE, TIME, VERDICT, Job(2, (FAULT,), live=True)], ids=lambda record: type(record).__name__)
def test_a_record_arrives_as_it_was(record: object) -> None:
    """Every field of a record survives, nested records and enums with their type."""
    arrived = pickle.loads(pickle.dumps(record))  # noqa: S301 -- it was made in the line itself

    assert arrived == record
    assert repr(arrived) == repr(record)


def test_a_verdict_of_another_fault_differs_in_that_only() -> None:
    """`of_fault` copies every field but the proof."""
    other = VERDICT.of_fault(PROOF)

    assert {name for name in Verdict.__dataclass_fields__ if getattr(other, name) != getattr(VERDICT, name)} == {"proof"}
    assert other.proof is PROOF
