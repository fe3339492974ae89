"""The options that say what a campaign is, and the file that its results are kept in."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click

from harness.campaign.accelerations import Accelerations
from harness.campaign.settings import CampaignSettings, SweepOptions
from harness.campaign.store import CampaignStore
from harness.cli.ending import refuse_to_begin
from harness.cli.options import build_options, engine_option, jobs_option, options_given, prepare_with_progress, seed_option, timing_option
from harness.device import Timing
from harness.errors import InputError
from harness.fault.plan import WHOLE, Shard
from harness.fault.tear_words import parse_tears
from harness.machine.engines import DEFAULT_ENGINE
from harness.scenario.prepare import PrepareOptions
from harness.scenario.prepared import PreparedScenario

Command = Callable[..., Any]
_BUILD = ("app_kib", "part", "toolchain", "bug", "timing")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as its command line asks for it.

    Attributes:
        store: where results are kept; None: nowhere.
    """

    scenario: PreparedScenario
    options: SweepOptions
    store: CampaignStore | None


@dataclass(frozen=True, slots=True)
class CampaignArguments:
    """The command line, before anything is built.

    Attributes:
        given: the options that the user wrote; on `--resume` the file decides about all others.
    """

    given: frozenset[str]
    scenario: str | None
    build: PrepareOptions
    engine: str
    seed: int
    jobs: int
    cluster: str | None
    case: str | None
    operations: str | None
    tears: str | None
    fractions: int | None
    sample: int | None
    shard: str | None
    share: bool
    memo: bool
    prune: bool
    converge: bool
    reuse: bool
    store: Path | None
    resume: Path | None

    def open(self, depth: int = 1) -> Campaign:
        """Build the scenario and open the store.

        Args:
            depth: cuts in a row.

        Raises:
            InputError: an option can't be used, or is not what the resumed campaign began with.
        """
        if self.resume:
            return self._resumed(CampaignStore(self.resume), depth)
        if self.scenario is None:
            raise click.UsageError("Missing argument 'SCENARIO'.", click.get_current_context())
        options = self._options(depth)
        _check_takes(options)
        scenario = prepare_with_progress(self.scenario, self.build)
        store = CampaignStore(self.store, options.settings(scenario)) if self.store else None
        return Campaign(scenario, options, store)

    @property
    def accelerations(self) -> Accelerations:
        """What is done only once."""
        return Accelerations(share=self.share, memo=self.memo, prune=self.prune, converge=self.converge, reuse=self.reuse)

    def _options(self, depth: int) -> SweepOptions:
        return SweepOptions(
            depth=depth,
            seed=self.seed,
            jobs=self.jobs,
            cluster=self.cluster,
            engine=self.engine,
            operations=parse_operations(self.operations),
            only_case=self.case,
            tears=parse_tears(self.tears, self.fractions),
            sample=self.sample,
            shard=parse_shard(self.shard),
            accelerations=self.accelerations,
        )

    def _resumed(self, store: CampaignStore, depth: int) -> Campaign:
        try:
            refuse_to_begin(self.store)
            began = store.stored.settings
            options = self._as_it_began(began, depth)
            _check_takes(options)
            scenario = prepare_with_progress(self.scenario or began.scenario, build_as_it_began(self.given, self.build, began.build, str(store.path)))
            began.check_same(options.settings(scenario), source=str(store.path))
        except BaseException:
            store.close()
            raise
        return Campaign(scenario, options, store)

    def _as_it_began(self, began: CampaignSettings, depth: int) -> SweepOptions:
        """Return the options, those that the user did not write taken from the file."""
        options = self._options(depth)
        names = ("seed", "engine", "operations", "sample", "depth", "shard")
        changes: dict[str, Any] = {name: getattr(began, name) for name in names if name not in self.given}
        if "case" not in self.given:
            changes["only_case"] = began.case
        if not self.given & {"tears", "fractions"}:
            changes["tears"] = began.tears
        return replace(options, **changes)


def check_reuse(engine: str, accelerations: Accelerations) -> None:
    """Refuse to start another engine than the embedded one for each boot.

    Raises:
        InputError: it is asked for.
    """
    if not accelerations.reuse and engine != DEFAULT_ENGINE:
        remedy = f"Leave it out, or take --engine {DEFAULT_ENGINE}."
        raise InputError(f"the {engine} engine is always reused: to start it takes seconds", source="--no-reuse", remedy=remedy)


