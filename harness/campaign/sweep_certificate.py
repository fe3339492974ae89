"""The certificate of a sweep, and of sampled sequences of cuts: every one of them with its proof and what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from harness import __version__
from harness.campaign.boots import log_of
from harness.campaign.certified import Model, Sealed, Strict, build_of, check_build
from harness.campaign.check import Check
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.sequences import SequencePlan
from harness.campaign.settings import CampaignSettings, SweepOptions
from harness.campaign.sweep import CampaignResult, run_clean
from harness.errors import InputError
from harness.fault.faults import spell_faults
from harness.fault.plan import WHOLE, Shard, TearChoice
from harness.fault.replay_id import fault_of
from harness.oracle.rules import RULES
from harness.oracle.run import Outcome
from harness.oracle.verdict import Verdict
from harness.scenario.prepared import BEHAVIOUR_VERSION, PreparedScenario

_DIGITS = 32
"""Of each digest, in hex."""
_REMEDY = "Give a file that `harness sweep --certificate` wrote."


class SweepModel(Model):
    """What a sweep rests on.

    Attributes:
        operations: (first, last), the only ones that were cut, or cut first; None: all of them. depth: cuts in a row.
        sample: how many were drawn by the seed, of each case (of sequences: in all); None: every one was planned.
        shard: the part of the plan that was run.
    """

    operations: tuple[int, int] | None
    depth: int
    sample: int | None
    shard: str


class SweepCounts(Strict):
    """What was done.

    Attributes:
        faults_possible: of the chosen operations and tears; more than planned where a sample was drawn. None: nobody counted the sequences that there are.
        faults_planned: of the part of the plan that was run; so are all that follow. A sequence counts as one.
        crash_images: different ones among what the faults left. made_live: faults that were also made by stopping the machine.
    """

    cases: int
    operations: int
    faults_possible: int | None
    faults_planned: int
    faults_run: int
    faults_fired: int
    crash_images: int
    made_live: int
    violations: int


class FaultRow(Strict):
    """One fault, what it left, and what came of that."""

    case: str
    fault: str
    crash: str
    outcome: Outcome
    rules: tuple[str, ...]
    final: str

    @classmethod
    def of(cls, verdict: Verdict) -> FaultRow:
        """Return what a certificate says of a verdict."""
        proof = verdict.proof
        return cls(
            case=verdict.case,
            fault=spell_faults(proof.faults) if proof else "",
            crash=proof.crash_digest[:_DIGITS] if proof else "",
            outcome=verdict.outcome,
            rules=tuple(sorted({violation.rule for violation in verdict.violations})),
            final=verdict.final_digest[:_DIGITS],
        )


class SweepCertificate(Sealed):
    """A certificate of one cut at a time, or of sampled sequences.

    Attributes:
        whole: every possible fault was planned: no sample, no part of a plan, no range of operations. faults: in the order of the plan.
    """

    certificate: Literal["boot-harness sweep"] = "boot-harness sweep"
    version: Literal[2] = 2
    whole: bool
    model: SweepModel
    counts: SweepCounts
    faults: list[FaultRow]


def certificate_of_sweep(result: CampaignResult, settings: CampaignSettings) -> SweepCertificate:
    """Return the certificate of a sweep, or of sampled sequences, finished or not.

    Args:
        settings: what decided the result.
    """
    finished = not result.interrupted and len(result.verdicts) == result.planned and result.planned > 0
    return SweepCertificate(
        finished=finished,
        holds=finished and not result.violating,
        whole=settings.sample is None and settings.shard == WHOLE and settings.operations is None,
        build=build_of(result.scenario),
        model=SweepModel(
            engine=result.engine,
            harness=__version__,
            behaviour=BEHAVIOUR_VERSION,
            seed=result.seed,
            case=settings.case,
            operations=settings.operations,
            depth=settings.depth,
            sample=settings.sample,
            shard=str(settings.shard),
            tears=settings.tears.named,
            fractions=settings.tears.fractions,
            invariants=tuple(RULES),
        ),
        counts=SweepCounts(
            cases=len(result.clean),
            operations=result.operations,
            faults_possible=result.possible if settings.depth == 1 else None,
            faults_planned=result.planned,
            faults_run=len(result.verdicts),
            faults_fired=result.fired,
            crash_images=result.distinct_crash_images,
            made_live=result.live_checked,
            violations=len(result.violating),
        ),
        faults=[FaultRow.of(verdict) for verdict in result.verdicts],
        seconds=round(result.seconds, 3),
    ).sealed()


def contradictions(certificate: SweepCertificate) -> Iterator[str]:
    """Yield what the numbers of a certificate say of each other, and of its list of faults, that cannot be: all that shows without a boot."""
    counts, rows = certificate.counts, certificate.faults
    broken = sum(bool(row.rules) for row in rows)
    wanted = {
        "holds": (certificate.holds and not (certificate.finished and counts.violations == 0), "it holds, and is not finished or has violations"),
        "finished": (certificate.finished and counts.faults_run != counts.faults_planned, "it is finished, and did not run all that was planned"),
        "run": (counts.faults_run != len(rows), f"it lists {len(rows)} faults, and says {counts.faults_run}"),
        "fired": (counts.faults_fired != len(rows), f"it lists {len(rows)} faults, and says that {counts.faults_fired} fired"),
        "violations": (counts.violations < broken, f"{broken} of the listed faults broke a rule, and it says {counts.violations}"),
    }
    yield from (words for wrong, words in wanted.values() if wrong)


def verify_sweep_certificate(certificate: SweepCertificate, scenario: PreparedScenario, sample: int, seed: int) -> Iterator[Check]:
    """Make faults of a certificate again, by stopping the machine, and judge what they leave. Sequences must be those that the seed draws.

    Args:
        sample: how many. seed: draws them.

    Raises:
        InputError: the certificate is of another build.
    """
    model = certificate.model
    check_build(certificate.build, model, scenario)
    yield from (Check("all cases", "", "", words) for words in contradictions(certificate))
    options = _options_of(model)
    logs = [log_of(run, model.seed) for run in run_clean(scenario, options)]
    place = {log.case.name: number for number, log in enumerate(logs)}
    plan = SequencePlan(scenario, logs, options, cuts=True) if model.depth > 1 else None
    first = options.shard.block(options.sample or 0).start
    runner = FaultRunner(scenario, logs, model.seed, model.engine)
    rows = certificate.faults
    try:
        for index in sorted(random.Random(seed).sample(range(len(rows)), min(sample, len(rows)))):
            difference = _difference(rows[index], runner, place)
            if plan and not difference and not _is_drawn(rows[index], plan, first + index, runner, place):
                difference = "the seed draws other cuts in this place"
            yield Check(rows[index].case, "", rows[index].fault, difference)
    finally:
        runner.close()


def _options_of(model: SweepModel) -> SweepOptions:
    """Return how the sweep of a certificate was planned.

    Raises:
        InputError: its part of a plan is none, or sequences have no number.
    """
    try:
        shard = Shard(*map(int, model.shard.split("/")))
    except (ValueError, TypeError):
        raise InputError(f"{model.shard!r} is not a part of a campaign", source="certificate", field="model.shard", remedy=_REMEDY) from None
    if model.depth > 1 and model.sample is None:
        raise InputError("nobody says how many sequences were drawn", source="certificate", field="model.sample", remedy=_REMEDY)
    tears = TearChoice(model.tears, model.fractions)
    return SweepOptions(
        model.seed, engine=model.engine, operations=model.operations, only_case=model.case, tears=tears, sample=model.sample, depth=model.depth, shard=shard
    )


def _is_drawn(row: FaultRow, plan: SequencePlan, number: int, runner: FaultRunner, place: dict[str, int]) -> bool:
    if number >= plan.planned:
        return False
    job = plan.drawn(number, runner)
    return (job.case, spell_faults(job.faults)) == (place[row.case], row.fault)


def _difference(row: FaultRow, runner: FaultRunner, place: dict[str, int]) -> str:
    if row.case not in place:
        return "there is no such case"
    made = FaultRow.of(runner.judge(Job(place[row.case], tuple(map(fault_of, row.fault.split("/"))), live=True)))
    changed = [name for name in ("crash", "outcome", "rules", "final") if getattr(made, name) != getattr(row, name)]
    return f"made again, it has another {' and another '.join(changed)}" if changed else ""
