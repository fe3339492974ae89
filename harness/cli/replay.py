"""`harness replay`: one faulted run again, with everything an engineer needs to see."""

from __future__ import annotations

from pathlib import Path

import click

from harness.campaign.replay import replay
from harness.cli.engine_remarks import print_not_shown, print_other_engine
from harness.cli.options import engine_of_id_option, prepare_with_progress, result_console
from harness.errors import ExitCode
from harness.fault.replay_id import parse_replay_id
from harness.output_file import write_files
from harness.report.renode_folder import renode_folder
from harness.report.replay_view import print_replay
from harness.scenario.prepare import PrepareOptions


@click.command("replay", epilog="Example: harness replay stm32f103/speck-full:update:12some:1:9f3c2a1b44d0")
@click.argument("replay_id", metavar="ID")
@engine_of_id_option
@click.option("--export", "folder", type=click.Path(path_type=Path), default=None, help="Also write a folder that plain Renode runs.")
def replay_command(replay_id: str, engine: str | None, folder: Path | None) -> int:
    """Rebuild the run that ID names, exactly, and show it.

    Refuses, with exit code 2, if firmware, images, layout or device are not what the id was made with.
    """
    parsed = parse_replay_id(replay_id)
    engine = engine or parsed.engine
    print_other_engine(parsed.engine, engine)
    scenario = prepare_with_progress(parsed.scenario, PrepareOptions.from_pairs(parsed.options, source=f"replay id {replay_id}"))
    result = replay(scenario, parsed, engine)
    if folder is not None:
        write_files(folder, renode_folder(scenario, result), source="--export")
    console = result_console()
    print_replay(console, result, engine)
    print_not_shown(console, engine)
    return ExitCode.VIOLATION if result.verdict.violations else ExitCode.HOLDS
