"""A rebuilt run from the cut on: where power went, what this left, and the boots that followed."""

from __future__ import annotations

from rich.console import Console

from harness.campaign.call_sites import call_sites_of
from harness.campaign.replay import Replay
from harness.report.run_view import describe_cut, print_flash_difference, print_operations_around, print_run
from harness.report.summary import site_text


def print_replay(console: Console, result: Replay, engine: str) -> None:
    """Print where power went, what this left, and the boots that followed.

    Args:
        engine: what made them.
    """
    run = result.run
    console.rule(f"{run.case.name}: {run.case.title}")
    for log, fault in result.cuts:
        console.print(f"[bold]power cut[/bold] {describe_cut(fault)}", highlight=False)
        boot = log.boots[fault.fault.boot]
        console.print(f"  in {site_text(call_sites_of(run.scenario, boot, engine)[fault.fault.operation], engine)}", highlight=False, markup=False)
        print_operations_around(console, run.scenario, boot.operations, fault)
    if run.fault is not None:
        console.print("flash at the cut, against the start of the case:")
        print_flash_difference(console, run.scenario, run.case.state.flash, run.start.flash)
        console.print("then:")
    print_run(console, run, result.verdict)
