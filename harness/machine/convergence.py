"""Boots that come together go on together: the states that boots were in, and what followed, for machines of one configuration."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from harness.errors import EngineError
from harness.machine import native


@dataclass(frozen=True, slots=True)
class ConvergenceCounts:
    """What known states did.

    Attributes:
        boots: whose rest was written down instead of executed. instructions: that these rests would have executed.
        looks: how often a boot was compared with others. states: how often in full. kept: states whose rest is known.
        kept_bytes: memory that they take.
    """

    boots: int
    instructions: int
    looks: int
    states: int
    kept: int
    kept_bytes: int


class KnownStates:
    """The states that machines of one configuration have met, and what followed; see `core/converge.h`.

    Machines that use it must be made for the same device, part, domains, timing and watched function, and run in one thread.
    """

    def __init__(self) -> None:
        self._core = native.load_core()
        self.handle: int = self._core.converge_store_create()
        if not self.handle:
            raise EngineError("the embedded engine could not start: no memory")

    def counts(self) -> ConvergenceCounts:
        """Return what was cut short so far."""
        counts = native.ConvergeCounts()
        self._core.converge_store_counts(self.handle, ctypes.byref(counts))
        return ConvergenceCounts(counts.boots, counts.instructions, counts.looks, counts.states, counts.kept, counts.bytes)

    def __del__(self) -> None:
        # Only now: machines hold a reference, and theirs go first.
        if getattr(self, "handle", None):
            self._core.converge_store_destroy(self.handle)
