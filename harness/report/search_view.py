"""A search through states, for people and as plain data."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.campaign.exposure import covers_every_moment
from harness.campaign.search.figures import SearchFigures
from harness.campaign.search.outcome import SearchResult
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown
from harness.oracle.verdict import replay_id_of
from harness.report.console import print_causes
from harness.report.risk_view import print_risk, risk_record
from harness.report.summary import Finding, cause_record

_MOST_IDS = 20


def search_findings(result: SearchResult) -> list[Finding]:
    """Return the violations that were made again, clean runs first."""
    settings = result.options.settings
    return [
        Finding(violation.rule, violation.message, verdict.case, replay_id_of(result.scenario, verdict, settings.seed, settings.engine))
        for verdict in result.violations
        for violation in verdict.violations
    ]


def search_summary(result: SearchResult, figures: SearchFigures) -> dict[str, object]:
    """Return the summary of a search as plain data.

    Returns:
        `states` booted, `compared` (booted to see whether they behave like those that they were taken for) and `told_apart` (did not);
        `joined` states, whose runs were followed only to where they join that of another one, and `followed` others, all the same;
        `cuts` that lead on from all of them; `open_states` reached and not booted; `wasted_power_on_ms`, for how long power can last in each of
        endlessly many boots that get nowhere, null if the search is not complete; `risk`, one object a case that installs an update.
        `violating_states` break a rule; `violations` counts what was made again of them, and `causes` groups it (see `cause_record`), each with
        the shortest and earliest sequence of cuts that shows it; `shrunk` is false where the budget left some of them as they were found.
    """
    findings = search_findings(result)
    settings = result.options.settings
    wasted = figures.wasted_ps
    return {
        "scenario": result.scenario.reference,
        "part": result.scenario.part,
        "options": dict(result.scenario.options),
        "fingerprint": result.scenario.fingerprint,
        "engine": settings.engine,
        "rules_not_shown": list(rules_not_shown(shown_by(settings.engine))),
        "seed": settings.seed,
        "depth": "closure" if result.options.depth is None else result.options.depth,
        "merging": settings.merging.value,
        "tears": [tear.value for tear in settings.tears.named],
        "cases": len(result.clean),
        "states": result.states,
        "compared": result.compared,
        "told_apart": result.told_apart,
        "joined": result.joined,
        "followed": result.followed,
        "cuts": result.faults,
        "boots": result.boots,
        "kept": result.kept,
        "deepest": result.deepest,
        "open_states": result.open_states,
        "finished": result.finished,
        "violating_states": result.violating,
        "violations": len(findings),
        "rules_violated": sorted({finding.rule for finding in findings}),
        "causes": [cause_record(result.scenario, cause, settings.seed, settings.engine) for cause in result.causes],
        "shrunk": result.shrunk,
        "replay_ids": list(dict.fromkeys(finding.replay_id for finding in findings))[:_MOST_IDS],
        "outcomes": {outcome.value: count for outcome, count in sorted(result.outcomes.items())},
        "wasted_power_on_ms": None if wasted is None else round(wasted / 1e9, 3),
        "risk": [risk_record(risk, complete=result.finished) for risk in figures.risks],
        "seconds": round(result.seconds, 3),
        "interrupted": result.interrupted,
    }


def print_search(console: Console, result: SearchResult, figures: SearchFigures) -> None:
    """Print the summary of a search and its first findings."""
    console.print()
    scenario = result.scenario
    console.print(Text(f"{scenario.reference} on {scenario.device.name} {scenario.part}: {scenario.title}", style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    settings = result.options.settings
    depth = "any number of cuts in a row" if result.options.depth is None else f"up to {result.options.depth} cuts in a row"
    table.add_row("searched", f"{depth}, tears {settings.tears}, states merged by {settings.merging.value}")
    table.add_row("states", f"{result.states} booted in {len(result.clean)} cases, the farthest after {result.deepest} cuts; {result.open_states} left open")
    table.add_row("cuts", f"{result.faults} lead on from them, each to one of these states or to one that is taken for it")
    if result.joined:
        text = f"{result.joined} runs go on like that of a state they come to, so the cuts behind that were followed there"
        table.add_row("joined", f"{text}; {result.followed} were followed to their ends too")
    table.add_row("compared", f"{result.compared} more were booted to see that they behave like what they were taken for; {result.told_apart} did not")
    table.add_row("outcomes", ", ".join(f"{count} {outcome.value.replace('_', ' ')}" for outcome, count in sorted(result.outcomes.items())) or "none")
    wasted = figures.wasted_ps
    if wasted is not None:
        table.add_row("progress", f"an update ends if power always lasts longer than {wasted / 1e9:,.1f} ms, however often it is lost")
    if result.kept:
        table.add_row("kept", f"{result.kept} results of sessions before this one were taken from the store")
    table.add_row("wall time", f"{result.seconds:.1f} s")
    console.print(table)
    if result.causes:
        print_causes(console, scenario, result.causes, settings.seed, settings.engine)
        if result.violating > result.made_again:
            text = f"  {result.violating} states break a rule; {result.made_again} of them, the first of each kind among these, were made again and grouped"
            console.print(text, highlight=False)
        if not result.shrunk:
            console.print("  the time was over before all of these cuts were made as few and as early as can be: harness shrink ID goes on", highlight=False)
    elif result.violations:
        console.print(f"[red]{result.violating} states break a rule[/red]; interrupted before they were grouped by cause", highlight=False)
    for risk in figures.risks:
        print_risk(console, risk, str(settings.tears), complete=result.finished, broken=result.violating > 0)
    if not covers_every_moment(settings.tears, settings.engine):
        console.print("risk: not told, since the tears, or the engine, leave moments of an update out", highlight=False)
    _print_conclusion(console, result, clear=not result.violations)


def _print_conclusion(console: Console, result: SearchResult, *, clear: bool) -> None:
    if result.nothing_was_cut:
        console.print("[yellow]nothing was cut[/yellow]: only clean runs were judged", highlight=False)
    elif result.interrupted or not result.finished:
        why = "interrupted" if result.interrupted else "not finished"
        console.print(f"[yellow]{why}[/yellow]: {result.open_states} states were reached and not booted, and others may follow; this proves nothing about them")
    elif clear and result.told_apart:
        told = f"{result.told_apart} of those that were compared behaved unlike what they were taken for, and were searched on their own"
        rest = "others may, that were not booted: --merge bytes takes fewer for one"
        console.print(f"[yellow]no violation was found[/yellow], but {told}; {rest}", highlight=False)
    elif clear and result.options.depth is None:
        console.print("[green]no violation[/green]: no sequence of power cuts, however long, breaks a rule over these tears")
    elif clear:
        console.print(f"[green]no violation[/green]: no sequence of up to {result.options.depth} power cuts breaks a rule over these tears")
