"""The line between the C core and a peer in Python (`core/peer.h`)."""

from __future__ import annotations

import ctypes
from typing import Any

from harness.machine import native
from harness.machine.protocol import Peer

_FOR_EVER = 2**64 - 1
_PS_PER_US = 1_000_000


class PeerLine:
    """Hands on what the device sends and what the peer answers, in one boot."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._answer = b""
        self._failure: BaseException | None = None
        self.ask = native.PEER_ASK(self._asked)
        """For the core; it must be kept as long as the boot lasts."""

    @property
    def timeout_ps(self) -> int:
        """How long the peer waits for the device from now on, as the core takes it."""
        timeout_us = self._peer.timeout_us
        return _FOR_EVER if timeout_us is None else timeout_us * _PS_PER_US

    def hang_up(self) -> None:
        """End the boot's line: the core calls no more.

        Raises:
            whatever the peer raised.
        """
        del self.ask  # it and this object hold each other
        if self._failure is not None:
            raise self._failure

    def _asked(self, heard: Any, count: int, reply: Any) -> int:
        try:
            self._answer = self._peer.receive(ctypes.string_at(heard, count)) if count else self._peer.timeout()
            reply[0].bytes, reply[0].count, reply[0].timeout_ps = self._answer, len(self._answer), self.timeout_ps
        except BaseException as failure:  # noqa: BLE001 -- it must not pass through C: `hang_up` raises it
            self._failure = failure
            return 1
        return 0
