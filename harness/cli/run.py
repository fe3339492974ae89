"""`harness run`: the clean run, told boot by boot."""

from __future__ import annotations

import json

import click

from harness.campaign.cut_point import CutPoint
from harness.campaign.replay import run_cut_at
from harness.campaign.sweep import SweepOptions, chosen_cases, run_clean
from harness.cli.debugger import debugger_scenarios
from harness.cli.engine_remarks import print_not_shown
from harness.cli.options import engine_option, result_console, scenario_options, seed_option
from harness.errors import ExitCode, InputError
from harness.fault.faults import Tear
from harness.fault.virtual_time import parse_virtual_time
from harness.machine.capability import Capability
from harness.machine.engines import shown_by
from harness.oracle.verdict import verdict_of
from harness.report.lines import verdict_line
from harness.report.replay_view import print_replay
from harness.report.run_view import print_run
from harness.scenario.prepared import PreparedScenario


@click.command("run", epilog="Example: harness run stm32f103/speck-full --case update")
@debugger_scenarios
@scenario_options
@engine_option
@seed_option
@click.option("--case", default=None, help="Run only this case.")
@click.option("--cut-at", default=None, metavar="TIME", help="Cut one case at this virtual time (12.345ms; ns, us, ms or s), and run what that leaves.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list with a verdict a case.")
def run_command(scenario: PreparedScenario, engine: str, seed: int, case: str | None, cut_at: str | None, as_json: bool) -> int:
    """Run every case of SCENARIO uninterrupted, and judge it.

    With --cut-at, one case is cut at that moment: inside an operation, or between two, where no cell changes.
    """
    if cut_at is not None:
        return _run_cut_at(scenario, engine, seed, case, cut_at, as_json=as_json)
    runs = run_clean(scenario, SweepOptions(seed=seed, engine=engine, only_case=case))
    verdicts = [verdict_of(run) for run in runs]
    if as_json:
        click.echo(json.dumps([json.loads(verdict_line(scenario, verdict, seed, engine)) for verdict in verdicts]))
    else:
        console = result_console()
        for run, verdict in zip(runs, verdicts, strict=True):
            console.rule(f"{run.case.name}: {run.case.title}")
            print_run(console, run, verdict)
        print_not_shown(console, engine)
    return ExitCode.VIOLATION if any(verdict.violations for verdict in verdicts) else ExitCode.HOLDS


def _run_cut_at(scenario: PreparedScenario, engine: str, seed: int, case: str | None, cut_at: str, *, as_json: bool) -> int:
    if Capability.TIME not in shown_by(engine):
        remedy = "Use --engine embedded, or cut by operation with `harness sweep`."
        raise InputError(f"the {engine} engine does not model time", source="--cut-at", remedy=remedy)
    time_ps = parse_virtual_time(cut_at)
    cases = chosen_cases(scenario, case)
    if len(cases) > 1:
        names = ", ".join(choice.name for choice in cases)
        raise InputError("a moment needs one case to lie in", source="--cut-at", remedy=f"Name it with --case: {names}.")
    result, point = run_cut_at(scenario, cases[0], time_ps, seed, engine)
    line = verdict_line(scenario, result.verdict, seed, engine)
    if as_json:
        click.echo(json.dumps([{**json.loads(line), "cut_at_us": time_ps / 1e6, "inside_operation": point.operation is not None}]))
    else:
        console = result_console()
        console.print(f"{time_ps / 1e9:,.6f} ms: {_describe(point)}", highlight=False)
        print_replay(console, result, engine)
        console.print(f"replay {json.loads(line)['replay_id']}", highlight=False)
    return ExitCode.VIOLATION if result.verdict.violations else ExitCode.HOLDS


def _describe(point: CutPoint) -> str:
    number = point.fault.operation
    if point.operation is not None:
        kind = point.operation.kind.name.lower().replace("_", " ")
        passed = point.fault.thousandths / 10
        return f"in operation {number}, {kind} at {point.operation.address:#010x}, after {passed:.1f} % of its duration"
    if point.fault.tear is Tear.ALL:
        return f"the CPU runs after operation {number}, the last one; no cell changes"
    return f"the CPU runs before operation {number}; no cell changes"