def _check_takes(options: SweepOptions) -> None:
    """Refuse what engines or sampled sequences don't take.

    Raises:
        InputError: it is asked for.
    """
    check_reuse(options.engine, options.accelerations)
    if options.depth > 1 and options.cluster is not None:
        raise InputError("sampled sequences of cuts do not take it", source="--cluster", remedy="Leave it out, and split them with --shard.")


def build_as_it_began(given: frozenset[str], build: PrepareOptions, began: tuple[tuple[str, str], ...], source: str) -> PrepareOptions:
    """Return how to build what a file began with, but for what the user wrote.

    Args:
        given: the options that the user wrote. build: how the command line builds. began: what the file `source` says of its build.
    """
    kept = PrepareOptions.from_pairs(began, source=source)
    return replace(kept, **{name: getattr(build, name) for name in _BUILD if name in given})


def campaign_options(command: Command) -> Command:
    """Add SCENARIO and everything that says what its campaign is; the command receives `arguments: CampaignArguments`."""

    @click.argument("scenario", required=False)
    @build_options
    @timing_option
    @engine_option
    @seed_option
    @jobs_option
    @click.option("--cluster", default=None, metavar="ADDRESS", help="Work on the workers of this Dask scheduler, tcp://HOST:PORT, instead of here.")
    @click.option("--case", default=None, help="Sweep only this case.")
    @click.option("--operations", default=None, metavar="A-B", help="Cut only at operations A to B of each boot.")
    @click.option("--tears", default=None, metavar="LIST", help="Tears to make: none,some,most,half-page,all (the default), metastable, fractions.")
    @click.option("--fractions", type=int, default=None, metavar="N", help="Also cut inside each operation, at N fractions of its duration.")
    @click.option("--sample", type=click.IntRange(min=2), default=None, metavar="N", help="Make only N cuts of each case, drawn by the seed.")
    @click.option("--share/--no-share", default=True, show_default=True, help="Make boots that must go the same way once; the verdicts are the same.")
    @click.option("--memo/--no-memo", default=True, show_default=True, help="Execute calls that must do the same once; the verdicts are the same.")
    @click.option("--prune/--no-prune", default=True, show_default=True, help="Judge runs that cannot differ once; the verdicts are the same.")
    @click.option(
        "--converge/--no-converge",
        default=True,
        show_default=True,
        help="End boots that come to a state of an earlier one with what followed there; the verdicts are the same.",
    )
    @click.option("--reuse/--no-reuse", default=True, show_default=True, help="Boot on one machine, not on a new one each time; the verdicts are the same.")
    @click.option(
        "--shard",
        default=None,
        metavar="I/N",
        help="Run only part I of N of the cuts, or of the sampled sequences; `harness merge` reports all parts together.",
    )
    @click.option("--store", type=click.Path(path_type=Path), default=None, help="Keep results in this new file as they come.")
    @click.option("--resume", type=click.Path(path_type=Path), default=None, help="Go on with the campaign of this file; SCENARIO may be left out.")
    @functools.wraps(command)
    def wrapper(build: PrepareOptions, timing: str, **rest: Any) -> Any:
        given = options_given()
        arguments = {field.name: rest.pop(field.name) for field in fields(CampaignArguments) if field.name in rest}
        return command(arguments=CampaignArguments(given=given, build=replace(build, timing=Timing(timing)), **arguments), **rest)

    return wrapper


def parse_operations(text: str | None) -> tuple[int, int] | None:
    """Read `A-B` or `A`.

    Raises:
        InputError: it is neither, or B lies before A.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if match is None:
        raise InputError(f"{text!r} is not a range of operations", source="--operations", remedy="Write first-last, for example 0-99.")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise InputError(f"the range {text} ends before it begins", source="--operations", remedy="Write first-last, for example 0-99.")
    return first, last


def parse_shard(text: str | None) -> Shard:
    """Read `I/N`.

    Raises:
        InputError: it is not that, or there is no part I of N.
    """
    if text is None:
        return WHOLE
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"{text!r} is not a part of a campaign", source="--shard", remedy="Write I/N, for example 2/4: the second of four parts.")
    return Shard(int(match[1]), int(match[2]))
