"""Who sits at the other end of a device's UART: a host that answers what the device sends."""

from __future__ import annotations

from typing import Protocol


class Peer(Protocol):
    """A host on the line in one boot. What it says is a function of what it heard and when its timeout was over, and of nothing else.

    It hears what the device sent once the line was silent for a frame and the device has taken all that it was sent before; so a
    block of any length is one call.
    """

    @property
    def timeout_us(self) -> int | None:
        """How long it waits for the device before `timeout` is called, in microseconds of the device's time from now on; None: for ever."""
        ...

    def receive(self, sent: bytes) -> bytes:
        """Hear what the device sent, at least one byte; return what it is sent, possibly nothing."""
        ...

    def timeout(self) -> bytes:
        """The device said nothing for so long; return what it is sent, possibly nothing."""
        ...


class PeerMaker(Protocol):
    """What stays connected over boots: it makes a peer for each of them, equal ones."""

    @property
    def identity(self) -> bytes:
        """Equal only where the peers would say the same to the same device."""
        ...

    def make(self) -> Peer:
        """Return a peer that has heard nothing yet."""
        ...
