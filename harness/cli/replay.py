"""`harness replay`: one faulted run again, with everything an engineer needs to see."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from harness.campaign.held_run import HeldRun
from harness.campaign.replay import Replay, replay
from harness.cli.engine_remarks import print_not_shown, print_other_engine
from harness.cli.options import engine_of_id_option, prepare_with_progress, result_console
from harness.errors import ExitCode
from harness.fault.replay_id import parse_replay_id
from harness.machine.engines import make_debuggee
from harness.machine.gdb_server import GdbServer
from harness.output_file import write_files
from harness.report.held_view import print_held
from harness.report.renode_folder import renode_folder
from harness.report.replay_view import print_replay
from harness.scenario.prepare import PrepareOptions
from harness.scenario.prepared import PreparedScenario

_PORT_LAST = 65535


@click.command("replay", epilog="Example: harness replay stm32f103/speck-full:update:12some:1:9f3c2a1b44d0 --gdb 3333")
@click.argument("replay_id", metavar="ID")
@engine_of_id_option
@click.option("--export", "folder", type=click.Path(path_type=Path), default=None, help="Also write a folder that plain Renode runs.")
@click.option("--gdb", "port", type=click.IntRange(0, _PORT_LAST), default=None, help="Hold the run right before its cut for gdb, at this port of 127.0.0.1.")
def replay_command(replay_id: str, engine: str | None, folder: Path | None, port: int | None) -> int:
    """Rebuild the run that ID names, exactly, and show it.

    Refuses, with exit code 2, if firmware, images, layout or device are not what the id was made with.

    With --gdb the run is then held right before the operation that was cut, until a debugger has attached and gone. Where the core goes on, power is lost
    (SIGPWR): the chip stands at its reset, its flash as the cut left it.
    """
    parsed = parse_replay_id(replay_id)
    engine = engine or parsed.engine
    print_other_engine(parsed.engine, engine)
    server = None if port is None else GdbServer(port)
    try:
        scenario = prepare_with_progress(parsed.scenario, PrepareOptions.from_pairs(parsed.options, source=f"replay id {replay_id}"))
        result = replay(scenario, parsed, engine)
        if folder is not None:
            write_files(folder, renode_folder(scenario, result), source="--export")
        console = result_console()
        print_replay(console, result, engine)
        print_not_shown(console, engine)
        if server is not None:
            _debug(scenario, result, parsed.seed, engine, server)
    finally:
        if server is not None:
            server.close()
    return ExitCode.VIOLATION if result.verdict.violations else ExitCode.HOLDS


def _debug(scenario: PreparedScenario, result: Replay, seed: int, engine: str, server: GdbServer) -> None:
    """Hold the run for one debugger, and wait until it has gone."""
    held = HeldRun(result, seed, make_debuggee(engine, scenario.device, scenario.part, scenario.domains, scenario.timing))
    try:
        print_held(Console(stderr=True, soft_wrap=True), scenario, held.held, server.port)
        server.serve(held)
    finally:
        held.close()
