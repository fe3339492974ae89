"""What a rule found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Attributes:
        rule: name of the rule. boot: boot of the run in which it showed, from 0.
    """

    rule: str
    message: str
    boot: int
