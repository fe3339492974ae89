"""`harness replay`: one faulted run again, with everything an engineer needs to see."""

from __future__ import annotations

import click
from rich.console import Console

from harness.campaign.call_sites import call_sites_of
from harness.campaign.replay import Replay, replay
from harness.cli.engine_remarks import print_not_shown
from harness.cli.options import engine_option, prepare_with_progress, result_console
from harness.errors import ExitCode
from harness.fault.replay_id import parse_replay_id
from harness.report.run_view import describe_cut, print_flash_difference, print_operations_around, print_run
from harness.report.summary import site_text
from harness.scenario.prepare import PrepareOptions


@click.command("replay", epilog="Example: harness replay stm32f103/speck-full:update:12some:1:9f3c2a1b44d0")
@click.argument("replay_id", metavar="ID")
@engine_option
def replay_command(replay_id: str, engine: str) -> int:
    """Rebuild the run that ID names, exactly, and show it.

    Refuses, with exit code 2, if firmware, images, layout or device are not what the id was made with.
    """
    parsed = parse_replay_id(replay_id)
    scenario = prepare_with_progress(parsed.scenario, PrepareOptions.from_pairs(parsed.options, source=f"replay id {replay_id}"))
    result = replay(scenario, parsed, engine)
    console = result_console()
    print_replay(console, result)
    print_not_shown(console, engine)
    return ExitCode.VIOLATION if result.verdict.violations else ExitCode.HOLDS


def print_replay(console: Console, result: Replay) -> None:
    """Print where power went, what this left, and the boots that followed."""
    run = result.run
    console.rule(f"{run.case.name}: {run.case.title}")
    for log, fault in result.cuts:
        console.print(f"[bold]power cut[/bold] {describe_cut(fault)}", highlight=False)
        boot = log.boots[fault.fault.boot]
        console.print(f"  in {site_text(call_sites_of(run.scenario, boot)[fault.fault.operation])}", highlight=False, markup=False)
        print_operations_around(console, run.scenario, boot.operations, fault)
    if run.fault is not None:
        console.print("flash at the cut, against the start of the case:")
        print_flash_difference(console, run.scenario, run.case.state.flash, run.start.flash)
        console.print("then:")
    print_run(console, run, result.verdict)
