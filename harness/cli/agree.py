"""`harness agree`: the same cuts on several engines."""

from __future__ import annotations

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from harness.campaign.agreement import AgreeOptions, agree
from harness.cli.ending import exit_code, report
from harness.cli.options import jobs_option, progress_bar, result_console, scenario_options, seed_option
from harness.errors import InputError
from harness.fault.tear_words import parse_tears
from harness.machine.engines import ENGINES
from harness.report.agreement import agreement_summary, print_agreement
from harness.scenario.prepared import PreparedScenario


@click.command("agree", epilog="Example: harness agree nrf51822/speck-full --engines embedded,qemu --sample 20")
@scenario_options
@click.option("--engines", default="embedded,qemu", show_default=True, metavar="LIST", help="Engines to compare; the first one plans the cuts.")
@click.option(
    "--sample", type=click.IntRange(min=1), default=None, metavar="N", help="Only N of the cuts, the first and the last among them, drawn by the seed."
)
@seed_option
@jobs_option
@click.option("--case", default=None, help="Compare only this case.")
@click.option("--tears", default=None, metavar="LIST", help="Tears to make; see `harness sweep`.")
@click.option("--conformance/--no-conformance", default=True, show_default=True, help="Compare the conformance program of the device too, if it has one.")
@click.option("--json", "as_json", is_flag=True, help="Print one object: compared, differences.")
def agree_command(
    scenario: PreparedScenario, engines: str, sample: int | None, seed: int, jobs: int, case: str | None, tears: str | None, conformance: bool, as_json: bool
) -> int:
    """Run SCENARIO and the same cuts of it on several engines, and compare what they do.

    Each cut is made live on each engine, by stopping it right before the operation. Compared are the operations of every boot with address,
    old and new bytes and program counter; crash images; ends, entries and UART; the flash after every boot; outcomes and broken rules.
    A difference gives exit code 1.
    """
    options = AgreeOptions(parse_engines(engines), seed, sample, case, parse_tears(tears, None), jobs, conformance)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with progress_bar(*columns) as progress:
        task = progress.add_task("clean runs", total=None)
        result = agree(
            scenario,
            options,
            lambda total: progress.update(task, description="cuts", total=total),
            lambda: progress.update(task, advance=1),
        )
    report(as_json=as_json, summary=lambda: agreement_summary(result), show=lambda: print_agreement(result_console(), result))
    return exit_code(violated=bool(result.differences), interrupted=result.interrupted)


def parse_engines(text: str) -> tuple[str, ...]:
    """Read names of engines with commas between them.

    Raises:
        InputError: one is unknown.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in ENGINES:
            raise InputError(f"unknown engine {name!r}", source="--engines", remedy=f"Choose from: {', '.join(ENGINES)}.")
    return names
