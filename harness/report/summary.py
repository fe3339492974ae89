"""One summary object of a campaign: what `--json` prints and the console renders."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import asdict, dataclass

from harness.campaign.call_sites import CallSite
from harness.campaign.causes import Cause
from harness.campaign.sweep import CampaignResult
from harness.machine.capability import Capability
from harness.machine.engines import shown_by
from harness.oracle.times import TimeRange
from harness.oracle.verdict import replay_id_of
from harness.oracle.wear import WornPage
from harness.report.risk_view import risk_record
from harness.scenario.prepared import PreparedScenario

_REPLAY_IDS = 20
"""Of the first violations; all are in the lines of `--jsonl`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation, with the id that replays it."""

    rule: str
    message: str
    case: str
    replay_id: str


def worn_text(worn: WornPage) -> str:
    """Return how the most worn page is told to people."""
    times = "once" if worn.erases == 1 else f"{worn.erases} times"
    return f"{worn.address:#010x} ({worn.region or 'no region'}) erased {times}, none oftener: {worn.lifetime_updates:,} updates"


def findings_of(result: CampaignResult) -> list[Finding]:
    """Return every violation of a campaign, clean runs first."""
    return [
        Finding(violation.rule, violation.message, verdict.case, replay_id_of(result.scenario, verdict, result.seed, result.engine))
        for verdict in result.violating
        for violation in verdict.violations
    ]


def summary_of(result: CampaignResult) -> dict[str, object]:
    """Return the summary of a campaign as plain data.

    Returns:
        `operations` of the clean runs; faults `possible` (more than `planned` where a sample was drawn), `planned` (those of the part
        `shard`), `run` and `fired`; `depth`, how many of them follow one on the other in a run; `kept`, how many of them were taken from
        a store; `violations` (a count, clean runs included), and their `causes` (see `cause_record`); `outcomes` (count by outcome);
        `rules_not_shown`, which the engine cannot show broken;
        `seconds` of wall time; `cuts_per_second`; and what they rest on.
        `worst_page`: address, region, erases and lifetime in updates of the page that the update erases most.
        `virtual_update_us`, `virtual_boot_us` (the longest boot that updated nothing), `virtual_verification_us` (the longest time that
        one boot spent checking signatures) and `virtual_recovery_worst_us` (the slowest faulted run, with
        `virtual_recovery_worst_replay_id`), each with `_low` and `_high`, the range that the cycles leave open;
        null where no such run reached the application. `risk`: one object an update whose every moment was judged, for one cut an update.
    """
    judged = len(result.verdicts)
    violating = result.violating
    rules = Counter(violation.rule for verdict in violating for violation in verdict.violations)
    replay_ids = (replay_id_of(result.scenario, verdict, result.seed, result.engine) for verdict in violating for _ in verdict.violations)
    return {
        "scenario": result.scenario.reference,
        "part": result.scenario.part,
        "engine": result.engine,
        "options": dict(result.scenario.options),
        "fingerprint": result.scenario.fingerprint,
        "seed": result.seed,
        "cases": len(result.clean),
        "operations": result.operations,
        "possible": result.possible,
        "shard": str(result.shard),
        "planned": result.planned,
        "depth": result.depth,
        "worst_page": asdict(result.worn) if result.worn else None,
        "kept": result.kept,
        "run": judged,
        "fired": result.fired,
        "distinct_crash_images": result.distinct_crash_images,
        "live_checked": result.live_checked,
        "violations": rules.total(),
        "outcomes": dict(sorted((outcome.value, count) for outcome, count in result.verdicts.outcomes.items())),
        "rules_violated": dict(sorted(rules.items())),
        "rules_not_shown": list(result.rules_not_shown),
        "causes": [cause_record(result.scenario, cause, result.seed, result.engine) for cause in result.causes],
        "replay_ids": list(itertools.islice(replay_ids, _REPLAY_IDS)),
        **_times(result),
        "risk": [risk_record(exposure.risk(result.losses_per_hour)) for exposure in result.exposures],
        "seconds": round(result.seconds, 3),
        "cuts_per_second": round(judged / result.seconds, 1) if result.seconds else 0.0,
        "interrupted": result.interrupted,
    }


def cause_record(scenario: PreparedScenario, cause: Cause, seed: int, engine: str) -> dict[str, object]:
    """Return a cause as plain data.

    Returns:
        `rule`, `message`, `violations` (a count), `cases`, `replay_id`, and `site`: function, file and line of the code that asked for
        the interrupted operation, then of its callers; empty where no cut is needed.
    """
    return {
        "rule": cause.rule,
        "message": cause.violation.message,
        "violations": cause.count,
        "cases": list(cause.cases),
        "site": [asdict(location) for location in cause.site],
        "replay_id": replay_id_of(scenario, cause.first, seed, engine),
    }


def site_text(site: CallSite, engine: str) -> str:
    """Return a place in the code for people: `flash_program (hal/stm32f103.c:88) from journal_append (boot/journal.c:155)`.

    Args:
        engine: on one that does not show callers, the text says so.
    """
    text = " from ".join(f"{place.function} ({place.file}:{place.line})" if place.file else place.function for place in site)
    return text if Capability.CALLERS in shown_by(engine) else f"{text}, callers not shown by the {engine} engine"


def cause_text(cause: Cause, engine: str) -> str:
    """Return what brings a cause about."""
    return f"cut in {site_text(cause.site, engine)}" if cause.site else "without any cut"


def _times(result: CampaignResult) -> dict[str, object]:
    slowest = result.slowest_recovery
    named = {
        "update": result.update,
        "boot": result.longest_boot,
        "verification": result.longest_verification,
        "recovery_worst": slowest.ready if slowest else None,
    }
    keys = {key: value for name, time in named.items() for key, value in times_of(f"virtual_{name}_us", time).items()}
    return {**keys, "virtual_recovery_worst_replay_id": replay_id_of(result.scenario, slowest, result.seed, result.engine) if slowest else None}


def times_of(key: str, time: TimeRange | None) -> dict[str, float | None]:
    """Return a time under `key` and its range under `key_low` and `key_high`, in microseconds; null where there is none."""
    if time is None:
        return {key: None, f"{key}_low": None, f"{key}_high": None}
    return {key: round(time.us, 3), f"{key}_low": round(time.low_us, 3), f"{key}_high": round(time.high_us, 3)}


def time_text(time: TimeRange | None) -> str:
    """Return a time for people, as `69.0 ms (52.3 to 121.5)`."""
    return "never" if time is None else f"{time.us / 1e3:,.1f} ms ({time.low_us / 1e3:,.1f} to {time.high_us / 1e3:,.1f})"
