"""The stores of all parts of a campaign, put together to the result of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.campaign.boots import log_of
from harness.campaign.causes import find_causes
from harness.campaign.exposure import exposures, judges_every_moment
from harness.campaign.stored import StoredCampaign
from harness.campaign.sweep import CampaignResult, SweepOptions, run_clean
from harness.campaign.verdict_log import VerdictLog
from harness.errors import InputError
from harness.fault.plan import WHOLE
from harness.oracle.risk import Exposure
from harness.oracle.verdict import Verdict
from harness.packed import PackedList
from harness.scenario.prepared import PreparedScenario


def merge(parts: Sequence[StoredCampaign]) -> StoredCampaign:
    """Return the whole campaign whose parts these are, whatever their order.

    Args:
        parts: at least one.

    Raises:
        InputError: a part is missing, is there twice, is not finished, or is of another campaign.
    """
    first = parts[0]
    for part in parts:
        _check_finished(part)
        replace(first.settings, shard=WHOLE).check_same(replace(part.settings, shard=WHOLE), source=str(first.path))
        if part.settings.shard.count != first.settings.shard.count:
            raise InputError(
                f"it is part {part.settings.shard}, and {first.path} is part {first.settings.shard}",
                source=str(part.path),
                remedy="Merge parts that were cut with the same --shard .../N.",
            )
        if part.plan != first.plan:
            raise InputError(f"its plan is not that of {first.path}", source=str(part.path), remedy="Make all parts with the same version of the harness.")
    _check_complete(parts)
    in_turn = sorted(parts, key=lambda part: part.settings.shard.number)
    rows = PackedList(row for part in in_turn for row in part.rows)  # each part is a block of the plan, in its order
    return StoredCampaign(replace(first.settings, shard=WHOLE), first.plan, rows, sum(part.seconds for part in parts), first.path)


def _check_finished(part: StoredCampaign) -> None:
    if part.plan is None:
        raise _unfinished(part, "nothing of it was run")
    block = part.settings.shard.block(part.plan.planned)
    if len(part.rows) != len(block) or any(row.number != number for row, number in zip(part.rows, block, strict=True)):
        raise _unfinished(part, f"{len(part.rows)} of its {len(block)} cuts were run")


def _unfinished(part: StoredCampaign, how: str) -> InputError:
    return InputError(f"is not finished: {how}", source=str(part.path), remedy=f"Finish it first: harness sweep --resume {part.path}")


def _check_complete(parts: Sequence[StoredCampaign]) -> None:
    count = parts[0].settings.shard.count
    by_number: dict[int, StoredCampaign] = {}
    for part in parts:
        number = part.settings.shard.number
        if number in by_number:
            problem = f"it is part {part.settings.shard}, as {by_number[number].path} is"
            raise InputError(problem, source=str(part.path), remedy="Name each part once.")
        by_number[number] = part
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in by_number]
    if missing:
        shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
        raise InputError(f"of {count} parts {len(missing)} are missing: {shown}", source="FILES", remedy="Name the stores of all parts.")


def result_of_store(scenario: PreparedScenario, campaign: StoredCampaign) -> CampaignResult:
    """Return what the sweep of a finished campaign returned.

    Args:
        scenario: what `campaign.settings` say, built.

    Raises:
        InputError: firmware, images, layout or device changed since, or a row is not what was planned.
        EngineError: an engine failed.
    """
    assert campaign.plan is not None
    settings = campaign.settings
    settings.check_same(replace(settings, fingerprint=scenario.fingerprint), source=str(campaign.path))
    verdicts = VerdictLog(row.verdict for row in campaign.rows)
    options = SweepOptions(
        settings.seed, engine=settings.engine, operations=settings.operations, only_case=settings.case, tears=settings.tears, sample=settings.sample
    )
    return CampaignResult(
        scenario=scenario,
        seed=settings.seed,
        engine=settings.engine,
        clean=list(campaign.plan.clean),
        operations=campaign.plan.operations,
        planned=campaign.plan.planned,
        possible=campaign.plan.possible,
        verdicts=verdicts,
        live_checked=sum(row.live for row in campaign.rows),
        kept=len(campaign.rows),
        shard=settings.shard,
        depth=settings.depth,
        tears=settings.tears,
        cut_operations=settings.operations,
        update=campaign.plan.update,
        worn=campaign.plan.worn,
        causes=find_causes(scenario, (*campaign.plan.clean, *verdicts), settings.seed, settings.engine),
        seconds=campaign.seconds,
        exposures=_exposures(scenario, options, campaign.plan.clean, verdicts) if verdicts and judges_every_moment(options) else [],
    )


def _exposures(scenario: PreparedScenario, options: SweepOptions, clean: Sequence[Verdict], verdicts: VerdictLog) -> list[Exposure]:
    """Return when cuts do harm; the clean runs, whose logs a file does not hold, are made once more for it."""
    logs = [log_of(run, options.seed) for run in run_clean(scenario, options)]
    return exposures(logs, clean, verdicts, options)
