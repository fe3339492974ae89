"""What an engine can show of a boot, and whether it is usable here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.errors import InputError
from harness.machine.protocol import PeerMaker


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
    PEER = "peer"
    """A host at the other end of the UART answers what the device sends."""


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


def refuse_peer(engine: str, peer: PeerMaker | None) -> None:
    """Let an engine without a peer say so.

    Raises:
        InputError: there is a peer.
    """
    if peer is not None:
        raise InputError(f"the {engine} engine connects no host to the UART", source="--engine", field=engine, remedy="Take the embedded engine.")
