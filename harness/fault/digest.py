"""The digest of a non-volatile state: a hash over the hashes of its pieces, so that a cut costs the hash of one piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from harness.device.memory import NonVolatile

PIECE_BYTES = 4096
_DIGEST_BYTES = 32


def digest_of(state: NonVolatile) -> str:
    """Return the digest of a state, in hexadecimal (docs/SPEC.md, "Flash physics of a cut")."""
    return FlashPieces(state.flash).digest(state)


def pieces_of(start: int, end: int) -> range:
    """Return the pieces that the bytes from `start` to `end` lie in."""
    return range(start // PIECE_BYTES, -(-end // PIECE_BYTES))


class FlashPieces:
    """The hashes of a flash array's pieces, kept up to date piece by piece."""

    def __init__(self, flash: bytes | bytearray) -> None:
        sha256 = hashlib.sha256
        self._hashes = bytearray(b"".join(sha256(flash[start : start + PIECE_BYTES]).digest() for start in range(0, len(flash), PIECE_BYTES)))

    def update(self, flash: bytearray, pieces: Iterable[int]) -> None:
        """Take in that some pieces changed."""
        for piece in pieces:
            content = flash[piece * PIECE_BYTES : (piece + 1) * PIECE_BYTES]
            self._hashes[piece * _DIGEST_BYTES : (piece + 1) * _DIGEST_BYTES] = hashlib.sha256(content).digest()

    def digest(self, rest: NonVolatile) -> str:
        """Return the digest of a state with this flash, and all else as in `rest`."""
        return self._digest(self._hashes, rest)

    def digest_with(self, flash: bytearray, pieces: Iterable[int], rest: NonVolatile) -> str:
        """Return the same for a flash that differs in some pieces, without taking that in."""
        kept = self._hashes[:]
        self.update(flash, pieces)
        found, self._hashes = self._hashes, kept
        return self._digest(found, rest)

    @staticmethod
    def _digest(hashes: bytearray, rest: NonVolatile) -> str:
        hasher = hashlib.sha256(hashes)
        hasher.update(rest.option_bytes)
        for cells in rest.disturbed:
            hasher.update(f"{cells.state.value}:{cells.address:#x}:".encode() + cells.mask)
        if rest.writes or rest.partial_erases:
            hasher.update(f"{rest.writes}:{rest.partial_erases}".encode())
        return hasher.hexdigest()
