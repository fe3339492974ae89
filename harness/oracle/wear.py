"""Wear of the flash: erases of each page, and writes of each program unit between two erases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.fault.faults import Tear
from harness.machine.protocol import Operation, OperationKind
from harness.oracle.run import Run

_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class FlashGeometry:
    """Where the array lies, and its pages."""

    address: int
    page_bytes: int
    pages: int

    def page_of(self, address: int) -> int:
        """Return the number of the page that an address lies in; outside 0..pages-1 for one outside the array."""
        return (address - self.address) // self.page_bytes


@dataclass(frozen=True, slots=True)
class PageWear:
    """What an update does to one page.

    Attributes:
        region: name of the region that it belongs to, "" for none.
        clean_erases: in the uninterrupted update. worst_erases: in the update and its recovery together, over all cuts made.
        most_writes: of any program unit of the page between two erases, over the same runs.
        worst_fault: the cut with the most erases, as a replay id spells it; "" where no cut costs more than the clean update.
    """

    address: int
    region: str
    clean_erases: int
    worst_erases: int
    most_writes: int
    worst_fault: str = ""

    @property
    def is_touched(self) -> bool:
        """Whether any run erased or programmed the page."""
        return bool(self.clean_erases or self.worst_erases or self.most_writes)

    def lifetime_updates(self, endurance_cycles: int) -> int | None:
        """Return after how many uninterrupted updates the page has used up its erases; None if updates do not erase it."""
        return endurance_cycles // self.clean_erases if self.clean_erases else None

    def worst_lifetime_updates(self, endurance_cycles: int) -> int | None:
        """Return the same where every update is cut at its worst operation."""
        return endurance_cycles // self.worst_erases if self.worst_erases else None


@dataclass(frozen=True, slots=True)
class WornPage:
    """The page that a run erased most.

    Attributes:
        region: name of the region that it belongs to, "" for none. erases: how often.
        lifetime_updates: after how many such runs its erases are used up.
    """

    address: int
    region: str
    erases: int
    lifetime_updates: int


def most_worn(run: Run) -> WornPage | None:
    """Return the page that a run erased most, the first of several; None where it erased none."""
    scenario = run.scenario
    totals = [sum(counts) for counts in zip(*(trace.erases for trace in run.traces), strict=True)]
    page = max(range(len(totals)), key=totals.__getitem__)
    if not totals[page]:
        return None
    address = scenario.flash_address + page * scenario.device.flash.page_bytes.value
    region = next((name for name, region in scenario.regions.items() if address in region.addresses), "")
    return WornPage(address, region, totals[page], scenario.device.flash.endurance_cycles.value // totals[page])


class WearCount:
    """Erases of each page, and writes of each program unit since its last erase, counted operation by operation."""

    def __init__(self, geometry: FlashGeometry) -> None:
        self.erases = [0] * geometry.pages
        self.most_writes = [0] * geometry.pages
        self._geometry = geometry
        self._writes: dict[int, dict[int, int]] = {}

    def add(self, operations: Iterable[Operation]) -> None:
        """Count what was executed next. A mass erase wears every page; what lies outside the array does not count."""
        for operation in operations:
            page = self._geometry.page_of(operation.address)
            if operation.kind is OperationKind.MASS_ERASE:
                self.erases = [count + 1 for count in self.erases]
                self._writes.clear()
            elif operation.kind is OperationKind.PAGE_ERASE:
                self.erases[page] += 1
                self._writes.pop(page, None)
            elif operation.kind is OperationKind.PROGRAM and 0 <= page < self._geometry.pages:
                units = self._writes.setdefault(page, {})
                units[operation.address] = units.get(operation.address, 0) + 1
                self.most_writes[page] = max(self.most_writes[page], units[operation.address])

    def copy(self) -> WearCount:
        """Return a count that goes on by itself."""
        twin = WearCount(self._geometry)
        twin.erases, twin.most_writes = list(self.erases), list(self.most_writes)
        twin._writes = {page: dict(units) for page, units in self._writes.items()}
        return twin


def executed_until(operations: Sequence[Operation], operation: int, tear: Tear) -> Sequence[Operation]:
    """Return what was executed before a cut: the interrupted operation too, unless it had not started. A page is worn by half an erase as well."""
    return operations[: operation if tear is Tear.NONE else operation + 1]


def wear_advice(pages: Sequence[PageWear], endurance_cycles: int, writes_per_unit: int | None) -> list[str]:
    """Return what an engineer should know about the wear: what wears out first, what a cut costs, which unit is written too often.

    Args:
        endurance_cycles: erases that a page survives.
        writes_per_unit: how often the chip lets a program unit be written between erases; None: it has no such limit.
    """
    worn = sorted((page for page in pages if page.clean_erases), key=lambda page: -page.clean_erases)
    advice = []
    if worn:
        first = [page for page in worn if page.clean_erases == worn[0].clean_erases]
        lifetime = f"{endurance_cycles // worn[0].clean_erases:,} updates"
        if len(first) == len(worn):
            regions = ", ".join(sorted({page.region or "no region" for page in first}))
            advice.append(f"The {len(first)} pages that an update erases ({regions}) wear evenly, and are worn out after {lifetime}.")
        else:
            named = ", ".join(f"{page.address:#010x} ({page.region or 'no region'})" for page in first[:_MOST_NAMED])
            times = f"{first[0].clean_erases} times an update, others at most {max(page.clean_erases for page in worn if page not in first)}"
            advice.append(f"{named} wears out first, after {lifetime}: it is erased {times}. Spread what is written there over more pages.")
    else:
        advice.append("This update erases no page.")
    costly = max(pages, key=lambda page: page.worst_erases - page.clean_erases, default=None)
    if costly is not None and costly.worst_erases > costly.clean_erases:
        more = costly.worst_erases - costly.clean_erases
        advice.append(f"A cut costs a page up to {more} more {'erase' if more == 1 else 'erases'}, such as {costly.address:#010x} at {costly.worst_fault}.")
    over = [page for page in pages if writes_per_unit is not None and page.most_writes > writes_per_unit]
    if over:
        advice.append(f"{over[0].address:#010x}: a unit is written {over[0].most_writes} times between erases, the chip allows {writes_per_unit}.")
    return advice
