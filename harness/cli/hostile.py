"""`harness hostile`: forged and malformed images against the real bootloader."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from harness.campaign.hostile import HostileOptions, try_hostile_images
from harness.campaign.hostile_store import HostileStore
from harness.campaign.workers import ignoring_interrupts
from harness.cli.campaign import build_as_it_began
from harness.cli.ending import exit_code, refuse_to_begin, report, say_how_to_go_on
from harness.cli.options import (
    build_options,
    engine_option,
    jobs_option,
    options_given,
    prepare_with_progress,
    progress_bar,
    result_console,
    seed_option,
    timing_option,
)
from harness.device import Timing
from harness.image.hostile import hostile_images
from harness.image.hostile_patch import hostile_patches
from harness.output_file import check_writable, write_output
from harness.report.hostile import hostile_junit, hostile_summary, print_hostile
from harness.scenario.hostile import HostileCases
from harness.scenario.prepare import PrepareOptions
from harness.scenario.prepared import PreparedScenario

_Opened: TypeAlias = tuple[PreparedScenario, HostileOptions, HostileStore | None]


def _list(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        for heading, table in (("images, profile speck", hostile_images()), ("patches, profile speck-delta", hostile_patches())):
            click.echo(f"{len(table)} {heading}")
            for hostile in table:
                click.echo(f"  {hostile.name:<28} {hostile.reason.name.lower()} ({int(hostile.reason)}): {hostile.title}")
        context.exit()


@click.command("hostile", epilog="Example: harness hostile stm32f103/speck-full --at-cuts --sample 200")
@click.option("--list", "only_list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the images with their reasons and end.")
@click.argument("scenario", required=False)
@build_options
@timing_option
@engine_option
@seed_option
@jobs_option
@click.option("--at-cuts", is_flag=True, help="Cut power in each refusal, and let the images interrupt and follow an update that is cut.")
@click.option("--sample", type=click.IntRange(min=2), default=None, metavar="N", help="Only N cuts of that update, the first and the last among them.")
@click.option("--pairs", type=click.IntRange(min=0), default=200, show_default=True, metavar="N", help="Cut the recovery once more, N times.")
@click.option("--every-image", is_flag=True, help="Let every image meet every cut, also inside the copy of a page; takes long.")
@click.option("--store", type=click.Path(path_type=Path), default=None, help="Keep results in this new file as they come.")
@click.option("--resume", type=click.Path(path_type=Path), default=None, help="Go on with what this file began; SCENARIO may be left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one object: images, refused, wrong_reason, accepted, at_cuts.")
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Write a JUnit report to this file.")
def hostile_command(
    scenario: str | None,
    build: PrepareOptions,
    timing: str,
    engine: str,
    seed: int,
    jobs: int,
    at_cuts: bool,
    sample: int | None,
    pairs: int,
    every_image: bool,
    store: Path | None,
    resume: Path | None,
    as_json: bool,
    junit: Path | None,
) -> int:
    """Stage each image of a table of forged and malformed ones on SCENARIO's device, and boot.

    Each must be refused for its own reason, which is read from the journal, before anything but that record changes, and the installed
    application must run. Where a host sends the update, each patch is sent to the application, which must refuse it. With --at-cuts also at
    every cut of the refusal, in the slot of an update that was cut, and staged after the recovery from it: the version before, too, which must
    never run again. An image that is accepted, or refused for another reason, gives exit code 1.
    """
    if junit is not None:
        check_writable("--junit", junit)
    asked = _Asked(scenario, replace(build, timing=Timing(timing)), HostileOptions(seed, jobs, engine, at_cuts, sample, pairs, every_image))
    prepared, options, kept = asked.resumed(resume, store) if resume else asked.begun(store)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with contextlib.closing(kept) if kept else contextlib.nullcontext(), progress_bar(*columns) as progress:
        task = progress.add_task("images", total=None)

        def show(stage: str, done: int, total: int) -> None:
            progress.update(task, description=stage, completed=done, total=total)

        result = try_hostile_images(prepared, options, show, kept)
    if junit is not None:
        with ignoring_interrupts():
            write_output(junit, hostile_junit(result))
    report(as_json=as_json, summary=lambda: hostile_summary(result), show=lambda: print_hostile(result_console(), result))
    if result.interrupted and kept:
        say_how_to_go_on("hostile", kept.path)
    return exit_code(violated=not result.holds, interrupted=result.interrupted)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for, before anything is built."""

    scenario: str | None
    build: PrepareOptions
    options: HostileOptions

    def begun(self, store: Path | None) -> _Opened:
        """Build the scenario, and begin a file if there is to be one."""
        if self.scenario is None:
            raise click.UsageError("Missing argument 'SCENARIO'.", click.get_current_context())
        prepared = prepare_with_progress(self.scenario, self.build)
        HostileCases(prepared)  # refused before a file is begun
        return prepared, self.options, HostileStore(store, self.options.settings(prepared)) if store else None

    def resumed(self, resume: Path, store: Path | None) -> _Opened:
        """Build what a file began with, and go on with it; an option that the user wrote must be what it began with."""
        refuse_to_begin(store)
        kept = HostileStore(resume)
        try:
            began, given = kept.settings, options_given()
            prepared = prepare_with_progress(self.scenario or began.scenario, build_as_it_began(given, self.build, began.build, str(resume)))
            names = ("seed", "engine", "at_cuts", "sample", "pairs", "every_image")
            options = replace(self.options, **{name: getattr(began, name) for name in names if name not in given})
            began.check_same(options.settings(prepared), source=str(resume))
        except BaseException:
            kept.close()
            raise
        return prepared, options, kept
