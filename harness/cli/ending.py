"""How a command that can be taken up again ends: its report, how to go on, its exit code; and that it is taken up from one file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import click

from harness.campaign.workers import ignoring_interrupts
from harness.errors import ExitCode, InputError


def report(*, as_json: bool, summary: Callable[[], object], show: Callable[[], None]) -> None:
    """Print the summary as JSON, or show the result; an impatient second Ctrl-C does not cost the report of what was done."""
    with ignoring_interrupts():
        if as_json:
            click.echo(json.dumps(summary()))
        else:
            show()


def say_how_to_go_on(command: str, path: Path) -> None:
    """Tell, on standard error, how a command goes on with its file."""
    click.echo(f"go on with: harness {command} --resume {shlex.quote(str(path))}", err=True)


def exit_code(*, violated: bool, interrupted: bool) -> ExitCode:
    """Return the exit code of a campaign: a violation counts even if it was interrupted."""
    if violated:
        return ExitCode.VIOLATION
    return ExitCode.INTERRUPTED if interrupted else ExitCode.HOLDS


def refuse_to_begin(store: Path | None) -> None:
    """Refuse a new file where another one is gone on with.

    Raises:
        InputError: `--store` is given beside `--resume`.
    """
    if store:
        raise InputError("it is given with --store", source="--resume", remedy="Begin a file with --store, go on with it with --resume.")
