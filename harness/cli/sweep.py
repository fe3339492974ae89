"""`harness sweep`: cut power at every flash operation. `harness merge`: the parts of a sweep, put together."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from harness.campaign.merge import merge, result_of_store
from harness.campaign.sequences import sweep_sequences
from harness.campaign.stored import is_search, read_store
from harness.campaign.sweep import sweep
from harness.campaign.sweep_certificate import certificate_of_sweep
from harness.campaign.workers import ignoring_interrupts
from harness.cli.campaign import CampaignArguments, campaign_options
from harness.cli.debugger_search import is_search_of_debugger, run_search_of_debugger
from harness.cli.ending import say_how_to_go_on
from harness.cli.options import prepare_with_progress
from harness.cli.reports import Reports, report_options
from harness.cli.search import SearchArguments, loss_rate_option, search_options, write_certificate
from harness.output_file import check_writable
from harness.scenario.prepare import PrepareOptions


@click.command("sweep", epilog="Example: harness sweep stm32f103/speck-full --app-kib 8 --junit report.xml")
@campaign_options
@search_options
@report_options
def sweep_command(arguments: CampaignArguments, search: SearchArguments, reports: Reports) -> int:
    """Cut power at every flash operation of SCENARIO with every chosen tear, and judge what recovers.

    SCENARIO is a bundled name (`harness scenarios`) or the path of a .toml file. With --depth, power is lost again in the recovery, and
    again in what follows: every state that this can lead to is booted once. With --depth 2 --sample 10000, only so many pairs of cuts are
    made, drawn by the seed. A debugger scenario is searched with --depth alone.
    """
    if is_search_of_debugger(arguments, search):
        return run_search_of_debugger(arguments, search, reports)
    if _is_search(arguments, search):
        return search.run(arguments, reports)
    search.refuse_without_states()
    campaign = arguments.open(search.depth_of_sample())
    store = campaign.store
    options = campaign.options
    progressing = reports.progress(campaign.scenario, options.seed, options.engine)
    with contextlib.nullcontext() if store is None else contextlib.closing(store), progressing as progress:
        result = (sweep if options.depth == 1 else sweep_sequences)(campaign.scenario, options, progress, store)
    result.losses_per_hour = search.losses_per_hour
    if search.certificate:
        with ignoring_interrupts():
            write_certificate(search.certificate, certificate_of_sweep(result, options.settings(campaign.scenario)))
    code = reports.finish(result)
    if result.interrupted and store is not None:
        say_how_to_go_on("sweep", store.path)
    return code


def _is_search(arguments: CampaignArguments, search: SearchArguments) -> bool:
    """Tell whether a command line asks for a search through states; on `--resume` its file says so."""
    if arguments.resume is not None:
        return search.depth is None or is_search(arguments.resume)
    return search.depth != 1 and arguments.sample is None


@click.command("merge", epilog="Example: harness merge part-1.store part-2.store --junit report.xml")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--certificate", type=click.Path(path_type=Path), default=None, help="Write what the whole showed, for `harness certificate verify`.")
@loss_rate_option
@report_options
def merge_command(files: tuple[Path, ...], certificate: Path | None, loss_rate: float, reports: Reports) -> int:
    """Report the whole campaign whose parts were swept into FILES with --shard and --store.

    A part that is missing, there twice, not finished or of another campaign is refused. One FILE of a whole campaign is reported again.
    """
    if certificate:
        check_writable("--certificate", certificate)
    whole = merge([read_store(file) for file in files])
    settings = whole.settings
    scenario = prepare_with_progress(settings.scenario, PrepareOptions.from_pairs(settings.build, source=str(whole.path)))
    result = result_of_store(scenario, whole)
    result.losses_per_hour = loss_rate
    with reports.progress(scenario, settings.seed, settings.engine) as progress:
        for verdict in result.clean:
            progress.cleared(verdict)
        progress.planned(result.planned)
        for verdict in result.verdicts:
            progress.judged(verdict)
    if certificate:
        write_certificate(certificate, certificate_of_sweep(result, settings))
    return reports.finish(result)
