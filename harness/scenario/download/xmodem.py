"""Sender of XMODEM-CRC, without a line or a clock: it is told what came, and says what to send."""

from __future__ import annotations

import binascii
from enum import Enum

SOH, EOT, ACK, NAK, CAN = b"\x01", b"\x04", b"\x06", b"\x15", b"\x18"
ASK_FOR_CRC = b"C"
BLOCK_BYTES = 128
_PADDING = b"\x1a"
_TRIES_MOST = 10


class Transfer(Enum):
    """How far a transfer is."""

    UNDER_WAY = "under way"
    DONE = "done"
    """The receiver acknowledged the end."""
    FAILED = "failed"
    """The receiver cancelled, or did not answer."""


def frame_block(number: int, block: bytes) -> bytes:
    """Return a block as it goes on the line.

    Args:
        number: of the block, from 1; the line has its low eight bits.
        block: exactly 128 bytes.
    """
    low = number & 0xFF
    return SOH + bytes([low, low ^ 0xFF]) + block + binascii.crc_hqx(block, 0).to_bytes(2, "big")


class XmodemSender:
    """Sends one file. It begins when the receiver asks for it; every answer but an acknowledgement brings the same block again.

    Args:
        content: the file; its last block is filled up with 0x1A, as the protocol has it.
    """

    def __init__(self, content: bytes) -> None:
        size_bytes = -(-len(content) // BLOCK_BYTES) * BLOCK_BYTES
        padded = content.ljust(size_bytes, _PADDING)
        self._frames = [frame_block(number, padded[start : start + BLOCK_BYTES]) for number, start in enumerate(range(0, size_bytes, BLOCK_BYTES), 1)]
        self._frames.append(EOT)
        self._next: int | None = None
        self._tries = 0
        self.state = Transfer.UNDER_WAY

    @property
    def blocks_acknowledged(self) -> int:
        """How many blocks the receiver has taken."""
        return min(self._next or 0, len(self._frames) - 1)

    def receive(self, sent: bytes) -> bytes:
        """Take in what the receiver sent; return what to send, empty where there is nothing to say."""
        if self.state is not Transfer.UNDER_WAY:
            return b""
        if CAN + CAN in sent:
            self.state = Transfer.FAILED
            return b""
        if self._next is None:
            if ASK_FOR_CRC not in sent:
                return b""
            self._next = 0
            return self._frame()
        if ACK in sent:
            # Two at once answer the same block twice: an acknowledgement has no number.
            self._next += 1
            self._tries = 0
            if self._next == len(self._frames):
                self.state = Transfer.DONE
                return b""
        return self._frame()

    def timeout(self) -> bytes:
        """Nothing came for long; return what to send."""
        return self._frame() if self.state is Transfer.UNDER_WAY and self._next is not None else b""

    def _frame(self) -> bytes:
        assert self._next is not None
        self._tries += 1
        if self._tries > _TRIES_MOST:
            self.state = Transfer.FAILED
            return CAN + CAN
        return self._frames[self._next]
