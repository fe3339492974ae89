"""The guide's comparisons, by executed instructions."""

from __future__ import annotations

import functools
from itertools import pairwise

from harness.figures.bench import Bench
from harness.figures.registry import measure

_SECRET = bytes(range(0x30, 0x40))
_EARLY, _LATE = b"x" + _SECRET[1:], _SECRET[:-1] + b"x"
_STEPS = {"password": 0, "password_secure": 1, "pin": 2, "pin_secure": 3}


@functools.cache
def _instructions(bench: Bench, entered: bytes) -> tuple[int, ...]:
    trace = bench.run("comparisons", contents={bench.input_address(8): entered, bench.input_address(16): _SECRET})
    counts = [operation.instructions for operation in bench.marks(trace)]
    return tuple(after - before for before, after in pairwise(counts))


@measure
def timing_leak_instructions(bench: Bench, function: str) -> int:
    """Return how many more instructions a comparison executes where the last byte differs than where the first does."""
    step = _STEPS[function]
    return _instructions(bench, _LATE)[step] - _instructions(bench, _EARLY)[step]


@measure
def redundant_check_instructions(bench: Bench) -> int:
    """Return how many more instructions the tripled check executes than the single one."""
    counts = _instructions(bench, _SECRET)
    return counts[_STEPS["pin_secure"]] - counts[_STEPS["pin"]]
