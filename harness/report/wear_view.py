"""The wear of a case as a table and as plain data."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from harness.campaign.wear import WearReport
from harness.oracle.wear import PageWear, wear_advice
from harness.scenario.prepared import PreparedScenario


def print_wear(console: Console, scenario: PreparedScenario, report: WearReport) -> None:
    """Print every page that the case touches, what the others are, and advice."""
    endurance = scenario.device.flash.endurance_cycles.value
    console.print(
        f"[bold]{scenario.reference}[/bold], case {report.case}, on {scenario.device.name} {scenario.part}:"
        f" {report.cuts} of {report.cuts_possible} cuts made, endurance {endurance:,} erases",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("page", "region"):
        table.add_column(heading, no_wrap=True)
    for heading in ("erases", "worst cut", "writes", "lifetime", "cut lifetime"):
        table.add_column(heading, justify="right", no_wrap=True)
    touched = [page for page in report.pages if page.is_touched]
    for page in touched:
        lifetimes = (page.lifetime_updates(endurance), page.worst_lifetime_updates(endurance))
        counts = (page.clean_erases, page.worst_erases, page.most_writes)
        table.add_row(f"{page.address:#010x}", page.region, *map(str, counts), *("-" if count is None else f"{count:,}" for count in lifetimes))
    console.print(table)
    console.print("writes: of any program unit between two erases; lifetime: in updates, uninterrupted and each cut at its worst operation.", highlight=False)
    console.print(f"{len(report.pages) - len(touched)} pages are neither erased nor programmed.", highlight=False)
    for line in wear_advice(report.pages, endurance, _writes_per_unit(scenario)):
        console.print(line, highlight=False)


def wear_record(scenario: PreparedScenario, report: WearReport) -> dict[str, object]:
    """Return the same as plain data; `pages` has every page of the array."""
    endurance = scenario.device.flash.endurance_cycles.value
    return {
        "scenario": scenario.reference,
        "part": scenario.part,
        "case": report.case,
        "cuts": report.cuts,
        "cuts_possible": report.cuts_possible,
        "endurance_cycles": endurance,
        "pages": [_page_record(page, endurance) for page in report.pages],
        "advice": wear_advice(report.pages, endurance, _writes_per_unit(scenario)),
    }


def _page_record(page: PageWear, endurance: int) -> dict[str, object]:
    return {
        "address": page.address,
        "region": page.region,
        "clean_erases": page.clean_erases,
        "worst_erases": page.worst_erases,
        "worst_fault": page.worst_fault,
        "most_writes": page.most_writes,
        "lifetime_updates": page.lifetime_updates(endurance),
        "worst_lifetime_updates": page.worst_lifetime_updates(endurance),
    }


def _writes_per_unit(scenario: PreparedScenario) -> int | None:
    limit = scenario.device.flash.writes_per_unit
    return None if limit is None else limit.value
