"""When a sweep's cuts do harm: the stretches of each update in which a single cut leads to a broken rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.campaign.boots import CaseLog
from harness.campaign.settings import SweepOptions
from harness.fault.faults import Fault
from harness.fault.moments import moments_of
from harness.fault.plan import FIVE_TEARS, WHOLE, TearChoice
from harness.machine.capability import Capability
from harness.machine.engines import shown_by
from harness.oracle.risk import BRICKED, HARMED, START, Chance, Exposure, breaks
from harness.oracle.verdict import Verdict
from harness.scenario.model import Cuts, ExpectedEnd


def covers_every_moment(tears: TearChoice, engine: str) -> bool:
    """Tell whether cuts with these tears stand for every moment of a run, and the engine knows when that is: only then risk can be told."""
    return set(FIVE_TEARS.named) <= set(tears.named) and Capability.TIME in shown_by(engine)


def judges_every_moment(options: SweepOptions) -> bool:
    """Tell whether a sweep leaves nothing out, so that its risk can be told."""
    part = options.operations is not None or options.sample is not None or options.shard != WHOLE
    return not part and covers_every_moment(options.tears, options.engine)


def exposures(logs: Sequence[CaseLog], clean: Iterable[Verdict], verdicts: Iterable[Verdict], options: SweepOptions) -> list[Exposure]:
    """Return the exposure of each case that installs an update and whose every moment was judged; none where the sweep left something out."""
    if not judges_every_moment(options):
        return []
    broken: dict[tuple[str, Fault], tuple[bool, bool]] = {}
    for verdict in verdicts:
        if verdict.proof is not None and verdict.violations:
            broken[verdict.case, verdict.proof.fault] = breaks(violation.rule for violation in verdict.violations)
    ready_ps = {verdict.case: round(verdict.ready.us * 1e6) for verdict in clean if verdict.ready}
    whole = [log for log in logs if log.case.end is ExpectedEnd.NEW and log.case.cuts is Cuts.ALL and log.case.name in ready_ps]
    tears = tuple(tear.value for tear in options.tears.named)
    return [Exposure(log.case.name, ready_ps[log.case.name], tuple(_chances(log, broken, options)), tears) for log in whole]


def _chances(log: CaseLog, broken: dict[tuple[str, Fault], tuple[bool, bool]], options: SweepOptions) -> Iterable[Chance]:
    if all(case != log.case.name for case, _ in broken):
        return
    started_ps = 0
    for number, boot in enumerate(log.boots):
        since_ps = 0
        for operation in boot.operations:
            faults = options.tears.faults(number, operation, options.seed)
            for fault, (begins_ps, ends_ps) in zip(faults, moments_of(operation, faults, since_ps), strict=True):
                harmed, bricked = broken.get((log.case.name, fault), (False, False))
                if harmed and ends_ps > begins_ps:
                    length_ps = ends_ps - begins_ps
                    yield Chance(START, BRICKED if bricked else HARMED, length_ps, length_ps * (started_ps + (begins_ps + ends_ps) / 2))
            since_ps = operation.start_ps + operation.duration_ps
        started_ps += boot.time_ps
