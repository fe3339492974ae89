"""What an engine can show of a boot, and whether it is usable here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Capability(StrEnum):
    """Something in a `Trace` that not every engine can fill in. What an engine lacks stays empty or 0 there."""

    INSTRUCTIONS = "instructions"
    """The exact count of retired instructions."""
    TIME = "time"
    """Virtual time, and the range of cycles that it stands for."""
    MISUSE = "misuse"
    """Broken rules of the flash controller."""
    STACK = "stack"
    """How deep the stack went."""
    OPTION_BYTES = "option-bytes"
    """A boot may start with option bytes, or a UICR, that are not as delivered."""
    RETURNS = "returns"
    """Every change of domain; without it, the first entry of each domain."""
    CALLERS = "callers"
    """Which functions called the code that asked for an operation; without it, the line that asked is all."""


EVERYTHING = frozenset(Capability)
"""What the rules would like to see."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether an engine is usable here.

    Attributes:
        version: of what runs the firmware, "" where it was not found.
        remedy: what to install, or which setting to give; "" where nothing is missing.
    """

    usable: bool
    version: str = ""
    remedy: str = ""
