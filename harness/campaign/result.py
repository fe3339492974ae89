"""What a campaign found, and who hears how it goes on."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.campaign.boots import CaseLog
from harness.campaign.causes import Cause
from harness.campaign.settings import SweepOptions
from harness.campaign.verdict_log import VerdictLog, longer
from harness.fault.plan import FIVE_TEARS, WHOLE, Shard, TearChoice
from harness.machine.engines import shown_by
from harness.oracle.risk import Exposure
from harness.oracle.rules import rules_not_shown
from harness.oracle.run import Run
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict, verdict_of
from harness.oracle.wear import WornPage, most_worn
from harness.scenario.model import ExpectedEnd
from harness.scenario.prepared import PreparedScenario


class Observer(Protocol):
    """Hears how a campaign goes on."""

    def cleared(self, verdict: Verdict) -> None:
        """A case's clean run is judged."""
        ...

    def planned(self, total: int) -> None:
        """The clean runs hold; `total` faults follow."""
        ...

    def judged(self, verdict: Verdict) -> None:
        """One fault is judged; called in plan order."""
        ...


@dataclass(slots=True)
class CampaignResult:
    """What a campaign found.

    Attributes:
        clean: the clean run of each case. operations: their number over all cases.
        possible: the faults that a sample was drawn from; equal to `planned` where none was.
        planned: faults of the whole plan, or of the part of it that `shard` names.
        verdicts: of the faults, in plan order; shorter than `planned` if interrupted or stopped by a clean-run violation.
        live_checked: crash images that were also made live, all of them equal. kept: verdicts that were made before, and taken from a file.
        update: virtual time from reset until the new version runs, in the clean run of the first case that installs one; None if there is
            no such case.
        worn: the page that this update erases most; None where it erases none, or in a report from a file.
        engine: what ran the firmware. depth: cuts in a row of each faulted run. tears: what operations were torn to.
        cut_operations: (first, last), the only ones that were cut; None: all of them.
        causes: the violations, equal ones taken together; empty where the campaign looked for one violation only.
        exposures: of each update whose every moment was judged. losses_per_hour: what its risk is told for.
    """

    scenario: PreparedScenario
    seed: int
    clean: list[Verdict]
    operations: int = 0
    planned: int = 0
    possible: int = 0
    verdicts: VerdictLog = field(default_factory=VerdictLog)
    live_checked: int = 0
    kept: int = 0
    shard: Shard = WHOLE
    update: TimeRange | None = None
    worn: WornPage | None = None
    causes: list[Cause] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    engine: str = "embedded"
    depth: int = 1
    tears: TearChoice = FIVE_TEARS
    cut_operations: tuple[int, int] | None = None
    exposures: list[Exposure] = field(default_factory=list)
    losses_per_hour: float = 1.0

    @classmethod
    def of_clean_runs(cls, scenario: PreparedScenario, runs: Sequence[Run], logs: Sequence[CaseLog], options: SweepOptions) -> CampaignResult:
        """Return what the clean runs of the cases say, and their logs; no fault was made yet."""
        result = cls(scenario, options.seed, [verdict_of(run) for run in runs], engine=options.engine, depth=options.depth, shard=options.shard)
        result.tears, result.cut_operations = options.tears, options.operations
        result.operations = sum(len(boot.operations) for log in logs for boot in log.boots)
        result._told_of_update(runs)
        return result

    def _told_of_update(self, runs: Sequence[Run]) -> None:
        """Take time and wear of the first update from the clean runs of the cases."""
        for run, verdict in zip(runs, self.clean, strict=True):
            if run.case.end is ExpectedEnd.NEW:
                self.update, self.worn = verdict.ready, most_worn(run)
                return

    @property
    def rules_not_shown(self) -> tuple[str, ...]:
        """The rules that this engine cannot show broken."""
        return rules_not_shown(shown_by(self.engine))

    @property
    def violating(self) -> Sequence[Verdict]:
        """The verdicts, clean runs first, that broke a rule."""
        clean = [verdict for verdict in self.clean if verdict.violations]
        return [*clean, *self.verdicts.violating] if clean else self.verdicts.violating

    @property
    def longest_boot(self) -> TimeRange | None:
        """The longest start that updated nothing, over all runs."""
        return functools.reduce(longer, (verdict.boot for verdict in self.clean), self.verdicts.longest_boot)

    @property
    def longest_verification(self) -> TimeRange | None:
        """The longest time that one boot spent verifying, over all runs."""
        return functools.reduce(longer, (verdict.verification for verdict in self.clean), self.verdicts.longest_verification)

    @property
    def slowest_recovery(self) -> Verdict | None:
        """The verdict of the faulted run whose application took longest to run; None where none ran."""
        return self.verdicts.slowest_recovery

    @property
    def fired(self) -> int:
        """How many faults have the proof that they fired."""
        return self.verdicts.fired

    @property
    def distinct_crash_images(self) -> int:
        """How many different crash images were booted; counted anew, over all verdicts, each time."""
        return self.verdicts.crash_images()
