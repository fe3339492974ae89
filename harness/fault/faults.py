"""A fault: power lost at one operation, and the tear that this leaves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.machine.protocol import OperationKind
from harness.quick_pickle import quickly_pickled


class Tear(StrEnum):
    """The state in which an interrupted operation leaves its cells."""

    NONE = "none"
    """The operation had not started."""
    SOME = "some"
    """A minority of the cells that the operation changes have changed."""
    MOST = "most"
    """A majority, but not all, of the cells have changed."""
    HALF_PAGE = "half-page"
    """One half of the page is done and the other is untouched (erase only)."""
    ALL = "all"
    """The operation is finished, but the firmware never learned it."""
    METASTABLE = "metastable"
    """Cut at a seeded fraction; some of the cells that are half way read differently from boot to boot."""
    FRACTION = "fraction"
    """Cut at a given fraction of the operation's duration (`Fault.thousandths`)."""

    __hash__ = str.__hash__  # an enum's own is written in Python, and faults are looked up all the time


PROGRAM_TEARS = (Tear.NONE, Tear.SOME, Tear.MOST, Tear.ALL)
ERASE_TEARS = (Tear.NONE, Tear.SOME, Tear.MOST, Tear.HALF_PAGE, Tear.ALL)
NAMED_TEARS = (*ERASE_TEARS, Tear.METASTABLE)
"""Every tear that its name alone describes."""


def tears_of(kind: OperationKind) -> tuple[Tear, ...]:
    """Return the tears that a sweep makes of an operation of this kind if not told otherwise, in reporting order."""
    return ERASE_TEARS if kind.is_erase else PROGRAM_TEARS


@quickly_pickled
@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Power lost at one operation.

    Attributes:
        boot: which boot, from 0, of the run that the fault falls into: the clean run, or the recovery after the fault before it.
        operation: which operation of that boot, from 0.
        thousandths: 1..999, how much of the operation's duration had passed; 0 for every tear but `FRACTION`.
    """

    boot: int
    operation: int
    tear: Tear
    thousandths: int = 0

    def __post_init__(self) -> None:
        """Refuse a fraction without its number, and a number without a fraction."""
        if not (0 < self.thousandths < 1000 if self.tear is Tear.FRACTION else self.thousandths == 0):
            raise ValueError(f"a cut with tear {self.tear.value} cannot lie at {self.thousandths} thousandths")

    def __str__(self) -> str:
        """Return the spelling used in replay ids: `12some`, `12@0.370`, or `1.12some` in a later boot than the first."""
        prefix = f"{self.boot}." if self.boot else ""
        tear = f"@0.{self.thousandths:03}" if self.tear is Tear.FRACTION else self.tear
        return f"{prefix}{self.operation}{tear}"


Faults = tuple[Fault, ...]
"""Power lost again and again: the first fault falls into the clean run, each later one into the recovery after the one before it."""


def spell_faults(faults: Faults) -> str:
    """Return the spelling used in replay ids: `12some/0all` cuts operation 12, and then the first operation of what follows."""
    return str(faults[0]) if len(faults) == 1 else "/".join(map(str, faults))
