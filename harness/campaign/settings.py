"""How to sweep, and what of it decides the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

from harness.campaign.accelerations import EVERY_ACCELERATION, Accelerations
from harness.errors import InputError
from harness.fault.plan import FIVE_TEARS, WHOLE, Shard, TearChoice
from harness.oracle.verdict import Verdict
from harness.scenario.prepared import PreparedScenario


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the result of some kind of campaign: two with equal settings give equal results."""

    def check_same(self, other: Self, source: str) -> None:
        """Refuse another campaign's settings.

        Args:
            other: what is held against these. source: the file that these come from.

        Raises:
            InputError: they differ; the message names the first that does.
        """
        for field in fields(self):
            _check_same_setting(field.name, getattr(self, field.name), getattr(other, field.name), source)


@dataclass(frozen=True, slots=True)
class CampaignSettings(Settings):
    """What decides the result of a campaign: two with equal settings give equal verdicts.

    Attributes:
        scenario: bundled name or path. build: what differs from the default build, as in replay ids.
        fingerprint: of what was built; see `PreparedScenario`.
        case: the only case that is swept. operations: the only ones that are cut, (first, last). depth: cuts in a row.
    """

    scenario: str
    build: tuple[tuple[str, str], ...]
    fingerprint: str
    engine: str
    seed: int
    case: str | None = None
    operations: tuple[int, int] | None = None
    tears: TearChoice = FIVE_TEARS
    sample: int | None = None
    shard: Shard = WHOLE
    depth: int = 1


def _check_same_setting(name: str, ours: object, theirs: object, source: str) -> None:
    """Refuse another campaign's setting.

    Args:
        name: of the setting. ours: what the file `source` holds. theirs: what is held against it.

    Raises:
        InputError: they differ.
    """
    if ours != theirs:
        remedy = {"fingerprint": _REBUILT, "bugs": _REBUILT, "harness": _OTHER_HARNESS, "behaviour": _OTHER_HARNESS}.get(name, _OTHER_OPTIONS)
        raise InputError(f"it is of another campaign: {_spell(name, ours)}, not {_spell(name, theirs)}", source=source, field=name, remedy=remedy)


_OTHER_OPTIONS = "Give the options that it was made with, or another file."
_OTHER_HARNESS = "It was made with another version of the harness; use that one, or begin anew with --store."
_REBUILT = "Firmware, images, layout or device changed since: check out what it was made with, or begin anew."


def _spell(name: str, value: object) -> str:
    if isinstance(value, TearChoice):
        return str(value)
    if name == "operations" and isinstance(value, tuple):
        return "-".join(map(str, value))
    if isinstance(value, tuple):
        return " ".join("-".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value) or "default"
    if value is None:
        return "closure" if name == "depth" else "all"
    return str(value)


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How to sweep.

    Attributes:
        seed: feeds tears and RAM. jobs: worker processes; 1 runs in this process. engine: which engine.
        cluster: address of a Dask scheduler whose workers judge instead; None: those of `jobs`.
        operations: (first, last) to sweep only these; None: every operation.
        only_case: sweep a single case.
        accelerations: what is done only once; the verdicts are the same either way.
        tears: what each operation is torn to.
        sample: of each case's faults only so many, drawn by the seed; None: all.
        depth: cuts in a row; more than one for `sample` sequences of them, drawn by the seed (`sweep_sequences`).
        shard: the part of the plan that is run.
        stop_when: stop after the first verdict for which this is true, searching coarsely first.
    """

    seed: int = 1
    jobs: int = 1
    cluster: str | None = None
    engine: str = "embedded"
    operations: tuple[int, int] | None = None
    only_case: str | None = None
    accelerations: Accelerations = EVERY_ACCELERATION
    tears: TearChoice = FIVE_TEARS
    sample: int | None = None
    depth: int = 1
    shard: Shard = WHOLE
    stop_when: Callable[[Verdict], bool] | None = None

    def settings(self, scenario: PreparedScenario) -> CampaignSettings:
        """Return what of these decides the verdicts, on a scenario."""
        return CampaignSettings(
            scenario=scenario.reference,
            build=scenario.options,
            fingerprint=scenario.fingerprint,
            engine=self.engine,
            seed=self.seed,
            case=self.only_case,
            operations=self.operations,
            tears=self.tears,
            sample=self.sample,
            shard=self.shard,
            depth=self.depth,
        )
