"""A figure's verdict, computed from what is documented, what was measured, and the tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from harness.figures.ledger import Figure, Relation, Value


class FigureVerdict(StrEnum):
    """What came of a documented figure."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    CONTRADICTS_ITSELF = "contradicts itself"
    NOT_TESTABLE = "not testable here"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class JudgedFigure:
    """A figure, what was measured, and its verdict.

    Attributes:
        measured: None where nothing was measured.
    """

    figure: Figure
    measured: Value | None
    verdict: FigureVerdict

    @property
    def verdict_text(self) -> str:
        """The verdict with its reason, where it has one."""
        if self.verdict is FigureVerdict.WAITS:
            return f"waits for {self.figure.waits_for}"
        if self.verdict is FigureVerdict.NOT_TESTABLE:
            return f"{self.verdict.value}: {self.figure.untestable}"
        return self.verdict.value


def judge_figure(figure: Figure, measured: Value | None) -> JudgedFigure:
    """Hold a measured value against the documented one.

    A document that gives two values for the same thing contradicts itself, whatever was measured.

    Args:
        measured: None exactly where the figure has nothing that measures it.

    Raises:
        ValueError: number and text can't be compared, or a measured value is missing.
    """
    if measured is not None and figure.digits is not None:
        measured = rounded(measured, figure.digits)
    if figure.also is not None and figure.also.value != figure.documented:
        return JudgedFigure(figure, measured, FigureVerdict.CONTRADICTS_ITSELF)
    if figure.waits_for is not None:
        return JudgedFigure(figure, None, FigureVerdict.WAITS)
    if figure.untestable is not None:
        return JudgedFigure(figure, None, FigureVerdict.NOT_TESTABLE)
    if measured is None:
        raise ValueError(f"figure {figure.id} was not measured")
    return JudgedFigure(figure, measured, FigureVerdict.HOLDS if _fits(figure, measured) else FigureVerdict.DOES_NOT_HOLD)


def rounded(value: Value, digits: int) -> Value:
    """Return a number with so many significant digits, an integer where nothing is left behind the point; text as it is."""
    if isinstance(value, str) or value == 0:
        return value
    short = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return int(short) if short == int(short) else short


def _fits(figure: Figure, measured: Value) -> bool:
    documented = figure.documented
    if isinstance(documented, str) or isinstance(measured, str):
        if type(documented) is not type(measured):
            raise ValueError(f"figure {figure.id}: {documented!r} and {measured!r} can't be compared")
        return documented == measured
    match figure.relation:
        case Relation.IS:
            return measured == documented
        case Relation.ABOUT:
            assert figure.tolerance is not None
            return abs(measured - documented) <= figure.tolerance * documented
        case Relation.AT_MOST:
            return measured <= documented
        case Relation.AT_LEAST:
            return measured >= documented
        case Relation.BETWEEN:
            assert figure.upper is not None
            return documented <= measured <= figure.upper
