"""A debugger scenario's results: for a reader, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

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
