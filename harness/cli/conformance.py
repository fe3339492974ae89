"""`harness conformance`: does an engine keep the rules of a chip's flash controller?"""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from harness.build.toolchain import TOOLCHAINS
from harness.campaign.conformance import ConformanceResult, Outcome, build_program, compare_board, run_conformance
from harness.cli.options import engine_option, progress_console, result_console
from harness.device.rules import load_rules
from harness.errors import ExitCode, InputError
from harness.output_file import write_output
from harness.report.rules_table import rules_table

_COLOURS = {Outcome.SHOWN: "green", Outcome.DIFFERS: "red", Outcome.NOT_SHOWN: "yellow"}


@click.command("conformance", epilog="Example: harness conformance stm32f103 --json")
@click.argument("device")
@engine_option
@click.option("--part", default=None, help="Member of the device family; by default the first that the program has a layout for.")
@click.option("--toolchain", type=click.Choice(TOOLCHAINS), default="zig", show_default=True, help="Cross-compiler.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Write the program for a board to this file, and end.")
@click.option("--log", type=click.Path(path_type=Path), default=None, help="Compare what a board printed, from this file, instead of running an engine.")
@click.option("--table", is_flag=True, help="Print the rules as the table of docs/SPEC.md and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one object: rules, shown, differ, not_shown, and a list of rows.")
def conformance_command(device: str, engine: str, part: str | None, toolchain: str, output: Path | None, log: Path | None, table: bool, as_json: bool) -> int:
    """Run DEVICE's conformance program and compare each of its lines with the rules of the flash controller.

    What an engine records as misuse while it shows a rule is compared with the rule, too.
    A rule that differs gives exit code 1. A rule that the engine cannot show is named, and never counts as shown.
    """
    if table:
        click.echo(rules_table(load_rules(device)), nl=False)
        return ExitCode.HOLDS
    if output is not None:
        _write_program(device, part, toolchain, output)
        return ExitCode.HOLDS
    with progress_console().status(f"running the conformance program of {device} ..."):
        result = run_conformance(device, part, engine, toolchain) if log is None else compare_board(device, part, _read_log(log))
    if as_json:
        click.echo(json.dumps(_summary(result)))
    else:
        _print(result_console(), result)
    return ExitCode.VIOLATION if result.count(Outcome.DIFFERS) else ExitCode.HOLDS


def _write_program(device: str, part: str | None, toolchain: str, output: Path) -> None:
    part, firmware = build_program(device, part, toolchain)
    write_output(output, firmware.binary)
    click.echo(f"{output}: {len(firmware.binary)} bytes for {device} {part}, to be flashed at {firmware.address:#010x} of an erased chip")


def _read_log(path: Path) -> str:
    try:
        return path.read_bytes().decode("ascii", "replace").replace("\r\n", "\n")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Give the file with the board's UART output.") from error


def _summary(result: ConformanceResult) -> dict[str, object]:
    return {
        "device": result.device,
        "part": result.part,
        "engine": result.engine,
        "rules": len(result.rows),
        "shown": result.count(Outcome.SHOWN),
        "differ": result.count(Outcome.DIFFERS),
        "not_shown": result.count(Outcome.NOT_SHOWN),
        "boots": result.boots,
        "rows": [
            {
                "id": row.rule.id,
                "rule": row.rule.rule,
                "expected": row.rule.expected,
                "seen": row.seen,
                "outcome": row.outcome.value,
                "misuse_expected": row.rule.misuse,
                "misuse_recorded": row.misuse,
            }
            for row in result.rows
        ],
    }


def _print(console: Console, result: ConformanceResult) -> None:
    for row in result.rows:
        colour = _COLOURS[row.outcome]
        values = f"{row.rule.expected:<13} {row.seen or '-':<13}"
        console.print(f"{row.rule.id}  [{colour}]{row.outcome.value:<9}[/{colour}]  {values}  {escape(row.rule.rule)}", highlight=False)
        known = row.rule.known_differences.get(result.engine)
        if known is not None and known.seen == row.seen:
            console.print(f"     known of this engine: {escape(known.cause)}", highlight=False)
        if row.misuse is not None and sorted(row.misuse) != sorted(row.rule.misuse):
            console.print(f"     recorded misuse: {', '.join(row.misuse) or 'none'}; the rule names {', '.join(row.rule.misuse) or 'none'}", highlight=False)
    where = "on a board" if result.last is None else f"on the {result.engine} engine"
    boots = "" if result.last is None else f"; {result.boots} boots, the last ended {result.last.name.lower()}"
    counts = f"{result.count(Outcome.SHOWN)} shown, {result.count(Outcome.DIFFERS)} differ, {result.count(Outcome.NOT_SHOWN)} not shown"
    console.print(f"{result.device} {result.part} {where}: {len(result.rows)} rules, {counts}{boots}", highlight=False)
