"""The wear of a NOR flash file as a table, and advice."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from harness.device.nor import NorFlash

_UNEVEN = 2
"""A page with this many times the erases that it would have with all of them spread over the flash wears out well before the rest."""
_NEAR_THE_END_PERCENT = 80


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
    """Return what the counts call for: pages at the end of their life, and one that wears out long before the flash as a whole."""
    advice = []
    for page, count in enumerate(nor.erase_counts):
        if count >= endurance:
            advice.append(f"page {page} is past its endurance of {endurance:,} erases: move what it holds")
        elif 100 * count >= _NEAR_THE_END_PERCENT * endurance:
            advice.append(f"page {page} has {endurance - count:,} of its {endurance:,} erases left: plan to move what it holds")
    most = max(nor.erase_counts)
    even = -(-sum(nor.erase_counts) // nor.pages)
    if most > _UNEVEN * even:
        page = nor.erase_counts.index(most)
        times = f"{most:,} erases, {even:,} if all were spread over the {nor.pages} pages"
        advice.append(f"page {page} wears out first: {times}; rotate what is written there over more of them")
    return advice or ["No page stands out."]
