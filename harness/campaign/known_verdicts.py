"""Verdicts of crash images that were judged, as long as neighbours may leave the same bytes again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from harness.oracle.verdict import Verdict

LIMIT = 16_384
"""Verdicts that are kept: the cuts of some pages of 4 KiB. Cuts that leave the same bytes after as many erases lie in one page, or beside it."""


class KnownVerdicts:
    """Verdicts by what went before the cut, and by the digest of the crash image; the places that were entered first are given up first.

    A verdict that was given up is found again by making the run again: it costs time, nothing else.

    Args:
        limit: how many are kept, those of the newest place apart.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._places: OrderedDict[Hashable, dict[str, Verdict]] = OrderedDict()

    def place(self, before: Hashable) -> dict[str, Verdict]:
        """Return the verdicts of a place, to look them up and to add to them.

        Args:
            before: the case, and what went before the cut.
        """
        if before not in self._places:
            while sum(map(len, self._places.values())) > self._limit:
                self._places.popitem(last=False)
            self._places[before] = {}
        return self._places[before]

    def clear(self) -> None:
        """Forget all."""
        self._places.clear()
