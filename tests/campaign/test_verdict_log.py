"""What a log of verdicts keeps up as they come is what all of them say; and it takes little memory."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.campaign.known_verdicts import KnownVerdicts
from harness.campaign.sweep import CampaignResult, SweepOptions, sweep
from harness.campaign.verdict_log import VerdictLog
from harness.fault.crash import FaultProof
from harness.fault.faults import Fault, Tear
from harness.oracle.run import Outcome
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict
from harness.oracle.violation import Violation
from harness.scenario.prepare import PrepareOptions, prepare

TIMES = st.none() | st.builds(TimeRange, us=st.integers(1, 5).map(float), low_us=st.just(0.5), high_us=st.integers(5, 7).map(float))
PROOFS = st.builds(
    FaultProof,
    fault=st.builds(Fault, boot=st.just(0), operation=st.integers(0, 900), tear=st.just(Tear.SOME)),
    kind=st.just("program"),
    address=st.integers(0, 2**32 - 1),
    size_bytes=st.just(2),
    pc=st.just(0x0800_0100),
    time_us=st.floats(0, 1e9),
    cells_changing=st.integers(0, 16),
    cells_changed=st.integers(0, 16),
    crash_digest=st.sampled_from(["00" * 32, "11" * 32, "22" * 32]),
)
VERDICTS = st.builds(
    Verdict,
    case=st.sampled_from(["update", "rollback"]),
    proof=st.none() | PROOFS,
    outcome=st.sampled_from(Outcome),
    violations=st.just(()) | st.just((Violation("bootable", "no application runs", 1),)),
    boots=st.integers(0, 3),
    operations=st.integers(0, 99),
    instructions=st.integers(0, 2**40),
    time_us=st.floats(0, 1e9),
    final_digest=st.just("33" * 32),
    ready=TIMES,
    boot=TIMES,
    verification=TIMES,
)


@settings(deadline=None)
@given(st.lists(VERDICTS, max_size=40), st.integers(0, 700))
def test_a_log_says_of_all_verdicts_what_each_says(some: list[Verdict], repeated: int) -> None:
    """Counts, longest times, and the first of the slowest recoveries are those that a walk over all verdicts finds."""
    verdicts = (some * (repeated // max(len(some), 1) + 1))[: max(repeated, len(some))]
    log = VerdictLog(verdicts)

    assert list(log) == verdicts
    assert log.fired == sum(verdict.proof is not None for verdict in verdicts)
    assert dict(log.outcomes) == {outcome: count for outcome in Outcome if (count := sum(verdict.outcome is outcome for verdict in verdicts))}
    assert list(log.violating) == [verdict for verdict in verdicts if verdict.violations]
    assert log.longest_boot == max((verdict.boot for verdict in verdicts if verdict.boot), default=None)
    assert log.longest_verification == max((verdict.verification for verdict in verdicts if verdict.verification), default=None)
    recovered = [verdict for verdict in verdicts if verdict.ready]
    assert log.slowest_recovery == max(recovered, key=lambda verdict: verdict.ready.us if verdict.ready else 0.0, default=None)
    assert log.crash_images() == len({(verdict.case, verdict.proof.crash_digest) for verdict in verdicts if verdict.proof})


def test_a_verdict_of_a_sweep_takes_less_than_a_hundred_bytes() -> None:
    """So a campaign of half a million cuts keeps its verdicts in fifty megabytes."""
    result: CampaignResult = sweep(prepare("stm32f103/speck-full", PrepareOptions()), SweepOptions(only_case="update", operations=(0, 400)))

    assert len(result.verdicts) > 1_500
    assert result.verdicts.size_bytes < 100 * len(result.verdicts)


def test_verdicts_that_were_known_longest_are_given_up_first() -> None:
    """Only whole places are, and never the one that is looked up."""
    verdict = Verdict("update", None, Outcome.NEW_VERSION, (), 1, 0, 0, 0.0, "33" * 32)
    known = KnownVerdicts(limit=3)
    for number in range(4):
        known.place("first")[str(number)] = verdict
    assert len(known.place("first")) == 4
    known.place("second")["0"] = verdict

    assert not known.place("first")
    assert known.place("second") == {"0": verdict}
