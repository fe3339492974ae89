"""Python's garbage collector, while a campaign keeps what it makes."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_ALLOCATIONS = 100_000


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Look for garbage in cycles more rarely: a campaign keeps its faults and verdicts, which form none, and would walk them again and again."""
    before = gc.get_threshold()
    gc.set_threshold(max(_ALLOCATIONS, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
