"""What a selftest found, for people and as plain data."""

from __future__ import annotations

import shlex

from rich.console import Console
from rich.table import Table

from harness.campaign.selftest import BugResult, SelftestResult
from harness.report.console import print_campaign
from harness.report.summary import findings_of


def selftest_summary(result: SelftestResult) -> dict[str, object]:
    """Return the result of a selftest as plain data.

    Returns:
        `bugs` that were swept, of so many `planned`; how many were `found`, `by_intended_rule`, and have a rule that the engine can't show
        (`not_shown`); `false_alarms` among the `good_cuts` of the good bootloader; `results`, one object a bug; `interrupted`.
    """
    return {
        "bugs": len(result.bugs),
        "found": sum(bug.found for bug in result.bugs),
        "by_intended_rule": sum(bug.by_intended_rule for bug in result.bugs),
        "not_shown": sum(not bug.can_be_shown for bug in result.bugs),
        "false_alarms": _false_alarms(result),
        "good_cuts": len(result.good.verdicts) if result.good else 0,
        "results": [
            {"bug": bug.bug.name, "intended_rule": bug.intended_rule, "rules": list(bug.rules), "runs": bug.runs, "replay_id": bug.replay_id}
            for bug in result.bugs
        ],
        "planned": result.planned,
        "interrupted": result.interrupted,
    }


def print_selftest(console: Console, result: SelftestResult) -> None:
    """Print a table of the bugs with the commands that replay them, and what came of the good bootloader."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("bug", "intended rule", "verdict", "runs"):
        table.add_column(heading)
    for bug in result.bugs:
        colour = "green" if bug.by_intended_rule else "red" if bug.can_be_shown else "yellow"
        table.add_row(bug.bug.name, bug.intended_rule, f"[{colour}]{_verdict(bug)}[/{colour}]", str(bug.runs))
    console.print(table)
    console.print("first replay ids:")
    for bug in result.bugs:
        if bug.replay_id is not None:
            console.print(f"  harness replay {shlex.quote(bug.replay_id)}", highlight=False, markup=False)
    if result.good is not None:
        print_campaign(console, result.good)
    _print_conclusion(console, result)


def _print_conclusion(console: Console, result: SelftestResult) -> None:
    by_rule = sum(bug.by_intended_rule for bug in result.bugs)
    unshown = sum(not bug.can_be_shown for bug in result.bugs)
    remark = f", {unshown} whose rule the engine can't show" if unshown else ""
    swept = str(result.planned) if len(result.bugs) == result.planned else f"{len(result.bugs)} of {result.planned}"
    good = f"{_false_alarms(result)} false alarms on the good bootloader" if result.good else "the good bootloader was not swept"
    interrupted = "[yellow]interrupted[/yellow]: " if result.interrupted else ""
    console.print(f"{interrupted}{swept} seeded bugs, {by_rule} found by the intended rule{remark}; {good}")


def _verdict(result: BugResult) -> str:
    if result.by_intended_rule:
        return "found"
    if not result.can_be_shown:
        others = f"; found by {', '.join(result.rules)}" if result.found else ""
        return f"its rule is not shown by the {result.engine} engine{others}"
    return f"found by {', '.join(result.rules)} only" if result.found else "NOT FOUND"


def _false_alarms(result: SelftestResult) -> int:
    return len(findings_of(result.good)) if result.good else 0
