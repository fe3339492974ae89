"""`harness sweep`: cut power at every flash operation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Self

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.campaign.sweep import CampaignResult, SweepOptions, sweep
from harness.campaign.workers import ignoring_interrupts
from harness.cli.options import engine_option, jobs_option, progress_console, result_console, scenario_options, seed_option
from harness.errors import ExitCode, InputError
from harness.fault.tear_words import parse_tears
from harness.oracle.verdict import Verdict
from harness.output_file import OutputStream, check_writable, write_output
from harness.report.console import print_campaign
from harness.report.junit import junit_xml
from harness.report.lines import verdict_line
from harness.report.summary import summary_of
from harness.scenario.prepared import PreparedScenario


class ProgressBar:
    """Shows a campaign's progress on standard error, and streams verdicts to a file."""

    def __init__(self, scenario: PreparedScenario, seed: int, lines: OutputStream | None) -> None:
        self._scenario = scenario
        self._seed = seed
        self._lines = lines
        self._violations = 0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=progress_console(), transient=True)
        self._task = self._progress.add_task("clean runs", total=None, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def cleared(self, verdict: Verdict) -> None:
        """Write the line of a clean run."""
        self.write(verdict)

    def planned(self, total: int) -> None:
        """Show how many faults follow."""
        self._progress.update(self._task, description="cuts", total=total)

    def judged(self, verdict: Verdict) -> None:
        """Count one verdict and write its line."""
        self._violations += len(verdict.violations)
        note = f"{self._violations} violations" if self._violations else ""
        self._progress.update(self._task, advance=1, note=note)
        self.write(verdict)

    def write(self, verdict: Verdict) -> None:
        """Write a verdict's line, if a file was asked for."""
        if self._lines:
            self._lines.write(verdict_line(self._scenario, verdict, self._seed).encode())


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


@click.command("sweep", epilog="Example: harness sweep stm32f103/speck-full --app-kib 8 --junit report.xml")
@scenario_options
@engine_option
@seed_option
@jobs_option
@click.option("--case", default=None, help="Sweep only this case.")
@click.option("--operations", default=None, metavar="A-B", help="Cut only at operations A to B of each boot.")
@click.option("--tears", default=None, metavar="LIST", help="Tears to make: none,some,most,half-page,all (the default), metastable, fractions.")
@click.option("--fractions", type=int, default=None, metavar="N", help="Also cut inside each operation, at N fractions of its duration.")
@click.option("--sample", type=click.IntRange(min=2), default=None, metavar="N", help="Make only N cuts of each case, drawn by the seed.")
@click.option("--share/--no-share", default=True, show_default=True, help="Make boots that must go the same way once; the verdicts are the same.")
@click.option("--json", "as_json", is_flag=True, help="Print one summary object on standard output.")
@click.option("--jsonl", type=click.Path(path_type=Path), default=None, help="Write one verdict a line to this file, as they come.")
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Write a JUnit report to this file.")
def sweep_command(
    scenario: PreparedScenario,
    engine: str,
    seed: int,
    jobs: int,
    case: str | None,
    operations: str | None,
    tears: str | None,
    fractions: int | None,
    sample: int | None,
    share: bool,
    as_json: bool,
    jsonl: Path | None,
    junit: Path | None,
) -> int:
    """Cut power at every flash operation of SCENARIO with every chosen tear, and judge what recovers.

    SCENARIO is a bundled name (`harness scenarios`) or the path of a .toml file.
    """
    options = SweepOptions(
        seed=seed,
        jobs=jobs,
        engine=engine,
        operations=parse_operations(operations),
        only_case=case,
        tears=parse_tears(tears, fractions),
        sample=sample,
        share=share,
    )
    if junit:
        check_writable("--junit", junit)
    if junit and jsonl and junit.resolve() == jsonl.resolve():
        raise InputError("it is the same file as --jsonl", source="--junit", remedy="Name two files.")
    lines = OutputStream("--jsonl", jsonl) if jsonl else None
    with ProgressBar(scenario, seed, lines) as progress:
        result = sweep(scenario, options, progress)
    with ignoring_interrupts():  # an impatient second Ctrl-C must not cost the report of what was done
        if lines:
            lines.close()
        if junit:
            write_output(junit, junit_xml(result))
        if as_json:
            click.echo(json.dumps(summary_of(result)))
        else:
            print_campaign(result_console(), result)
    return exit_code_of(result)


def exit_code_of(result: CampaignResult) -> ExitCode:
    """Return the exit code of a campaign: a violation counts even if the campaign was interrupted."""
    if result.violating:
        return ExitCode.VIOLATION
    return ExitCode.INTERRUPTED if result.interrupted else ExitCode.HOLDS
