"""`harness selftest`: the harness's proof that it can fail."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

import click

from harness.build.bugs import SeededBug, bugs_of
from harness.campaign.selftest import BugResult, selftest
from harness.campaign.selftest_store import SelftestStore, settings_of
from harness.campaign.sweep import SweepOptions
from harness.campaign.tally import Tally
from harness.cli.ending import exit_code, refuse_to_begin, report, say_how_to_go_on
from harness.cli.options import engine_option, jobs_option, options_given, prepare_with_progress, result_console, seed_option
from harness.cli.reports import ProgressBar
from harness.device import load_device
from harness.errors import ExitCode
from harness.report.selftest_view import print_selftest, selftest_summary
from harness.scenario.model import load_scenario
from harness.scenario.prepare import PrepareOptions
from harness.scenario.prepared import PreparedScenario

_SHOWN = 2
"""Bugs under way whose names a progress bar has room for."""


@click.command("selftest", epilog="Example: harness selftest --scenario nrf52840/speck-full --json")
@click.option("--scenario", default="stm32f103/speck-full", show_default=True, help="What the bugs are seeded in: a bundled name or the path of a .toml file.")
@engine_option
@seed_option
@jobs_option
@click.option("--list", "only_list", is_flag=True, help="List the seeded bugs and end.")
@click.option("--store", type=click.Path(path_type=Path), default=None, help="Keep results in this new file as they come.")
@click.option("--resume", type=click.Path(path_type=Path), default=None, help="Go on with what this file began; --scenario may be left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one summary object on standard output.")
def selftest_command(scenario: str, engine: str, seed: int, jobs: int, only_list: bool, store: Path | None, resume: Path | None, as_json: bool) -> int:
    """Sweep every seeded bug of firmware/broken that the scenario's device can have, and the good bootloader.

    Each bug must be found by the rule that it was seeded for, and the good bootloader must have no violation. A bug whose rule the
    engine can't show is told as such, and does not count as found.
    """
    if only_list:
        chip = load_device(load_scenario(scenario).device).name
        for bug in _bugs_of(scenario):
            click.echo(f"{bug.name}  [{bug.rule_on(chip)}]  {bug.title}")
        return ExitCode.HOLDS
    options = SweepOptions(seed=seed, jobs=jobs, engine=engine)
    opened = _resumed(resume, store, scenario, options) if resume else _begun(store, scenario, options)
    tally = Tally(len(opened.bugs))
    closing = contextlib.closing(opened.store) if opened.store else contextlib.nullcontext()
    with closing, SelftestProgress(opened, tally) as progress:
        result = selftest(opened.scenario, opened.bugs, PrepareOptions(), opened.options, progress, tally, opened.store)
    report(as_json=as_json, summary=lambda: selftest_summary(result), show=lambda: print_selftest(result_console(), result))
    if result.interrupted and opened.store:
        say_how_to_go_on("selftest", opened.store.path)
    return exit_code(violated=not result.holds, interrupted=result.interrupted)


@dataclass(frozen=True, slots=True)
class OpenSelftest:
    """A selftest that can begin.

    Attributes:
        scenario: with the good bootloader. store: where results are kept; None: nowhere.
    """

    scenario: PreparedScenario
    bugs: list[SeededBug]
    options: SweepOptions
    store: SelftestStore | None


class SelftestProgress(ProgressBar):
    """Shows on standard error which bugs are swept, how many cuts that took and what they broke; then the cuts of the good bootloader."""

    def __init__(self, opened: OpenSelftest, tally: Tally) -> None:
        super().__init__(opened.scenario, opened.options.seed, opened.options.engine, lines=None)
        self._under_way: dict[str, SeededBug] = {}
        # The tally itself, not its text: each time that the bar is drawn it shows what was counted by then, by whatever process.
        self._progress.update(self._task, description="seeded bugs", total=len(opened.bugs), note=tally)

    def sweeping(self, bug: SeededBug) -> None:
        """Show its name."""
        self._under_way[bug.name] = bug
        self._show_names()

    def swept(self, result: BugResult) -> None:
        """Count it."""
        self._under_way.pop(result.bug.name, None)  # None: it was taken from a file
        self._show_names()
        self._progress.advance(self._task)

    def _show_names(self) -> None:
        names = ", ".join(list(self._under_way)[:_SHOWN]) + (", ..." if len(self._under_way) > _SHOWN else "")
        self._progress.update(self._task, description=f"seeded bugs: {names}")

    def planned(self, total: int) -> None:
        """Show how many cuts of the good bootloader follow."""
        self._progress.reset(self._task, description="cuts of the good bootloader", total=total, note="")


def _bugs_of(reference: str) -> list[SeededBug]:
    loaded = load_scenario(reference)
    return bugs_of(loaded.profile, load_device(loaded.device).name)


def _begun(store: Path | None, reference: str, options: SweepOptions) -> OpenSelftest:
    bugs = _bugs_of(reference)
    scenario = prepare_with_progress(reference, PrepareOptions())
    return OpenSelftest(scenario, bugs, options, SelftestStore(store, settings_of(scenario, bugs, options)) if store else None)


def _resumed(resume: Path, store: Path | None, reference: str, options: SweepOptions) -> OpenSelftest:
    """Build what a file began with, and go on with it; an option that the user wrote must be what it began with."""
    refuse_to_begin(store)
    kept, given = SelftestStore(resume), options_given()
    try:
        began = kept.settings
        reference = reference if "scenario" in given else began.scenario
        options = replace(options, **{name: getattr(began, name) for name in ("seed", "engine") if name not in given})
        scenario, bugs = prepare_with_progress(reference, PrepareOptions()), _bugs_of(reference)
        began.check_same(settings_of(scenario, bugs, options), source=str(resume))
    except BaseException:
        kept.close()
        raise
    return OpenSelftest(scenario, bugs, options, kept)
