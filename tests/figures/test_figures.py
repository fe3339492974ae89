"""The ledger as it is measured: docs/figures.md is its output, and each verdict follows from numbers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.cli import run_cli
from harness.errors import InputError
from harness.figures.application_space import application_spaces
from harness.figures.bench import Bench
from harness.figures.ledger import Ledger, Relation, load_ledger
from harness.figures.patching import PATCHED_DEVICES
from harness.figures.registry import MEASURES
from harness.figures.run import measure_figures
from harness.figures.verdict import FigureVerdict, JudgedFigure, judge_figure
from harness.report.figures import counts_of, figures_markdown
from harness.scenario.prepare import PrepareOptions, prepare

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"
LEDGER = load_ledger()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """One bench for all tests."""
    made = Bench()
    yield made
    made.close()


@pytest.fixture(scope="module")
def judged(bench: Bench) -> list[JudgedFigure]:
    """The whole ledger, measured once."""
    return measure_figures(LEDGER, bench)


def test_the_page_is_what_the_command_prints(judged: list[JudgedFigure], bench: Bench) -> None:
    """docs/figures.md is measured, not written: `harness figures --output docs/figures.md` makes it."""
    bootloaders = [bench.patching(device) for device in PATCHED_DEVICES]
    assert figures_markdown(LEDGER, judged, bootloaders, application_spaces()) == PAGE.read_text(encoding="utf-8")


def test_enough_figures_are_measured(judged: list[JudgedFigure]) -> None:
    """At least 30 figures besides those that wait, at least 20 of them measured, from every document."""
    counts = counts_of(judged)

    assert counts["figures"] - counts["waits"] >= 30
    assert counts["measured"] >= 20
    assert {figure.document for figure in LEDGER.figure} == set(LEDGER.documents)
    assert sum(counts[verdict.value] for verdict in FigureVerdict) == counts["figures"]


def test_every_measure_is_used_by_the_ledger() -> None:
    """A measure that no figure names is dead code, and a figure can't name one that is missing."""
    assert {figure.measure for figure in LEDGER.figure if figure.measure} == set(MEASURES)


def test_a_changed_document_would_be_found(judged: list[JudgedFigure]) -> None:
    """Each figure that holds by equality fails as soon as its document says something else."""
    equal = [item for item in judged if item.verdict is FigureVerdict.HOLDS and item.figure.relation is Relation.IS]
    assert len(equal) > 20
    for item in equal:
        documented = item.figure.documented
        other = f"{documented}?" if isinstance(documented, str) else documented + 1
        changed = item.figure.model_copy(update={"documented": other})
        assert judge_figure(changed, item.measured).verdict is FigureVerdict.DOES_NOT_HOLD, item.figure.id


def test_measuring_again_gives_the_same(judged: list[JudgedFigure]) -> None:
    """A second bench measures the same: nothing depends on wall time or chance."""
    again = Bench()
    try:
        assert measure_figures(LEDGER, again) == judged
    finally:
        again.close()


def test_all_of_a_bootloader_is_counted(bench: Bench) -> None:
    """The table of what takes the space adds up to the image, and names nothing that takes less than nothing."""
    for device in PATCHED_DEVICES:
        space = bench.patching(device).space
        assert all(size > 0 for _, size in space.flash)
        assert space.flash_bytes == prepare(f"{device}/speck-delta", PrepareOptions()).bootloader_bytes


def test_all_of_an_application_is_counted() -> None:
    """The document's API and the loading of modules are told apart from what they rest on; together they are no more than the image."""
    found = application_spaces()
    assert {(space.profile, space.device) for space in found} == {(name, device) for name in ("speck-download", "speck-module") for device in PATCHED_DEVICES}
    for application in found:
        own = dict(application.space.flash)["the API: slot, chunks, validation, mark" if application.profile == "speck-download" else "modules: loader, store"]
        assert 0 < own < 2048 < application.space.flash_bytes
        assert application.space.flash_bytes <= prepare(f"{application.device}/{application.profile}", PrepareOptions()).application_bytes
        assert (application.module_bytes is not None) == (application.profile == "speck-module")


KNOWN = {
    "the header ends at 144, whatever the document's sum says": ("speck-header-overhead", 144),
    "the Speck driver writes nothing after its own erase": ("speck-driver-write-after-erase", 0),
    "the same driver writes a page that was never erased since reset": ("speck-driver-fresh-write", 16),
    "a choice word that is written can't be switched": ("guide-switch-written", "0xAAAAAAAA"),
    "a choice word that is erased can": ("guide-switch-erased", "0xBBBBBBBB"),
    "a flash counter can't be rewritten": ("guide-counter-increment", 1),
    "and by AND it falls": ("guide-counter-increment-nrf52840", "0x00000000"),
    "the worked delta gives another sentence": ("speck-delta-example", "very The quick brown fox jumps over the cat"),
    "reading and applying a patch needs less than 1 KiB of RAM": ("speck-applier-ram-stm32f103", 992),
    "the STM32F103 has two levels of protection": ("thread-levels", 2),
}


@pytest.mark.parametrize("sentence", KNOWN)
def test_what_the_chip_does(judged: list[JudgedFigure], sentence: str) -> None:
    """The findings that matter most, each as a value."""
    name, expected = KNOWN[sentence]
    (found,) = (item for item in judged if item.figure.id == name)

    assert found.measured == expected


def test_an_unknown_measure_is_bad_input(bench: Bench) -> None:
    """The error names the figure and the known measures."""
    figure = LEDGER.figure[0].model_copy(update={"measure": "header_overhead"})

    with pytest.raises(InputError, match="header_overhead_bytes") as caught:
        measure_figures(Ledger(documents=LEDGER.documents, figure=(figure,)), bench)

    assert caught.value.field == "figure speck-header-overhead"


def test_json_has_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """`figures` is a list of objects; a document that does not hold leaves the exit code at 0."""
    assert run_cli(["figures", "--json"]) == 0

    figures = json.loads(capsys.readouterr().out)["figures"]
    assert len(figures) == len(LEDGER.figure)
    assert all(item.keys() >= {"id", "source", "documented", "measured", "unit", "verdict"} for item in figures)
    assert any(item["verdict"] == "does not hold" for item in figures)
    assert all(item["measured"] is None for item in figures if item["verdict"].startswith(("waits for ", "not testable here: ")))


def test_junit_has_a_test_for_each_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was not measured is skipped with its reason; nothing fails; the console names every figure."""
    report = tmp_path / "figures.xml"
    assert run_cli(["figures", "--junit", str(report)]) == 0

    printed = capsys.readouterr().out
    assert all(figure.id in printed for figure in LEDGER.figure)
    tests = ET.parse(report).getroot().findall(".//testcase")  # noqa: S314 -- not from outside
    assert len(tests) == len(LEDGER.figure)
    skipped = [test.find("skipped") for test in tests]
    assert sum(mark is not None for mark in skipped) == sum(figure.measure is None for figure in LEDGER.figure)
    assert all(mark.get("message") for mark in skipped if mark is not None)


def test_a_judged_figure_can_be_compared() -> None:
    """Two equal judgements are equal: the tests above rest on it."""
    figure = LEDGER.figure[2]

    assert judge_figure(figure, 48) == dataclasses.replace(judge_figure(figure, 47), measured=48, verdict=FigureVerdict.HOLDS)
