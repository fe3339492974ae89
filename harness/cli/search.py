"""`harness sweep --depth`: power lost again and again."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.status import Status

from harness.campaign.certificate import certificate_of
from harness.campaign.certified import Sealed
from harness.campaign.search.closure import search
from harness.campaign.search.figures import figures_of
from harness.campaign.search.outcome import SearchResult
from harness.campaign.search.state import Merging
from harness.campaign.workers import ignoring_interrupts
from harness.cli.campaign import CampaignArguments
from harness.cli.ending import say_how_to_go_on
from harness.cli.engine_remarks import print_not_shown
from harness.cli.open_search import open_search
from harness.cli.options import progress_console, result_console
from harness.cli.reports import Reports
from harness.errors import ExitCode, InputError
from harness.output_file import check_writable, write_output
from harness.report.search_junit import search_junit_xml
from harness.report.search_view import print_search, search_summary

Command = Callable[..., Any]

_CLOSURE = "closure"
_DEEPEST = 1_000
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class SearchStatus:
    """Shows on standard error how a search goes on."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def searching(self, booted: int, reached: int, violations: int) -> None:
        """Show how many states there are; nobody knows how many will be."""
        note = f", {violations} break a rule" if violations else ""
        self._status.update(f"{booted} states booted, {reached - booted} more reached{note}")

    def shrinking(self, number: int, count: int) -> None:
        """Show which cause is reduced to its shortest and earliest sequence of cuts."""
        self._status.update(f"cause {number} of {count}: looking for the shortest and earliest cuts (Ctrl-C: report them as they are)")


def parse_depth(text: str) -> int | None:
    """Read `--depth`; None stands for any number of cuts.

    Raises:
        InputError: it is no number from 1 to 1000, and not `closure`.
    """
    if text == _CLOSURE:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= _DEEPEST:
        raise InputError(f"{text!r} is no number of cuts", source="--depth", remedy=f"Give 1 to {_DEEPEST}, or {_CLOSURE}.")
    return int(text)


