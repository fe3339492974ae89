"""What a person reads at the end of a campaign."""

from __future__ import annotations

import shlex
from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.campaign.sweep import CampaignResult
from harness.fault.plan import WHOLE
from harness.report.summary import Finding, findings_of, replay_id_of, summary_of, time_text

_SHOWN_FINDINGS = 10


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
    table.add_row("cuts", f"{summary['planned']}{drawn} planned, {summary['run']} run, {summary['fired']} fired{_part(result)}")
    if result.planned:
        table.add_row("crash images", f"{summary['distinct_crash_images']} different ones; {summary['live_checked']} cuts also made live, all equal")
        table.add_row("outcomes", _outcomes(result))
    if result.update is not None:
        table.add_row("update", f"{time_text(result.update)} until the new version runs")
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
        console.print(Text(f"worst recovery: harness replay {shlex.quote(replay_id_of(result.scenario, slowest, result.seed))}"))
    findings = findings_of(result)
    if findings:
        print_findings(console, findings)
    _print_conclusion(console, result, clear=not findings)


def _part(result: CampaignResult) -> str:
    part = f"; part {result.shard} of the campaign" if result.shard != WHOLE else ""
    return part + (f"; {result.kept} of them before, from the store" if result.kept else "")


def _print_conclusion(console: Console, result: CampaignResult, *, clear: bool) -> None:
    if result.interrupted:
        console.print(f"[yellow]interrupted[/yellow]: {result.planned - len(result.verdicts)} planned cuts were not run; this proves nothing about them")
    elif not result.planned:
        console.print("[yellow]nothing was cut[/yellow]: only clean runs were judged" + ("" if not clear else ", and every rule holds in them"))
    elif clear:
        part = result.possible > result.planned or result.shard != WHOLE
        console.print("[green]no violation[/green]" + (", in a part of the cuts: it proves nothing about the rest" if part else ""))


def print_findings(console: Console, findings: list[Finding]) -> None:
    """Print how many findings there are by rule, and the first of each rule and case, with the command that replays it."""
    by_rule = Counter(finding.rule for finding in findings)
    counts = ", ".join(f"{count} {rule}" for rule, count in by_rule.most_common())
    console.print(f"[red]{len(findings)} violations[/red]: {counts}", highlight=False)
    first = {(finding.rule, finding.case): finding for finding in reversed(findings)}
    shown = sorted(first.values(), key=findings.index)[:_SHOWN_FINDINGS]
    for finding in shown:
        console.print(Text.assemble("  ", (finding.rule, "red"), f" ({finding.case}): {finding.message}"))
        console.print(Text(f"    harness replay {shlex.quote(finding.replay_id)}"))
    if len(findings) > len(shown):
        console.print(f"  ... and {len(findings) - len(shown)} more; --jsonl FILE has them all", highlight=False)


def _outcomes(result: CampaignResult) -> str:
    outcomes = summary_of(result)["outcomes"]
    assert isinstance(outcomes, dict)
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in outcomes.items()) or "none"
