"""A debugger scenario's results: for a reader, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from harness.campaign.debug_search import ActionSearch, DebuggerSearch
from harness.campaign.debugging import ActionResult
from harness.scenario.debugger import DebuggerScenario


def debugger_report(reference: str, results: Sequence[ActionResult]) -> dict[str, object]:
    """Return the results as plain data.

    Returns:
        `actions`, `hold`, `differ` and `cuts` (counts), and `results`, one entry an action.
    """
    return {
        "scenario": reference,
        "kind": "debugger",
        "actions": len(results),
        "hold": sum(not result.problems for result in results),
        "differ": sum(bool(result.problems) for result in results),
        "cuts": sum(result.cuts for result in results),
        "results": [
            {
                "do": result.action.do.value,
                "title": result.action.title,
                "expected": result.action.expect.value,
                "seen": result.seen.value,
                "level": result.level,
                "flash": result.flash,
                "cuts": result.cuts,
                "problems": list(result.problems),
                "note": result.note,
            }
            for result in results
        ],
    }


def print_debugger_results(console: Console, scenario: DebuggerScenario, results: Sequence[ActionResult]) -> None:
    """Print one line an action, then the counts."""
    console.print(escape(f"{scenario.title} ({scenario.firmware}, case {scenario.case})"), highlight=False)
    for number, result in enumerate(results, 1):
        colour, verdict = ("red", "DIFFERS") if result.problems else ("green", "holds")
        cuts = f", {result.cuts} cuts" if result.cuts else ""
        state = f"level {result.level}, flash {result.flash}{cuts}"
        title = escape(result.action.title)
        console.print(
            f"{number:>3}  [{colour}]{verdict:<7}[/{colour}]  {result.action.do.value:<18}  {result.seen.value:<7}  {state:<34}  {title}", highlight=False
        )
        for problem in result.problems:
            console.print(f"       [red]{escape(problem)}[/red]", highlight=False)
        if result.note:
            console.print(f"       [yellow]{escape(result.note)}[/yellow]", highlight=False)
    differ = sum(bool(result.problems) for result in results)
    console.print(
        f"{len(results)} actions, {len(results) - differ} hold, {differ} differ; {sum(result.cuts for result in results)} crash states", highlight=False
    )


def debugger_search_report(reference: str, result: DebuggerSearch) -> dict[str, object]:
    """Return a search as plain data: what `debugger_report` says of its actions without a cut, and `searches`, one entry for each that writes."""
    return {
        **debugger_report(reference, result.played),
        "finished": result.finished,
        "holds": result.holds,
        "seconds": round(result.seconds, 3),
        "violations": sum(bool(found.problems) for found in result.searches) + sum(bool(played.problems) for played in result.played),
        "searches": [asdict(found) for found in result.searches],
    }


def print_debugger_search(console: Console, scenario: DebuggerScenario, result: DebuggerSearch) -> None:
    """Print the actions without a cut, then what any number of cuts makes of those that write."""
    print_debugger_results(console, scenario, result.played)
    console.print("\nany number of cuts, the action made again after each:", highlight=False)
    for found in result.searches:
        _print_action(console, found)
    states, cuts = sum(found.states for found in result.searches), sum(found.cuts for found in result.searches)
    console.print(f"{states} states, {cuts} cuts lead on from them, each to one of these; wall time {result.seconds:.1f} s", highlight=False)
    left = sum(found.open_states for found in result.searches)
    if left:
        console.print(f"[yellow]not finished: {left} states were found and not tried; this proves nothing about them[/yellow]", highlight=False)


def _print_action(console: Console, found: ActionSearch) -> None:
    colour, verdict = ("red", "DIFFERS") if found.problems else ("green", "holds")
    ends = f"{found.ends} ends" + (f", {found.erased} with the flash erased" if found.erased else "")
    exposing = f", {found.exposing} cuts open a flash that is not erased" if found.exposing else ""
    states = f"{found.states} states, the farthest after {found.deepest} cuts, {ends}{exposing}"
    console.print(f"{found.number:>3}  [{colour}]{verdict:<7}[/{colour}]  {states}  {escape(found.title)}", highlight=False)
    for problem in found.problems:
        console.print(f"       [red]{escape(problem)}[/red]", highlight=False)
