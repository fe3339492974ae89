"""Which faulted runs a campaign makes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from harness.campaign.boots import CaseLog
from harness.campaign.runner import Job
from harness.campaign.settings import SweepOptions
from harness.errors import InputError
from harness.fault.faults import Fault, spell_faults
from harness.fault.plan import FIVE_TEARS, coarse_first, every_operation, in_turn, live_sample, random_sample, within
from harness.packed import PackedList
from harness.scenario.model import Cuts
from harness.scenario.prepared import PreparedScenario

_LIVE_SAMPLE = 8


def plan_campaign(scenario: PreparedScenario, logs: Sequence[CaseLog], options: SweepOptions) -> tuple[Sequence[Job], int]:
    """Return the faulted runs of all cases, in the order in which they are reported, and how many faults they were drawn from.

    Raises:
        InputError: the options leave nothing to cut, or a case has nothing.
    """
    searching = options.stop_when is not None
    plans: list[list[Job]] = []
    jobs: PackedList[Job] = PackedList()
    possible = 0
    for index, log in enumerate(logs):
        if log.case.cuts is not Cuts.NONE:
            faults = _faults_of(scenario, log, options)
            possible += len(faults)
            plan = _plan_case(index, faults, options, searching=searching)
            if searching:
                plans.append(plan)
            else:
                jobs.extend(plan)
    jobs.extend(in_turn(plans))
    if not jobs and (options.operations is not None or options.tears != FIVE_TEARS):
        raise _nothing_planned(logs, options)
    return jobs, possible


def _nothing_planned(logs: Sequence[CaseLog], options: SweepOptions) -> InputError:
    longest = max(len(boot.operations) for log in logs for boot in log.boots)
    if options.operations is None or options.operations[0] < longest:
        remedy = "half-page needs a page erase; every other tear fits any operation. A case may cut only metadata."
        return InputError("no operation that is cut can leave these tears", source="--tears", remedy=remedy)
    first, last = options.operations
    return InputError(f"no operation lies in {first}..{last}", source="--operations", remedy=f"Operations run from 0 to {longest - 1}.")


def _faults_of(scenario: PreparedScenario, log: CaseLog, options: SweepOptions) -> list[Fault]:
    addresses = [scenario.regions["metadata"].addresses] if log.case.cuts is Cuts.METADATA else None
    faults = every_operation([boot.operations for boot in log.boots], addresses=addresses, tears=options.tears, seed=options.seed)
    if not any(boot.operations for boot in log.boots):
        raise InputError(
            f"the case {log.case.name!r} has nothing to cut: its clean run makes no flash operation",
            source=scenario.reference,
            field="case.cuts",
            remedy='Write cuts = "none" if only its clean run is to be judged.',
        )
    if options.operations is not None:
        faults = within(faults, *options.operations)
    return faults


def _plan_case(index: int, faults: list[Fault], options: SweepOptions, *, searching: bool) -> list[Job]:
    if options.sample is not None:
        faults = random_sample(faults, options.sample, options.seed)
    live = set(live_sample(faults, _LIVE_SAMPLE))
    return [Job(index, (fault,), fault in live) for fault in (coarse_first(faults) if searching else faults)]


def plan_digest(logs: Sequence[CaseLog], jobs: Sequence[Job]) -> str:
    """Return the SHA-256 over every planned fault and the operation logs that they are planned from."""
    hasher = hashlib.sha256()
    for log in logs:
        hasher.update(f"case {log.case.name}\n".encode())
        for boot in log.boots:
            hasher.update(f"boot {boot.seed}\n".encode())
            for operation in boot.operations:
                where = (operation.kind.value, operation.address, operation.start_ps, operation.duration_ps, operation.pc)
                hasher.update(f"{where}\n".encode() + operation.new)
    for job in jobs:
        hasher.update(f"{job.case} {spell_faults(job.faults)} {job.live}\n".encode())
    return hasher.hexdigest()
