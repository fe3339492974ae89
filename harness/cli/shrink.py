"""`harness shrink`: the shortest and earliest sequence of cuts that breaks the same rule."""

from __future__ import annotations

import json

import click

from harness.campaign.replay import replay
from harness.campaign.shrink_run import shrink_run
from harness.cli.engine_remarks import print_other_engine
from harness.cli.options import engine_of_id_option, prepare_with_progress, progress_console, result_console
from harness.errors import ExitCode
from harness.fault.replay_id import parse_replay_id
from harness.oracle.rules import RULES
from harness.report.shrink_view import print_shrunk, shrink_record, step_text
from harness.scenario.prepare import PrepareOptions


@click.command("shrink", epilog="Example: harness shrink stm32f103/speck-full:update:600some/4most:1:9f3c2a1b44d0")
@click.argument("replay_id", metavar="ID")
@engine_of_id_option
@click.option("--rule", type=click.Choice(list(RULES)), default=None, metavar="NAME", help="Which of the rules that it breaks to keep; by default the first.")
@click.option(
    "--most-tries", type=click.IntRange(min=1), default=None, metavar="N", help="Make no more runs than N; by default as many as it takes (renode, qemu: 200)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one object on standard output.")
def shrink_command(replay_id: str, engine: str | None, rule: str | None, most_tries: int | None, as_json: bool) -> int:
    """Reduce the violation that ID replays to the fewest cuts, the earliest ones, and the simplest tears that break the same rule.

    Prints what each step tried and the id of the best sequence. Exit code 1: it breaks the rule; 0: ID breaks none; 2: ID is of another build.
    """
    parsed = parse_replay_id(replay_id)
    engine = engine or parsed.engine
    print_other_engine(parsed.engine, engine)
    scenario = prepare_with_progress(parsed.scenario, PrepareOptions.from_pairs(parsed.options, source=f"replay id {replay_id}"))
    with progress_console().status("replaying") as status:
        replayed = replay(scenario, parsed, engine)
        shrunk = shrink_run(replayed, parsed.seed, engine, rule, most_tries, lambda step: status.update(step_text(step)))
    if as_json:
        click.echo(json.dumps(shrink_record(scenario, shrunk, parsed.seed, engine)))
    else:
        print_shrunk(result_console(), scenario, shrunk, parsed.seed, engine)
    return ExitCode.VIOLATION if shrunk.result else ExitCode.HOLDS
