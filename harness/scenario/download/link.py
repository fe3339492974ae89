"""A line that loses, repeats, delays and damages what is sent, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """How often something happens to one transmission, a block or an answer, in percent; the sum is at most 100.

    Attributes:
        drop: it is lost. repeat: it comes twice. reorder: it comes after the one that follows it. corrupt: one bit of it is another.
        seed: draws which.
    """

    drop: int = 0
    repeat: int = 0
    reorder: int = 0
    corrupt: int = 0
    seed: int = 0


NO_FAULTS = LinkFaults()


class Link:
    """One direction of a line with faults.

    Args:
        direction: tells the two directions apart, which have faults of their own.
    """

    def __init__(self, faults: LinkFaults, direction: str) -> None:
        self._faults = faults
        self._random = random.Random(f"{faults.seed} {direction}")
        self._held = b""

    def carry(self, sent: bytes) -> bytes:
        """Return what arrives when `sent` is sent: it, or what its fault makes of it, and then what was held back."""
        if not sent:
            return b""
        held, self._held = self._held, b""
        faults = self._faults
        kinds = ("drop", "repeat", "reorder", "corrupt", "none")
        weights = (faults.drop, faults.repeat, faults.reorder, faults.corrupt, 100 - faults.drop - faults.repeat - faults.reorder - faults.corrupt)
        match self._random.choices(kinds, weights)[0]:
            case "drop":
                return held
            case "repeat":
                return sent + sent + held
            case "reorder":
                self._held = sent
                return held
            case "corrupt":
                place = self._random.randrange(8 * len(sent))
                damaged = bytearray(sent)
                damaged[place // 8] ^= 1 << place % 8
                return bytes(damaged) + held
            case _:
                return sent + held
