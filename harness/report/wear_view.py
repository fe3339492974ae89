"""The wear of a case as a table and as plain data."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from harness.campaign.wear import WearReport
from harness.campaign.wear_of_updates import RegionWear, UpdatesWear
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


def print_updates(console: Console, scenario: PreparedScenario, report: UpdatesWear) -> None:
    """Print the erases of each region that many updates wear, and how evenly its pages share them."""
    endurance = scenario.device.flash.endurance_cycles.value
    console.print(
        f"[bold]{scenario.reference}[/bold] on {scenario.device.name} {scenario.part}: {report.updates} updates, one after the other, "
        f"up to version {report.version}; {report.sent_bytes:,} bytes sent; endurance {endurance:,} erases",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("region", no_wrap=True)
    for heading in ("pages", "erased", "least", "most", "most / least", "lifetime"):
        table.add_column(heading, justify="right", no_wrap=True)
    for region in report.regions:
        erased = [count for count in region.erases if count]
        cells = (len(region.erases), len(erased), region.least, region.most, _ratio_text(region), f"{_lifetime(region, report, endurance):,}")
        table.add_row(region.name, *map(str, cells))
    console.print(table)
    console.print("erased: pages that were; lifetime: in updates, of the page that is erased most. Whoever stages an update erases too.", highlight=False)


def updates_record(scenario: PreparedScenario, report: UpdatesWear) -> dict[str, object]:
    """Return the same as plain data; `erases` has every page of a region, `staged` what of them whoever brought the updates did."""
    endurance = scenario.device.flash.endurance_cycles.value
    regions = [
        {
            "region": region.name,
            "address": region.address,
            "erases": list(region.erases),
            "staged": list(region.staged),
            "least": region.least,
            "most": region.most,
            "lifetime_updates": _lifetime(region, report, endurance),
        }
        for region in report.regions
    ]
    return {
        "scenario": scenario.reference,
        "part": scenario.part,
        "updates": report.updates,
        "version": report.version,
        "sent_bytes": report.sent_bytes,
        "endurance_cycles": endurance,
        "regions": regions,
    }


def _ratio_text(region: RegionWear) -> str:
    return f"{region.most / region.least:.2f}" if region.least else "-"


def _lifetime(region: RegionWear, report: UpdatesWear, endurance: int) -> int:
    return endurance * report.updates // region.most


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
