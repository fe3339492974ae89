"""Verdicts follow from documented value, measured value and tolerance, and from nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.figures.ledger import Figure, Relation, SecondValue, Value, load_ledger
from harness.figures.verdict import FigureVerdict, judge_figure, rounded

HOLDS, FAILS = FigureVerdict.HOLDS, FigureVerdict.DOES_NOT_HOLD


def make_figure(**changes: Any) -> Figure:
    """Return a figure that says 100 and is measured; `changes` replace fields."""
    fields: dict[str, Any] = {"id": "one", "document": "paper", "place": "page 1", "quote": "100", "documented": 100, "measure": "it"}
    return Figure(**{**fields, **changes})


CASES: dict[str, tuple[dict[str, Any], Value | None, FigureVerdict]] = {
    "an equal number holds": ({}, 100, HOLDS),
    "another number does not": ({}, 101, FAILS),
    "equal text holds": ({"documented": "runs"}, "runs", HOLDS),
    "other text does not": ({"documented": "runs"}, "halts", FAILS),
    "about: inside the tolerance": ({"relation": Relation.ABOUT, "tolerance": 0.25}, 125, HOLDS),
    "about: outside the tolerance": ({"relation": Relation.ABOUT, "tolerance": 0.25}, 126, FAILS),
    "about: too small is outside too": ({"relation": Relation.ABOUT, "tolerance": 0.25}, 74, FAILS),
    "at most: the limit itself": ({"relation": Relation.AT_MOST}, 100, HOLDS),
    "at most: above": ({"relation": Relation.AT_MOST}, 100.1, FAILS),
    "at least: the limit itself": ({"relation": Relation.AT_LEAST}, 100, HOLDS),
    "at least: below": ({"relation": Relation.AT_LEAST}, 99, FAILS),
    "between: both ends belong to it": ({"relation": Relation.BETWEEN, "upper": 200}, 200, HOLDS),
    "between: above": ({"relation": Relation.BETWEEN, "upper": 200}, 201, FAILS),
    "two values that differ contradict, even where one was measured": (
        {"also": SecondValue(value=120, place="page 2")},
        100,
        FigureVerdict.CONTRADICTS_ITSELF,
    ),
    "two values that agree do not": ({"also": SecondValue(value=100, place="page 2")}, 100, HOLDS),
    "what waits is not judged": ({"measure": None, "waits_for": "wings"}, None, FigureVerdict.WAITS),
    "what can't be tested is not judged": ({"measure": None, "untestable": "too far"}, None, FigureVerdict.NOT_TESTABLE),
}


@pytest.mark.parametrize("sentence", CASES)
def test_a_verdict(sentence: str) -> None:
    """Each sentence of the table."""
    changes, measured, verdict = CASES[sentence]

    assert judge_figure(make_figure(**changes), measured).verdict is verdict


def test_the_reason_is_part_of_the_verdict() -> None:
    """`waits for ...` and `not testable here: ...` say why."""
    assert judge_figure(make_figure(measure=None, waits_for="wings"), None).verdict_text == "waits for wings"
    assert judge_figure(make_figure(measure=None, untestable="too far"), None).verdict_text == "not testable here: too far"


@pytest.mark.parametrize("measured", ["100", None])
def test_what_can_not_be_compared_is_refused(measured: str | None) -> None:
    """Text against a number, or nothing where something was to be measured, is a mistake of the harness."""
    with pytest.raises(ValueError, match="one"):
        judge_figure(make_figure(), measured)


@given(st.floats(min_value=1e-6, max_value=1e9), st.integers(1, 6))
def test_rounding_keeps_the_leading_digits(value: float, digits: int) -> None:
    """A rounded number is off by at most half of its last significant digit, and rounding again changes nothing."""
    short = rounded(value, digits)

    assert not isinstance(short, str)
    assert abs(short - value) <= 0.51 * value * 10 ** (1 - digits)
    assert rounded(short, digits) == short


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_equality_is_the_only_thing_that_holds_without_a_relation(documented: int, measured: int) -> None:
    """A figure without relation holds exactly where both numbers are the same."""
    assert (judge_figure(make_figure(documented=documented), measured).verdict is HOLDS) == (documented == measured)


def test_a_verdict_is_frozen() -> None:
    """Nobody can type a verdict into a judged figure."""
    judged = judge_figure(make_figure(), 100)

    with pytest.raises(dataclasses.FrozenInstanceError):
        judged.verdict = FAILS  # type: ignore[misc]


LEDGER = """\
[documents]
paper = { title = "A paper" }

[[figure]]
id = "one"
document = "paper"
place = "page 1"
quote = "100"
documented = 100
measure = "it"
"""
WRONG = {
    "a verdict that is typed in": (LEDGER + 'verdict = "holds"\n', "unknown key"),
    "two ways at once": (LEDGER + 'waits_for = "wings"\n', "exactly one"),
    "none of the ways": (LEDGER.replace('measure = "it"\n', ""), "exactly one"),
    "a tolerance without about": (LEDGER + "tolerance = 0.5\n", "tolerance belongs"),
    "about without a tolerance": (LEDGER + 'relation = "about"\n', "tolerance belongs"),
    "between without an upper end": (LEDGER + 'relation = "between"\n', "upper belongs"),
    "text with a relation": (LEDGER.replace("documented = 100", 'documented = "all"\nrelation = "at most"'), "no relation"),
    "a document that is not listed": (LEDGER.replace('document = "paper"', 'document = "book"'), "no document"),
    "an id twice": (LEDGER + LEDGER[LEDGER.index("[[figure]]") :], "two figures"),
    "a figure without a place": (LEDGER.replace('place = "page 1"\n', ""), "is missing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_ledger_is_refused(case: str, tmp_path: Path) -> None:
    """Each wrong ledger is bad input that says what is wrong; a verdict has no key at all."""
    text, message = WRONG[case]
    path = tmp_path / "ledger.toml"
    path.write_text(text)

    with pytest.raises(InputError, match=message):
        load_ledger(path)