def parse_budget(text: str | None) -> float | None:
    """Read `--budget` as seconds.

    Raises:
        InputError: it is no time.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if match is None or float(match[1]) == 0:
        raise InputError(f"{text!r} is no time", source="--budget", remedy="Write 90s, 10m or 1h.")
    return float(match[1]) * _SECONDS[match[2]]


@dataclass(frozen=True, slots=True)
class SearchArguments:
    """What of a command line is about more than one cut in a row.

    Attributes:
        depth: most cuts in a row; None: any number. budget_seconds: stop after that much time; None: when nothing is left.
        merge: which states are taken for one; join: whether runs are followed only to where they join another one; None: the default.
        certificate: where to write it; None: nowhere.
    """

    depth: int | None
    budget_seconds: float | None
    merge: str | None
    join: bool | None
    certificate: Path | None
    losses_per_hour: float

    def __post_init__(self) -> None:
        """Refuse a certificate that cannot be written, before the work starts."""
        if self.certificate:
            check_writable("--certificate", self.certificate)

    def refuse_without_states(self) -> None:
        """Refuse what only a search through states looks at.

        Raises:
            InputError: there is something of the kind.
        """
        for name, value in (("--budget", self.budget_seconds), ("--merge", self.merge), ("--join/--no-join", self.join)):
            if value is not None:
                remedy = f"Leave it out; or search: --depth {_CLOSURE}, without --sample."
                raise InputError("it belongs to a search through states", source=name, remedy=remedy)

    def run(self, campaign: CampaignArguments, reports: Reports) -> ExitCode:
        """Search, report, and write the certificate.

        Raises:
            InputError: the command line asks for something that only a plain sweep has, or for another search than that of the file.
        """
        _refuse(campaign, reports)
        opened = open_search(campaign, self.depth, self.merge, self.budget_seconds, join=self.join)
        store = opened.store
        with contextlib.nullcontext() if store is None else contextlib.closing(store), progress_console().status("clean runs") as status:
            result = search(opened.scenario, opened.options, SearchStatus(status), store)
        with ignoring_interrupts():  # an impatient second Ctrl-C must not cost the report of what was done
            self._report(result, reports)
        if store is not None and not result.finished and not result.nothing_was_cut:
            if not store.added and not result.interrupted:
                click.echo("this session finished no state, so the next one begins where it began: give a longer --budget", err=True)
            say_how_to_go_on("sweep", store.path)
        return exit_code_of_search(result)

    def depth_of_sample(self) -> int:
        """Return how many cuts in a row a plain sweep, or sampled sequences, have.

        Raises:
            InputError: no number is given.
        """
        if self.depth is None:
            raise InputError("a sample has sequences of some length", source="--depth", remedy="Give a number, such as 2; or leave out --sample.")
        return self.depth

    def _report(self, result: SearchResult, reports: Reports) -> None:
        figures = figures_of(result, self.losses_per_hour)
        if reports.junit:
            write_output(reports.junit, search_junit_xml(result))
        if self.certificate and result.states:
            write_certificate(self.certificate, certificate_of(result, figures))
        elif self.certificate:
            click.echo(f"no certificate was written to {self.certificate}: no state was booted", err=True)
        if reports.as_json:
            click.echo(json.dumps(search_summary(result, figures)))
        else:
            console = result_console()
            print_search(console, result, figures)
            print_not_shown(console, result.options.settings.engine)
        result.store.close()


def _refuse(campaign: CampaignArguments, reports: Reports) -> None:
    """Refuse what only a plain sweep has."""
    if campaign.shard is not None:
        remedy = "Spread it over a cluster instead (--cluster), or search each case by itself (--case)."
        raise InputError("a search has no parts: each state is found in the run of another one, in whatever part that is", source="--shard", remedy=remedy)
    plain = {
        "--operations": campaign.operations,
        "--sample": campaign.sample,
        "--no-prune": None if campaign.prune else "off",
        "--no-converge": None if campaign.converge else "off",
        "--jsonl": reports.jsonl,
    }
    for name, value in plain.items():
        if value is not None:
            remedy = "Leave it out." if campaign.resume else "Leave it out, or leave out --depth."
            raise InputError("a search through states does not take it", source=name, remedy=remedy)


def write_certificate(path: Path, certificate: Sealed) -> None:
    """Write a certificate, whole or not at all."""
    write_output(path, (certificate.model_dump_json() + "\n").encode())


loss_rate_option = click.option(
    "--loss-rate", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Losses of power per hour, for the risk."
)
"""`--loss-rate`; the command receives `loss_rate`."""


def search_options(command: Command) -> Command:
    """Add the options for more than one cut in a row; the command receives `search: SearchArguments`."""

    @click.option("--depth", default="1", show_default=True, metavar="N", help=f"Cuts in a row: a number, or `{_CLOSURE}` for any number of them.")
    @click.option(
        "--budget",
        default=None,
        metavar="TIME",
        help="With --depth: stop after this much time (90s, 10m, 1h; to shrink what was found, a tenth more); exit code 4 if something is left.",
    )
    @click.option("--merge", type=click.Choice([merging.value for merging in Merging]), default=None, help="With --depth: which states are taken for one.")
    @click.option(
        "--join/--no-join",
        default=None,
        help="With --depth closure: follow a run only to where it joins that of a state which is booted itself; on by default.",
    )
    @click.option(
        "--certificate",
        type=click.Path(path_type=Path),
        default=None,
        help="Write what was proved, and on what, for `harness certificate verify`.",
    )
    @loss_rate_option
    @functools.wraps(command)
    def wrapper(*, depth: str, budget: str | None, merge: str | None, join: bool | None, certificate: Path | None, loss_rate: float, **rest: Any) -> Any:
        return command(search=SearchArguments(parse_depth(depth), parse_budget(budget), merge, join, certificate, loss_rate), **rest)

    return wrapper


def exit_code_of_search(result: SearchResult) -> ExitCode:
    """Return the exit code of a search: a violation counts even if the search was not finished."""
    if result.violations:
        return ExitCode.VIOLATION
    if result.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.HOLDS if result.finished else ExitCode.UNFINISHED
