"""The ledger of documented figures as a console table, Markdown, JSON and JUnit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.table import Table

from harness.build.space import Space
from harness.figures.application_space import ApplicationSpace
from harness.figures.ledger import Ledger, Relation, Value
from harness.figures.patching import Patching
from harness.figures.verdict import FigureVerdict, JudgedFigure

_Row: TypeAlias = tuple[str, Sequence[int]]
_COMMAND = "harness figures --output docs/figures.md"
_STYLES = {FigureVerdict.HOLDS: "green", FigureVerdict.DOES_NOT_HOLD: "red", FigureVerdict.CONTRADICTS_ITSELF: "yellow"}


def documented_text(judged: JudgedFigure) -> str:
    """Return what is documented, with its relation, a second value where there is one, and the unit."""
    figure = judged.figure
    value = _with_unit(figure.documented, figure.unit)
    if figure.relation is Relation.BETWEEN:
        return f"{_number(figure.documented)} to {_with_unit(figure.upper or 0.0, figure.unit)}"
    if figure.also is not None:
        return f"{value}; also {_with_unit(figure.also.value, figure.unit)} ({figure.also.place})"
    if figure.relation is Relation.ABOUT:
        return f"about {value} (within {100 * (figure.tolerance or 0):.0f} %)"
    return value if figure.relation is Relation.IS else f"{figure.relation.value} {value}"


def measured_text(judged: JudgedFigure) -> str:
    """Return what was measured with its unit, "-" where nothing was."""
    return "-" if judged.measured is None else _with_unit(judged.measured, judged.figure.unit)


def counts_of(figures: Sequence[JudgedFigure]) -> dict[str, int]:
    """Return how many figures there are, how many were measured, and how many have each verdict."""
    verdicts = Counter(judged.verdict for judged in figures)
    measured = sum(judged.measured is not None for judged in figures)
    return {"figures": len(figures), "measured": measured, **{verdict.value: verdicts[verdict] for verdict in FigureVerdict}}


def summary_line(figures: Sequence[JudgedFigure]) -> str:
    """Return the counts as one sentence; what waits counts apart."""
    counts = counts_of(figures)
    waiting = counts["waits"]
    told = ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in FigureVerdict if verdict is not FigureVerdict.WAITS)
    return f"{counts['figures'] - waiting} figures, {counts['measured']} of them measured: {told}. {waiting} more wait for a capability that is not built yet."


def print_figures(console: Console, ledger: Ledger, figures: Sequence[JudgedFigure]) -> None:
    """Print one table a document and the counts."""
    for key, document in ledger.documents.items():
        table = Table(title=document.title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for heading in ("figure", "place", "conditions", "documented", "measured", "verdict"):
            table.add_column(heading, overflow="fold", no_wrap=heading == "figure")
        for judged in figures:
            if judged.figure.document == key:
                style = _STYLES.get(judged.verdict, "dim")
                cells = (judged.figure.id, judged.figure.place, judged.figure.conditions, documented_text(judged), measured_text(judged))
                table.add_row(*(_plain(cell) for cell in cells), f"[{style}]{_plain(judged.verdict_text)}[/{style}]")
        console.print(table)
        console.print()
    console.print(summary_line(figures), highlight=False)


def figures_markdown(
    ledger: Ledger, figures: Sequence[JudgedFigure], bootloaders: Sequence[Patching] = (), applications: Sequence[ApplicationSpace] = ()
) -> str:
    """Return the ledger as a Markdown page: equal firmware gives equal text, on any machine.

    Args:
        bootloaders: those that apply patches, and `applications`: those with an API of the document, for the tables of what takes their space.
    """
    lines = [
        "# Documented figures, measured",
        "",
        f"Made by `{_COMMAND}`; a test compares. Times are virtual, none is wall clock. No verdict is typed in: it is computed from what is documented,",
        "what was measured and the tolerance. A document that does not hold is a finding about the document, not an error: the command's exit code stays 0.",
        "",
        summary_line(figures),
    ]
    for key, document in ledger.documents.items():
        lines += ["", f"## {document.title}", "", "| figure | place | quote | documented | conditions | measured | verdict |", "|---|---|---|---|---|---|---|"]
        for judged in figures:
            if judged.figure.document == key:
                figure = judged.figure
                cells = (figure.id, figure.place, figure.quote, documented_text(judged), figure.conditions or "-", measured_text(judged), judged.verdict_text)
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += _bootloader_table(bootloaders) if bootloaders else []
    for profile in dict.fromkeys(application.profile for application in applications):
        lines += _application_table([application for application in applications if application.profile == profile])
    return "\n".join(lines) + "\n"


_TITLES = {
    "speck-download": "What the application of profile speck-download takes: the document's API, and a download over the UART",
    "speck-module": "What the application of profile speck-module takes: modules, verified and loaded at run time",
}


def _bootloader_table(bootloaders: Sequence[Patching]) -> list[str]:
    rows: list[_Row] = [
        ("RAM: stack on the way of a patch, its deepest flash operation", [found.path_stack_bytes for found in bootloaders]),
        ("RAM: stack of the whole boot, signature and digests included", [found.boot_stack_bytes for found in bootloaders]),
    ]
    title = "What the bootloader of profile speck-delta takes"
    return _space_table(title, [found.device for found in bootloaders], [found.space for found in bootloaders], rows)


def _application_table(applications: Sequence[ApplicationSpace]) -> list[str]:
    sizes = [application.module_bytes for application in applications if application.module_bytes is not None]
    rows: list[_Row] = [("the sample module, header and signature included", sizes)] if sizes else []
    return _space_table(_TITLES[applications[0].profile], [found.device for found in applications], [found.space for found in applications], rows)


def _space_table(title: str, devices: Sequence[str], spaces: Sequence[Space], more: Sequence[_Row]) -> list[str]:
    purposes = dict.fromkeys(purpose for space in spaces for purpose, _ in space.flash)
    rows: list[_Row] = [
        *((purpose, [dict(space.flash).get(purpose, 0) for space in spaces]) for purpose in purposes),
        ("**flash, all of it**", [space.flash_bytes for space in spaces]),
        ("RAM: variables", [space.static_ram_bytes for space in spaces]),
        *more,
    ]
    return [
        "",
        f"## {title}",
        "",
        "Bytes. Code counts for the source that it comes from, wherever the compiler put it.",
        "",
        "| | " + " | ".join(devices) + " |",
        "|---" * (1 + len(devices)) + "|",
        *("| " + " | ".join([name, *(f"{size:,}" for size in sizes)]) + " |" for name, sizes in rows),
    ]


def figures_record(ledger: Ledger, figures: Sequence[JudgedFigure]) -> dict[str, object]:
    """Return the ledger as plain data: `figures`, one entry a figure, and `counts`."""
    entries = [
        {
            "id": judged.figure.id,
            "source": f"{ledger.documents[judged.figure.document].title}: {judged.figure.place}",
            "quote": judged.figure.quote,
            "conditions": judged.figure.conditions,
            "documented": judged.figure.documented,
            "relation": judged.figure.relation.value,
            "measured": judged.measured,
            "unit": judged.figure.unit,
            "verdict": judged.verdict_text,
        }
        for judged in figures
    ]
    return {"figures": entries, "counts": counts_of(figures)}


def figures_junit(ledger: Ledger, figures: Sequence[JudgedFigure]) -> bytes:
    """Return a JUnit report: a test a figure, skipped where nothing was measured.

    A figure that does not hold is no failure: the report tells its verdict as the test's output.
    """
    root = ET.Element("testsuites", name="harness figures")
    for key, document in ledger.documents.items():
        tests = [judged for judged in figures if judged.figure.document == key]
        skipped = [judged for judged in tests if judged.measured is None]
        suite = ET.SubElement(root, "testsuite", name=document.title, tests=str(len(tests)), failures="0", errors="0", skipped=str(len(skipped)))
        for judged in tests:
            test = ET.SubElement(suite, "testcase", classname=f"figures.{key}", name=judged.figure.id)
            if judged.measured is None:
                ET.SubElement(test, "skipped", message=judged.verdict_text)
            output = ET.SubElement(test, "system-out")
            output.text = f"documented: {documented_text(judged)}\nmeasured: {measured_text(judged)}\nverdict: {judged.verdict_text}"
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _number(value: Value) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.12g}"


def _with_unit(value: Value, unit: str) -> str:
    return f"{_number(value)} {unit}".rstrip()


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
