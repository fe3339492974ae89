"""What a command says of the engine that it ran on."""

from __future__ import annotations

from rich.console import Console

from harness.cli.options import progress_console
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown


def print_not_shown(console: Console, engine: str) -> None:
    """Name the rules that the engine cannot show broken: that they hold there says nothing."""
    rules = rules_not_shown(shown_by(engine))
    if rules:
        console.print(f"[yellow]not shown[/yellow] by the {engine} engine: {', '.join(rules)}", highlight=False)


def print_other_engine(made_on: str, runs_on: str) -> None:
    """Say on standard error that a replay id is run on another engine than the one that it was made on."""
    if made_on != runs_on:
        progress_console().print(f"[yellow]other engine[/yellow]: the id was made on {made_on}, this is {runs_on}", highlight=False)
