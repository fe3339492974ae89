"""`harness doctor`: which engines are usable here, in which version, and how to get the others."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.markup import escape

from harness.cli.options import result_console
from harness.errors import ExitCode
from harness.machine.capability import Probe
from harness.machine.engines import ENGINES, probe_engine, shown_by
from harness.oracle.rules import rules_not_shown


@click.command("doctor", epilog="Example: harness doctor --engine qemu")
@click.option("--engine", type=click.Choice(ENGINES), default=None, help="Look at this engine only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list with an object an engine.")
def doctor_command(engine: str | None, as_json: bool) -> int:
    """Tell which engines can run firmware here, and what is missing for the others.

    Exit code 2 if none of the engines looked at is usable: with --engine, if that one is not.
    """
    probes = {name: probe_engine(name) for name in ENGINES if engine in (None, name)}
    if as_json:
        click.echo(json.dumps([{"engine": name, **asdict(probe), "rules_not_shown": rules_not_shown(shown_by(name))} for name, probe in probes.items()]))
    else:
        console = result_console()
        for name, probe in probes.items():
            for line in _lines(name, probe):
                console.print(line, highlight=False)
    return ExitCode.HOLDS if any(probe.usable for probe in probes.values()) else ExitCode.BAD_INPUT


def _lines(engine: str, probe: Probe) -> list[str]:
    """Return what is said of one engine: whether it is usable, then what to know about it."""
    state = "[green]usable[/green]    " if probe.usable else "[red]not usable[/red]"
    lines = [f"{engine:<10}{state}  {escape(probe.version)}".rstrip()]
    if probe.remedy:
        lines.append(f"          {escape(probe.remedy)}")
    hidden = rules_not_shown(shown_by(engine))
    if hidden:
        lines.append(f"          can't show these rules broken: {', '.join(hidden)}")
    return lines
