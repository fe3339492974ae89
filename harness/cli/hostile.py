"""`harness hostile`: forged and malformed images against the real bootloader."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.campaign.hostile import HostileOptions, try_hostile_images
from harness.cli.options import engine_option, jobs_option, progress_console, result_console, scenario_options, seed_option
from harness.errors import ExitCode
from harness.image.hostile import hostile_images
from harness.image.hostile_patch import hostile_patches
from harness.output_file import check_writable, write_output
from harness.report.hostile import hostile_junit, hostile_summary, print_hostile
from harness.scenario.prepared import PreparedScenario


def _list(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        for heading, table in (("images, profile speck", hostile_images()), ("patches, profile speck-delta", hostile_patches())):
            click.echo(f"{len(table)} {heading}")
            for hostile in table:
                click.echo(f"  {hostile.name:<28} {hostile.reason.name.lower()} ({int(hostile.reason)}): {hostile.title}")
        context.exit()


@click.command("hostile", epilog="Example: harness hostile stm32f103/speck-full --at-cuts --sample 200")
@click.option("--list", "only_list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the images with their reasons and end.")
@scenario_options
@engine_option
@seed_option
@jobs_option
@click.option("--at-cuts", is_flag=True, help="Cut power in each refusal, and let the images interrupt and follow an update that is cut.")
@click.option("--sample", type=click.IntRange(min=2), default=None, metavar="N", help="Only N cuts of that update, the first and the last among them.")
@click.option("--pairs", type=click.IntRange(min=0), default=200, show_default=True, metavar="N", help="Cut the recovery once more, N times.")
@click.option("--every-image", is_flag=True, help="Let every image meet every cut, also inside the copy of a page; takes long.")
@click.option("--json", "as_json", is_flag=True, help="Print one object: images, refused, wrong_reason, accepted, at_cuts.")
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Write a JUnit report to this file.")
def hostile_command(
    scenario: PreparedScenario,
    engine: str,
    seed: int,
    jobs: int,
    at_cuts: bool,
    sample: int | None,
    pairs: int,
    every_image: bool,
    as_json: bool,
    junit: Path | None,
) -> int:
    """Stage each image of a table of forged and malformed ones on SCENARIO's device, and boot.

    Each must be refused for its own reason, which is read from the journal, before anything but that record changes, and the installed
    application must run. With --at-cuts also at every cut of the refusal, in the slot of an update that was cut, and staged after the recovery
    from it: the version before, too, which must never run again. An image that is accepted, or refused for another reason, gives exit code 1.
    """
    if junit is not None:
        check_writable("--junit", junit)
    options = HostileOptions(seed, jobs, engine, at_cuts, sample, pairs, every_image)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=progress_console(), transient=True) as progress:
        task = progress.add_task("images", total=None)
        result = try_hostile_images(scenario, options, lambda stage, done, total: progress.update(task, description=stage, completed=done, total=total))
    if junit is not None:
        write_output(junit, hostile_junit(result))
    if as_json:
        click.echo(json.dumps(hostile_summary(result)))
    else:
        print_hostile(result_console(), result)
    return ExitCode.HOLDS if result.holds else ExitCode.VIOLATION
