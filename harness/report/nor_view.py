"""The wear of a NOR flash file as a table, and advice."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from harness.device.nor import NorFlash

_UNEVEN = 4
"""A page with this many times the mean of the erased pages wears out well before the rest."""


def print_nor_wear(console: Console, nor: NorFlash, endurance: int) -> None:
    """Print every page that was ever erased, and what to do about uneven wear.

    Args:
        endurance: erases that a page survives.
    """
    counts = nor.erase_counts
    worn = [(page, count) for page, count in enumerate(counts) if count]
    console.print(f"{nor.pages} pages of {nor.page_bytes} bytes; {sum(counts)} erases, {len(worn)} pages erased at least once", highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("page", "address", "erases", "life used"):
        table.add_column(heading, justify="right", no_wrap=True)
    for page, count in worn:
        table.add_row(str(page), f"{page * nor.page_bytes:#x}", f"{count:,}", f"{100 * count / endurance:.2f} %")
    if worn:
        console.print(table)
    for line in nor_advice(nor, endurance):
        console.print(line, highlight=False)


def nor_advice(nor: NorFlash, endurance: int) -> list[str]:
    """Return what the counts call for: a page past its endurance, and a page that wears out before the others."""
    advice = []
    worn = [count for count in nor.erase_counts if count]
    for page, count in enumerate(nor.erase_counts):
        if count >= endurance:
            advice.append(f"page {page} is past its endurance of {endurance:,} erases: move what it holds")
        elif len(worn) > 1 and count > _UNEVEN * (sum(worn) - count) / (len(worn) - 1):
            advice.append(f"page {page} wears out first, at {count:,} erases: rotate what is written there over several pages")
    return advice or ["No page stands out."]
