"""`harness selftest`: the harness's proof that it can fail."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import click
from rich.console import Console
from rich.table import Table

from harness.build.bugs import SeededBug, bugs_of
from harness.campaign.selftest import BugResult, sweep_bugs
from harness.campaign.sweep import CampaignResult, SweepOptions, sweep
from harness.cli.options import engine_option, jobs_option, progress_console, result_console, seed_option
from harness.device import load_device
from harness.errors import ExitCode
from harness.report.console import print_campaign
from harness.report.summary import findings_of, replay_id_of
from harness.scenario.model import load_scenario
from harness.scenario.prepare import PrepareOptions, prepare


@click.command("selftest", epilog="Example: harness selftest --scenario nrf52840/speck-full --json")
@click.option("--scenario", default="stm32f103/speck-full", show_default=True, help="What the bugs are seeded in: a bundled name or the path of a .toml file.")
@engine_option
@seed_option
@jobs_option
@click.option("--list", "only_list", is_flag=True, help="List the seeded bugs and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one summary object on standard output.")
def selftest_command(scenario: str, engine: str, seed: int, jobs: int, only_list: bool, as_json: bool) -> int:
    """Sweep every seeded bug of firmware/broken that the scenario's device can have, and the good bootloader.

    Each bug must be found by the rule that it was seeded for, and the good bootloader must have no violation. A bug whose rule the
    engine can't show is told as such, and does not count as found.
    """
    loaded = load_scenario(scenario)
    chip = load_device(loaded.device).name
    bugs = bugs_of(loaded.profile, chip)
    if only_list:
        _list(bugs, chip)
        return ExitCode.HOLDS
    options = SweepOptions(seed=seed, jobs=jobs, engine=engine)
    build = PrepareOptions()
    results = []
    with progress_console().status("") as status:
        for number, result in enumerate(sweep_bugs(bugs, scenario, build, options), 1):
            results.append(result)
            status.update(f"{number} of {len(bugs)} seeded bugs: {result.bug.name} {_verdict(result)}")
        status.update("the good bootloader, every cut ...")
        good = sweep(prepare(scenario, build), replace(options, stop_when=None))
    if as_json:
        click.echo(json.dumps(_summary(results, good)))
    else:
        _print(result_console(), results, good)
    if good.interrupted:
        return ExitCode.INTERRUPTED
    holds = all(result.by_intended_rule or not result.can_be_shown for result in results) and not good.violating
    return ExitCode.HOLDS if holds else ExitCode.VIOLATION


def _list(bugs: list[SeededBug], chip: str) -> None:
    for bug in bugs:
        click.echo(f"{bug.name}  [{bug.rule_on(chip)}]  {bug.title}")


def _verdict(result: BugResult) -> str:
    if result.by_intended_rule:
        return "found"
    if not result.can_be_shown:
        others = f"; found by {', '.join(result.rules)}" if result.found else ""
        return f"its rule is not shown by the {result.engine} engine{others}"
    return f"found by {', '.join(result.rules)} only" if result.found else "NOT FOUND"


def _summary(results: list[BugResult], good: CampaignResult) -> dict[str, object]:
    return {
        "bugs": len(results),
        "found": sum(result.found for result in results),
        "by_intended_rule": sum(result.by_intended_rule for result in results),
        "not_shown": sum(not result.can_be_shown for result in results),
        "false_alarms": len(findings_of(good)),
        "good_cuts": len(good.verdicts),
        "results": [
            {
                "bug": result.bug.name,
                "intended_rule": result.intended_rule,
                "rules": list(result.rules),
                "runs": result.runs,
                "replay_id": None if result.first is None else replay_id_of(result.scenario, result.first, result.seed, result.engine),
            }
            for result in results
        ],
    }


def _print(console: Console, results: list[BugResult], good: CampaignResult) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("bug", "intended rule", "verdict", "runs"):
        table.add_column(heading)
    for result in results:
        colour = "green" if result.by_intended_rule else "red" if result.can_be_shown else "yellow"
        table.add_row(result.bug.name, result.intended_rule, f"[{colour}]{_verdict(result)}[/{colour}]", str(result.runs))
    console.print(table)
    console.print("first replay ids:")
    for result in results:
        if result.first is not None:
            replay_id = replay_id_of(result.scenario, result.first, result.seed, result.engine)
            console.print(f"  harness replay {shlex.quote(replay_id)}", highlight=False, markup=False)
    print_campaign(console, good)
    by_rule = sum(result.by_intended_rule for result in results)
    unshown = sum(not result.can_be_shown for result in results)
    remark = f", {unshown} whose rule the engine can't show" if unshown else ""
    console.print(f"{len(results)} seeded bugs, {by_rule} found by the intended rule{remark}; {len(findings_of(good))} false alarms on the good bootloader")
