"""Measures and judges the whole ledger."""

from __future__ import annotations

from collections.abc import Callable

import harness.figures.measures  # noqa: F401 -- registers the measures
from harness.errors import InputError
from harness.figures.bench import Bench
from harness.figures.ledger import Figure, Ledger
from harness.figures.registry import MEASURES
from harness.figures.verdict import JudgedFigure, judge_figure


def measure_figures(ledger: Ledger, bench: Bench, done: Callable[[], None] | None = None) -> list[JudgedFigure]:
    """Measure every figure, in the ledger's order.

    Args:
        done: called after each.

    Raises:
        InputError: a figure names no known measure.
        EngineError: a measure could not be made.
    """
    judged = []
    for figure in ledger.figure:
        judged.append(_judged(figure, bench))
        if done:
            done()
    return judged


def _judged(figure: Figure, bench: Bench) -> JudgedFigure:
    if figure.measure is None:
        return judge_figure(figure, None)
    if figure.measure not in MEASURES:
        known = ", ".join(sorted(MEASURES))
        raise InputError(f"no measure {figure.measure!r}", source="the ledger of figures", field=f"figure {figure.id}", remedy=f"Known: {known}.")
    return judge_figure(figure, MEASURES[figure.measure](bench, **figure.arguments))
