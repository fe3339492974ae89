"""Hostile images on one machine: what a worker process of `harness hostile` does."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.planning import plan_campaign
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import SweepOptions
from harness.fault.digest import digest_of
from harness.fault.faults import Fault, Faults, spell_faults, tears_of
from harness.image.refusal import RefusalReason
from harness.machine.protocol import NonVolatile, Operation
from harness.oracle.rules import authentic_entry, flash_discipline, no_downgrade, protected_areas
from harness.oracle.run import History, Run, recovers
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.hostile import HostileCases, staged
from harness.scenario.prepared import PreparedScenario

if TYPE_CHECKING:
    from harness.machine.calls import SharedCalls

_TOLD = re.compile(rb"update: ([a-z_]+)\r\n")


class Answer(StrEnum):
    """What a bootloader did with a hostile image."""

    REFUSED = "refused"
    """For its own reason, and nothing but the record of that changed."""
    WRONG_REASON = "wrong_reason"
    """Refused, and recorded with another reason, or with none."""
    ACCEPTED = "accepted"
    """Anything else: it was installed or started, or something changed that a refusal must not touch."""
    RECOVERY = "recovery"
    """At a cut: refused, and since the application region is half rebuilt nothing is started, and nothing written."""
    STOPPED = "stopped"
    """At rest: applied, since nothing but the whole shows what is wrong with it, and never started; the counter stays."""
    NOT_READ = "not_read"
    """At a cut: the update was through with its slot already, or closed."""


class Manner(StrEnum):
    """How a hostile image meets an update that was cut."""

    INTERRUPTS = "interrupts"
    """It takes the good image's place in the slot right after the cut, the journal left as the cut left it."""
    FOLLOWS = "follows"
    """It is staged, pending, once the device has recovered from the cut."""


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """What came of one image at rest, and at every cut of its refusal.

    Attributes:
        recorded: the reason that the device recorded, 0 for an installation; None: no record.
        at_cuts: of the refusal; empty where none were to be made.
    """

    name: str
    answer: Answer
    recorded: int | None
    verdict: Verdict
    at_cuts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class AttackFinding:
    """One attack at a cut that did something else than it must."""

    image: str
    faults: str
    manner: Manner
    answer: Answer
    message: str


@dataclass(slots=True)
class AttackResult:
    """What came of the attacks on one sequence of cuts, or on many.

    Attributes:
        answers: how often each answer came, by manner. rollbacks: how often the image that had been installed was staged again after its successor had been.
    """

    answers: Counter[tuple[Manner, Answer]] = field(default_factory=Counter)
    rollbacks: int = 0
    findings: list[AttackFinding] = field(default_factory=list)

    def add(self, other: AttackResult) -> None:
        """Count another result in."""
        self.answers.update(other.answers)
        self.rollbacks += other.rollbacks
        self.findings += other.findings


@dataclass(frozen=True, slots=True)
class Attack:
    """Cuts of the update, and the images that meet what each leaves.

    Attributes:
        then_cut: cut the recovery from the last fault once more, at an operation and with a tear drawn by this number; None: do not.
    """

    faults: Faults
    names: tuple[str, ...]
    then_cut: int | None = None


