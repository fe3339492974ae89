"""`harness run` on a debugger scenario."""

from __future__ import annotations

import functools
import json
from typing import Any

import click

from harness.campaign.debugging import ActionResult, play_debugger_scenario
from harness.cli.options import Command, prepare_with_progress, result_console
from harness.errors import ExitCode, InputError
from harness.report.debugger_view import debugger_report, print_debugger_results
from harness.scenario.debugger import DebuggerScenario, is_debugger_scenario, load_debugger_scenario
from harness.scenario.prepare import PrepareOptions


def debugger_scenarios(command: Command) -> Command:
    """Make a command that runs a SCENARIO play it where it is a debugger scenario."""

    @functools.wraps(command)
    def wrapper(scenario: str, **rest: Any) -> Any:
        if not is_debugger_scenario(scenario):
            return command(scenario=scenario, **rest)
        if rest.get("case") is not None or rest.get("cut_at") is not None:
            raise InputError("a debugger scenario names its case and its cuts itself", source="--case, --cut-at", remedy="Leave them out.")
        loaded = load_debugger_scenario(scenario)
        build = PrepareOptions(rest["app_kib"], rest["part"] or loaded.part, rest["toolchain"], rest["bug"])
        return _play(scenario, loaded, build, rest["seed"], rest["engine"], as_json=rest["as_json"])

    return wrapper


def _play(reference: str, scenario: DebuggerScenario, build: PrepareOptions, seed: int, engine: str, *, as_json: bool) -> int:
    prepared = prepare_with_progress(scenario.firmware, build)
    results: list[ActionResult] = play_debugger_scenario(scenario, prepared, seed, engine)
    if as_json:
        click.echo(json.dumps(debugger_report(reference, results)))
    else:
        print_debugger_results(result_console(), scenario, results)
    return ExitCode.VIOLATION if any(result.problems for result in results) else ExitCode.HOLDS
