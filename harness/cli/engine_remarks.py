"""What a command says of the engine that it ran on."""

from __future__ import annotations

from rich.console import Console

from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown


def print_not_shown(console: Console, engine: str) -> None:
    """Name the rules that the engine cannot show broken: that they hold there says nothing."""
    rules = rules_not_shown(shown_by(engine))
    if rules:
        console.print(f"[yellow]not shown[/yellow] by the {engine} engine: {', '.join(rules)}", highlight=False)