class HostileWorker:
    """Makes images, boots them, judges.

    Args:
        at_cuts: whether to cut the refusals too.
        calls: calls that other processes share too; None: only this worker's machines do.
    """

    def __init__(self, scenario: PreparedScenario, seed: int, engine: str, *, at_cuts: bool, calls: SharedCalls | None = None) -> None:
        self._cases = HostileCases(scenario)
        self._scenario = scenario
        # An attack boots once, and once more where an application runs: waiting for help does not change by asking again.
        self._attacked = replace(scenario, limits=scenario.limits.model_copy(update={"boots": 1}))
        self._seed = seed
        self._engine = engine
        self._at_cuts = at_cuts
        self._runner = FaultRunner(scenario, [], seed, engine, calls=calls)
        self._update: CaseLog | None = None
        self._known: dict[tuple[str, str, int, Manner], tuple[Answer, str]] = {}

    def judge_image(self, name: str) -> ImageVerdict:
        """Stage one image, boot, and judge; then cut every operation of that.

        Where a host sends it, the application refuses it before it asks for anything, and keeps no record: flash bytes tell that it did, its console why.
        """
        case = self._cases.case(name)
        run = run_until_settled(self._runner.machine, self._scenario, case, case.state, self._seed)
        verdict = verdict_of(run)
        answer = answer_of(verdict)
        if self._cases.table[name].stops:
            answer = Answer.STOPPED if answer is Answer.REFUSED else answer
        elif answer is Answer.REFUSED and not _same_content(run.last.final, self._cases.refused_state(case, run.last.final)):
            answer = Answer.ACCEPTED
        recorded = self._scenario.format.refusal(run.final_flash)
        if self._cases.host and answer is Answer.REFUSED:
            recorded = _told_reason(run)
            answer = Answer.REFUSED if recorded == self._cases.table[name].reason else Answer.WRONG_REASON
        cuts: tuple[Verdict, ...] = ()
        if self._at_cuts and answer is Answer.REFUSED and not self._cases.host:
            cuts = self._cut_refusal(run)
        return ImageVerdict(name, answer, recorded, verdict, cuts)

    def judge_controls(self) -> tuple[Verdict, ...]:
        """Stage the good image, and the good image with bytes behind it, which are no part of it: both are to be installed."""
        update, host = self._cases.update, self._cases.host
        slot_bytes = self._scenario.regions["slot"].size_bytes
        good = host.content if host else self._scenario.region_bytes(update.state.flash, "slot")
        behind = good.rstrip(b"\xff").ljust(slot_bytes, b"\xa5")
        other = (
            replace(update, peer=replace(host, content=behind)) if host else replace(update, state=staged(self._scenario, update.state, behind, pending=False))
        )
        return tuple(verdict_of(run_until_settled(self._runner.machine, self._scenario, case, case.state, self._seed)) for case in (update, other))

    def plan_attacks(self) -> list[tuple[Fault, bool]]:
        """Return every cut of the update, and whether it falls into an erase or a record."""
        log = self._load_update()
        recorded = [_records_of(boot.operations, self._scenario) for boot in log.boots]
        jobs, _ = plan_campaign(self._scenario, [log], SweepOptions(seed=self._seed))
        return [(job.faults[0], job.faults[0].operation in recorded[job.faults[0].boot]) for job in jobs]

    def attack(self, attacks: Sequence[Attack]) -> AttackResult:
        """Make each sequence of cuts of the update, and let hostile images interrupt and follow what it leaves."""
        self._load_update()
        result = AttackResult()
        for attack in attacks:
            faults = (*attack.faults, *self._second_cut(attack))
            crash, run = self._runner.crash_and_recovery(Job(0, faults))
            assert run.history is not None
            for name in attack.names:
                self._meet(result, name, faults, Manner.INTERRUPTS, crash.state, run.history)
                if run.application_runs:
                    self._meet(result, name, faults, Manner.FOLLOWS, run.last.final, run.history)
        return result

    def close(self) -> None:
        """Release the machines."""
        self._runner.close()

    def _cut_refusal(self, run: Run) -> tuple[Verdict, ...]:
        log = log_of(run, self._seed)
        self._runner.load([log])
        self._update = None
        jobs, _ = plan_campaign(self._scenario, [log], SweepOptions(seed=self._seed, engine=self._engine))
        return tuple(self._runner.judge(job) for job in jobs)

    def _load_update(self) -> CaseLog:
        """Return the clean run of the update, which jobs refer to from now on."""
        if self._update is None:
            update = self._cases.update
            self._update = log_of(run_until_settled(self._runner.machine, self._scenario, update, update.state, self._seed), self._seed)
            self._runner.load([self._update])
        return self._update

    def _second_cut(self, attack: Attack) -> Iterator[Fault]:
        if attack.then_cut is None:
            return
        operations = self._runner.log_after(0, attack.faults).boots[0].operations
        if operations:  # else there is nothing left to interrupt
            draw = random.Random(f"{self._seed}:{attack.then_cut}")
            operation = draw.choice(operations)
            yield Fault(0, operation.index, draw.choice(tears_of(operation.kind)))

    def _meet(self, result: AttackResult, name: str, faults: Faults, manner: Manner, state: NonVolatile, history: History) -> None:
        key = (name, digest_of(state), history.counter, manner)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:  # millions of attacks would take gigabytes; most repeat one that is not long ago
                self._known.clear()
            self._known[key] = self._judge_attack(name, manner, state, history)
        answer, message = self._known[key]
        result.answers[manner, answer] += 1
        result.rollbacks += manner is Manner.FOLLOWS and name == self._cases.rollback
        if message:
            result.findings.append(AttackFinding(name, spell_faults(faults), manner, answer, message))

    def _judge_attack(self, name: str, manner: Manner, state: NonVolatile, history: History) -> tuple[Answer, str]:
        """Return what came of an attack, and what was wrong with that; nothing if it is as it must be."""
        attacked = staged(self._scenario, state, self._cases.image(name), pending=manner is Manner.FOLLOWS)
        metadata = self._scenario.region_bytes(attacked.flash, "metadata")
        reason = self._cases.reason(name, metadata)
        run = run_until_settled(self._runner.machine, self._attacked, replace(self._cases.update, peer=None), attacked, self._seed)
        run = replace(run, history=history)
        problem = _problem_of(run)
        if problem:
            return Answer.ACCEPTED, problem
        if not self._cases.records.reads_slot(metadata):
            return (Answer.NOT_READ, "") if run.application_runs else (Answer.ACCEPTED, "the update was complete, and its application does not run")
        if not run.application_runs:
            waits = recovers(run) and not any(len(trace.operations) for trace in run.traces)
            return (Answer.RECOVERY, "") if waits else (Answer.ACCEPTED, "neither an application runs nor does the bootloader wait for help")
        recorded = self._scenario.format.refusal(run.final_flash)
        if recorded != reason:
            return Answer.WRONG_REASON, f"reason {recorded} was recorded, expected is {reason.name.lower()} ({int(reason)})"
        return Answer.REFUSED, ""


