"""`harness sweep --depth` on a debugger scenario: power lost again and again while a debugger changes the protection."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from harness.campaign.debug_certificate import certificate_of_debugger
from harness.campaign.debug_search import search_debugger_scenario
from harness.campaign.search.state import Merging
from harness.campaign.workers import ignoring_interrupts
from harness.cli.campaign import CampaignArguments
from harness.cli.options import prepare_with_progress, progress_console, result_console
from harness.cli.reports import Reports
from harness.cli.search import SearchArguments, write_certificate
from harness.errors import ExitCode, InputError
from harness.report.debugger_view import debugger_search_report, print_debugger_search
from harness.scenario.debugger import is_debugger_scenario, load_debugger_scenario

_REMEDY = "Leave it out: a debugger scenario names its case, its actions and its cuts itself."


def is_search_of_debugger(campaign: CampaignArguments, search: SearchArguments) -> bool:
    """Tell whether a command line asks for more than one cut in a row of a debugger scenario."""
    return search.depth != 1 and campaign.scenario is not None and is_debugger_scenario(campaign.scenario)


def run_search_of_debugger(campaign: CampaignArguments, search: SearchArguments, reports: Reports) -> ExitCode:
    """Search, report, and write the certificate.

    Raises:
        InputError: the command line asks for something that such a search has not.
        EngineError: the engine failed.
    """
    _refuse(campaign, reports)
    assert campaign.scenario is not None
    scenario = load_debugger_scenario(campaign.scenario)
    build = replace(campaign.build, part=campaign.build.part or scenario.part)
    prepared = prepare_with_progress(scenario.firmware, build)
    by_bytes = search.merge == Merging.BYTES
    with progress_console().status("") as status:
        result = search_debugger_scenario(
            scenario, prepared, campaign.seed, campaign.engine, depth=search.depth, budget_seconds=search.budget_seconds, told=status.update, by_bytes=by_bytes
        )
    with ignoring_interrupts():
        if search.certificate:
            certificate = certificate_of_debugger(
                campaign.scenario, scenario.case, prepared, result, seed=campaign.seed, engine=campaign.engine, depth=search.depth, by_bytes=by_bytes
            )
            write_certificate(search.certificate, certificate)
        if reports.as_json:
            click.echo(json.dumps(debugger_search_report(campaign.scenario, result)))
        else:
            print_debugger_search(result_console(), scenario, result)
    if not result.holds:
        return ExitCode.VIOLATION
    return ExitCode.HOLDS if result.finished else ExitCode.UNFINISHED


def _refuse(campaign: CampaignArguments, reports: Reports) -> None:
    other = {
        "--case": campaign.case,
        "--operations": campaign.operations,
        "--tears": campaign.tears,
        "--fractions": campaign.fractions,
        "--sample": campaign.sample,
        "--shard": campaign.shard,
        "--cluster": campaign.cluster,
        "--store": campaign.store,
        "--resume": campaign.resume,
        "--junit": reports.junit,
        "--jsonl": reports.jsonl,
    }
    for name, value in other.items():
        if value is not None:
            raise InputError("a search of a debugger scenario does not take it", source=name, remedy=_REMEDY)
