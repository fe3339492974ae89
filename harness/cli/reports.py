"""The reports of a campaign: console or `--json`, `--jsonl`, `--junit`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from harness.campaign.sweep import CampaignResult
from harness.campaign.workers import ignoring_interrupts
from harness.cli.ending import exit_code, report
from harness.cli.options import progress_bar, result_console
from harness.errors import ExitCode, InputError
from harness.oracle.verdict import Verdict
from harness.output_file import OutputStream, check_writable, write_output
from harness.report.console import print_campaign
from harness.report.junit import junit_xml
from harness.report.lines import verdict_line
from harness.report.summary import summary_of
from harness.scenario.prepared import PreparedScenario

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Reports:
    """Which reports the user asked for.

    Raises:
        InputError: a file can't be written; found out before the work starts.
    """

    as_json: bool
    jsonl: Path | None
    junit: Path | None

    def __post_init__(self) -> None:
        """Check the files."""
        if self.junit:
            check_writable("--junit", self.junit)
        if self.junit and self.jsonl and self.junit.resolve() == self.jsonl.resolve():
            raise InputError("it is the same file as --jsonl", source="--junit", remedy="Name two files.")

    @contextlib.contextmanager
    def progress(self, scenario: PreparedScenario, seed: int, engine: str) -> Iterator[ProgressBar]:
        """Show progress, and write lines as they come."""
        lines = OutputStream("--jsonl", self.jsonl) if self.jsonl else None
        try:
            with ProgressBar(scenario, seed, engine, lines) as progress:
                yield progress
        finally:
            with ignoring_interrupts():
                if lines:
                    lines.close()

    def finish(self, result: CampaignResult) -> ExitCode:
        """Write what is written at the end; return the exit code of the campaign: a violation counts even if it was interrupted."""
        if self.junit:
            with ignoring_interrupts():
                write_output(self.junit, junit_xml(result))
        report(as_json=self.as_json, summary=lambda: summary_of(result), show=lambda: print_campaign(result_console(), result))
        return exit_code(violated=bool(result.violating), interrupted=result.interrupted)


def report_options(command: Command) -> Command:
    """Add the options of a campaign's reports; the command receives `reports: Reports`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one summary object on standard output.")
    @click.option("--jsonl", type=click.Path(path_type=Path), default=None, help="Write one verdict a line to this file, as they come.")
    @click.option("--junit", type=click.Path(path_type=Path), default=None, help="Write a JUnit report to this file.")
    @functools.wraps(command)
    def wrapper(as_json: bool, jsonl: Path | None, junit: Path | None, **rest: Any) -> Any:
        return command(reports=Reports(as_json, jsonl, junit), **rest)

    return wrapper


class ProgressBar:
    """Shows a campaign's progress on standard error, and streams verdicts to a file."""

    def __init__(self, scenario: PreparedScenario, seed: int, engine: str, lines: OutputStream | None) -> None:
        self._scenario = scenario
        self._seed = seed
        self._engine = engine
        self._lines = lines
        self._violations = 0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
        self._progress = progress_bar(*columns)
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
            self._lines.write(verdict_line(self._scenario, verdict, self._seed, self._engine).encode())
