"""What a person reads at the end of a campaign."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.campaign.causes import Cause
from harness.campaign.sweep import CampaignResult
from harness.fault.plan import FIVE_TEARS, WHOLE
from harness.oracle.run import Outcome
from harness.oracle.verdict import replay_id_of
from harness.report.risk_view import print_risk
from harness.report.summary import cause_text, summary_of, time_text, worn_text
from harness.scenario.prepared import PreparedScenario

_SHOWN_CAUSES = 10
_SHOWN_CASES = 3


def print_campaign(console: Console, result: CampaignResult) -> None:
    """Print the summary of a campaign and its first findings."""
    summary = summary_of(result)
    scenario = result.scenario
    console.print()
    console.print(Text(f"{scenario.reference} on {scenario.device.name} {scenario.part}: {scenario.title}", style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    table.add_row("operations", f"{summary['operations']} in {summary['cases']} cases")
    drawn = f" of {result.possible} drawn," if result.possible > result.planned else ""
    words = "cuts" if result.depth == 1 else f"{result.depth} in a row"
    table.add_row(words, f"{summary['planned']}{drawn} planned, {summary['run']} run, {summary['fired']} fired{_part(result)}")
    if result.planned:
        table.add_row("crash images", f"{summary['distinct_crash_images']} different ones; {summary['live_checked']} cuts also made live, all equal")
        table.add_row("outcomes", _outcomes(result.verdicts.outcomes))
    for heading, text in _update_rows(result):
        table.add_row(heading, text)
    if result.longest_boot is not None:
        table.add_row("boot", f"{time_text(result.longest_boot)} without an update")
    if result.longest_verification is not None:
        table.add_row("verification", f"{time_text(result.longest_verification)} in one boot at most")
    slowest = result.slowest_recovery
    if slowest is not None:
        table.add_row("recovery", f"{time_text(slowest.ready)} after the worst cut")
    if result.rules_not_shown:
        table.add_row("not shown", f"{', '.join(result.rules_not_shown)}: the {result.engine} engine can't show these rules broken")
    table.add_row("wall time", f"{result.seconds:.1f} s, {summary['cuts_per_second']} cuts per second")
    console.print(table)
    if slowest is not None:
        console.print(Text(f"worst recovery: harness replay {shlex.quote(replay_id_of(result.scenario, slowest, result.seed, result.engine))}"))
    if result.causes:
        print_causes(console, scenario, result.causes, result.seed, result.engine)
    for exposure in result.exposures:
        print_risk(console, exposure.risk(result.losses_per_hour), ", ".join(exposure.tears))
    _print_conclusion(console, result, clear=not result.violating)


def _update_rows(result: CampaignResult) -> Iterator[tuple[str, str]]:
    if result.update is not None:
        yield "update", f"{time_text(result.update)} until the new version runs"
    if result.worn is not None:
        yield "wear", worn_text(result.worn)


def _part(result: CampaignResult) -> str:
    part = f"; part {result.shard} of the campaign" if result.shard != WHOLE else ""
    return part + (f"; {result.kept} of them before, from the store" if result.kept else "")


def _print_conclusion(console: Console, result: CampaignResult, *, clear: bool) -> None:
    if result.interrupted:
        console.print(f"[yellow]interrupted[/yellow]: {result.planned - len(result.verdicts)} planned cuts were not run; this proves nothing about them")
    elif not result.planned:
        console.print("[yellow]nothing was cut[/yellow]: only clean runs were judged" + ("" if not clear else ", and every rule holds in them"))
    elif clear:
        part = result.possible > result.planned or result.shard != WHOLE or result.depth > 1 or result.cut_operations is not None
        fewer = "" if set(FIVE_TEARS.named) <= set(result.tears.named) else f" over the tears {result.tears}"
        rest = ", in a part of the cuts: it proves nothing about the rest" if part else ""
        console.print(f"[green]no violation[/green]{fewer}{rest}", highlight=False)


def print_causes(console: Console, scenario: PreparedScenario, causes: Sequence[Cause], seed: int, engine: str) -> None:
    """Print every cause, those that explain most first, each with the command that replays its shortest and earliest sequence of cuts."""
    violations = sum(cause.count for cause in causes)
    one = "cause" if len(causes) == 1 else "causes"
    console.print(f"[red]{violations} violations, {len(causes)} {one}[/red]", highlight=False)
    ordered = sorted(causes, key=lambda cause: -cause.count)
    for cause in ordered[:_SHOWN_CAUSES]:
        cases = ", ".join(cause.cases[:_SHOWN_CASES]) + (f" and {len(cause.cases) - _SHOWN_CASES} more" if len(cause.cases) > _SHOWN_CASES else "")
        console.print(Text.assemble("  ", (cause.rule, "red"), f", {_times(cause.count)} ({cases}): {cause.violation.message}"))
        console.print(Text(f"    {cause_text(cause, engine)}"))
        console.print(Text(f"    harness replay {shlex.quote(replay_id_of(scenario, cause.first, seed, engine))}"))
    if len(causes) > _SHOWN_CAUSES:
        console.print(f"  ... and {len(causes) - _SHOWN_CAUSES} more causes; --json has them all", highlight=False)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _outcomes(counts: Mapping[Outcome, int]) -> str:
    outcomes = sorted((outcome.value, count) for outcome, count in counts.items())
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in outcomes) or "none"
