"""Measures by name: what the ledger's `measure` refers to."""

from __future__ import annotations

from collections.abc import Callable

from harness.figures.ledger import Value

Measure = Callable[..., Value]
"""Takes a `Bench`, and the ledger's `arguments` as keywords; returns what it measured."""

MEASURES: dict[str, Measure] = {}


def measure(function: Measure) -> Measure:
    """Register a function under its own name.

    Raises:
        RuntimeError: two functions have that name.
    """
    if MEASURES.setdefault(function.__name__, function) is not function:
        raise RuntimeError(f"two measures are called {function.__name__}")
    return function
