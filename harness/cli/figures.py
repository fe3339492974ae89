"""`harness figures`: the documented figures, measured."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from harness.cli.options import engine_option, progress_bar
from harness.errors import ExitCode
from harness.figures.application_space import application_spaces
from harness.figures.bench import Bench
from harness.figures.ledger import load_ledger
from harness.figures.patching import PATCHED_DEVICES
from harness.figures.run import measure_figures
from harness.output_file import OutputStream, write_output
from harness.report.figures import figures_junit, figures_markdown, figures_record, print_figures

_FILE_COLUMNS = 220


@click.command("figures", epilog="Example: harness figures --output docs/figures.md")
@engine_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--junit", type=click.Path(path_type=Path), default=None, help="Write a JUnit report to this file.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Write the table as Markdown to this file.")
def figures_command(engine: str, as_json: bool, junit: Path | None, output: Path | None) -> int:
    """Measure every checkable figure of five documents about firmware updates, and say which hold.

    A figure that does not hold is a finding about its document: the exit code is 0 unless the harness itself failed.
    """
    ledger = load_ledger()
    report = OutputStream("--junit", junit) if junit else None
    bench = Bench(engine)
    try:
        with progress_bar() as progress:
            task = progress.add_task("measuring", total=len(ledger.figure))
            figures = measure_figures(ledger, bench, lambda: progress.advance(task))
            bootloaders = [bench.patching(device) for device in PATCHED_DEVICES] if output else []
            applications = application_spaces() if output else ()
    finally:
        bench.close()
    if report:
        report.write(figures_junit(ledger, figures))
        report.close()
    if output:
        write_output(output, figures_markdown(ledger, figures, bootloaders, applications).encode())
    if as_json:
        click.echo(json.dumps(figures_record(ledger, figures)))
    else:
        console = Console()
        # A file or a pipe has no width; folded to 80 columns the table could not be read.
        print_figures(console if console.is_terminal else Console(width=_FILE_COLUMNS), ledger, figures)
    return ExitCode.HOLDS
