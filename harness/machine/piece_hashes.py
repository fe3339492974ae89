"""The hash of each piece of a flash array, kept up from one array to the next."""

from __future__ import annotations

import hashlib


class PieceHashes:
    """SHA-256 of the pieces of flash arrays, which mostly have most of them in common.

    Args:
        piece_bytes: size of a piece; the last one may be shorter.
    """

    def __init__(self, piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self._known: list[tuple[bytes, bytes]] = []  # each piece of the array before, and its hash: what is compared never parts from what is returned

    def of(self, flash: bytes | bytearray) -> list[bytes]:
        """Return the hash of each piece; those that the array before this one had too are neither copied nor hashed again."""
        starts = range(0, len(flash), self._piece_bytes)
        known = self._known
        if len(known) != len(starts):
            known = self._known = [(b"", b"")] * len(starts)
        hashes = []
        for number, start in enumerate(starts):
            piece, digest = known[number]
            if len(piece) != min(self._piece_bytes, len(flash) - start) or not flash.startswith(piece, start):
                piece = bytes(flash[start : start + self._piece_bytes])
                digest = hashlib.sha256(piece).digest()
                known[number] = (piece, digest)
            hashes.append(digest)
        return hashes
