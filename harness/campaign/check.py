"""What came of making a part of a certificate again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One state and one of its cuts, or one fault of a sweep, made again.

    Attributes:
        faults: what leads to the state, as replay ids spell it; cut: the fault that was made of its run, "" where nothing can be cut.
        difference: what is not as certified, "" if all is.
    """

    case: str
    faults: str
    cut: str
    difference: str
