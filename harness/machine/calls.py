"""Calls that must do the same are made once: what the C core keeps of them, for machines of one configuration."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from harness.errors import EngineError
from harness.machine import native

LIMIT_BYTES = 384 << 20
"""Of all processes that share a store; memory is taken as it is needed. A quarter of it made an update in place no slower (docs/DESIGN.md)."""


@dataclass(frozen=True, slots=True)
class CallCounts:
    """What shared calls did.

    Attributes:
        shared: calls whose outcome was written down instead of executed. instructions: that these would have executed.
        records: calls that were recorded. functions: whose calls are looked up. kept_bytes: memory that the records take.
        generations: of records that were begun; all but the last two are given up.
    """

    shared: int
    instructions: int
    records: int
    functions: int
    kept_bytes: int
    generations: int


class SharedCalls:
    """The calls that machines of one configuration have recorded, and look up; see `core/memo.h`.

    Machines that use it must be made for the same device, part, domains, timing and watched function, and run in one thread. Processes that are
    forked after it was made share it: what one of them records, all of them look up. Pickled it is a new one, without any call.

    Args:
        limit_bytes: how much memory records may take; those that were not met for longest are given up. At least 1 MiB.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._core = native.load_core()
        self.handle: int = self._core.memo_store_create(limit_bytes)
        if not self.handle:
            raise EngineError("the embedded engine could not start: no memory")

    def __reduce__(self) -> tuple[type[SharedCalls], tuple[int]]:
        """Leave behind what is in this process's memory."""
        return SharedCalls, (self._limit_bytes,)

    def counts(self) -> CallCounts:
        """Return what was shared so far: `shared` and `instructions` in this process, the rest in all that share it."""
        counts = native.MemoCounts()
        self._core.memo_store_counts(self.handle, ctypes.byref(counts))
        return CallCounts(counts.calls_shared, counts.instructions_shared, counts.records, counts.functions, counts.bytes, counts.generations)

    def __del__(self) -> None:
        # Only now: machines hold a reference, and theirs go first.
        if getattr(self, "handle", None):
            self._core.memo_store_destroy(self.handle)