def _told_reason(run: Run) -> int | None:
    """Return the reason that the application told last for refusing a download; None: it told none."""
    told = [match for trace in run.traces for match in _TOLD.findall(trace.uart)]
    reasons = {reason.name.lower().encode(): int(reason) for reason in RefusalReason}
    return reasons.get(told[-1]) if told else None


def answer_of(verdict: Verdict) -> Answer:
    """Return what a verdict on a hostile image comes to."""
    rules = {violation.rule for violation in verdict.violations}
    if not rules:
        return Answer.REFUSED
    only_record = rules == {"refused"} and all("left a record" in violation.message for violation in verdict.violations)
    return Answer.WRONG_REASON if only_record else Answer.ACCEPTED


def _problem_of(run: Run) -> str:
    """Return the first thing that a device must not do, whatever meets a half-done update; empty if it did none."""
    for rule in (authentic_entry, no_downgrade, protected_areas, flash_discipline):
        for violation in rule(run):
            return f"{violation.rule}: {violation.message}"
    kept = run.scenario.record_addresses
    for trace in run.traces:
        for index in range(len(trace.operations)):
            operation = trace.operations[index]
            if not any(operation.address in addresses for addresses in kept):
                return f"a hostile slot led to a {operation.kind.name.lower()} at {operation.address:#010x}"
    return ""


def _same_content(one: NonVolatile, other: NonVolatile) -> bool:
    """Whether two states read the same; how often their words were written does not count."""
    return (one.flash, one.option_bytes) == (other.flash, other.option_bytes)


_REMEMBERED = 1 << 16
"""Attacks whose answers a worker keeps."""
_RECORD_BYTES_MOST = 160
"""Programmed without a gap in a record, or in the records that move together; the content of a page is longer."""


def _records_of(operations: Sequence[Operation], scenario: PreparedScenario) -> set[int]:
    """Return the operations that erase a page, or write a record: programs in the regions for that, of few bytes in a row.

    A region may hold whole pages of an image too, on their way to their place.
    """
    chosen = {operation.index for operation in operations if operation.kind.is_erase}
    run: list[Operation] = []
    for operation in (*operations, None):
        follows = run and operation is not None and operation.address == run[-1].address + len(run[-1].new)
        if not follows:
            if sum(len(program.new) for program in run) <= _RECORD_BYTES_MOST:
                chosen.update(program.index for program in run)
            run = []
        if operation is not None and not operation.kind.is_erase and any(operation.address in addresses for addresses in scenario.record_addresses):
            run.append(operation)
    return chosen
