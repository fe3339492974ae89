"""The digest of a non-volatile state: a hash over the hashes of its pieces, so that a cut costs the hash of one piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from harness.device.memory import NonVolatile
from harness.machine.piece_hashes import PieceHashes

PIECE_BYTES = 4096
_DIGEST_BYTES = 32
_HASHES = PieceHashes(PIECE_BYTES)
"""Of whole arrays: a run begins and ends with nearly what the run before it did."""


def digest_of(state: NonVolatile) -> str:
    """Return the digest of a state, in hexadecimal (docs/SPEC.md, "Flash physics of a cut")."""
    return FlashPieces(state.flash).digest(state)


def pieces_of(start: int, end: int) -> range:
    """Return the pieces that the bytes from `start` to `end` lie in."""
    return range(start // PIECE_BYTES, -(-end // PIECE_BYTES))


class FlashPieces:
    """The hashes of a flash array's pieces, kept up to date piece by piece."""

    def __init__(self, flash: bytes | bytearray) -> None:
        self._hashes = bytearray(b"".join(_HASHES.of(flash)))

    def update(self, flash: bytearray, pieces: Iterable[int]) -> None:
        """Take in that some pieces changed."""
        for piece in pieces:
            content = flash[piece * PIECE_BYTES : (piece + 1) * PIECE_BYTES]
            self._hashes[piece * _DIGEST_BYTES : (piece + 1) * _DIGEST_BYTES] = hashlib.sha256(content).digest()

    def digest(self, rest: NonVolatile) -> str:
        """Return the digest of a state with this flash, and all else as in `rest`."""
        return self._digest(self._hashes, rest)

    def around(self, flash: bytearray, start: int, end: int) -> RangeDigests:
        """Return what digests states that differ in the bytes from `start` to `end` at most."""
        return RangeDigests(bytes(self._hashes), flash, start, end)

    @staticmethod
    def _digest(hashes: bytearray, rest: NonVolatile) -> str:
        return hashlib.sha256(hashes + bytes_of_rest(rest)).hexdigest()


class RangeDigests:
    """Digests of states that differ in one range of bytes at most: what goes before it is hashed once.

    Args:
        hashes: of all pieces. flash: with anything in the range.
    """

    __slots__ = ("_before", "_behind", "_hashed", "_left")

    def __init__(self, hashes: bytes, flash: bytearray, start: int, end: int) -> None:
        pieces = pieces_of(start, end)
        first, stop = (pieces.start, pieces.stop) if pieces else (0, 0)
        self._hashed = hashlib.sha256(hashes[: first * _DIGEST_BYTES])
        self._left = hashes[stop * _DIGEST_BYTES :]
        self._before = bytes(flash[first * PIECE_BYTES : start]) if pieces else b""
        self._behind = bytes(flash[end : stop * PIECE_BYTES]) if pieces else b""

    def digest(self, content: bytes, rest: bytes) -> str:
        """Return the digest of the state with `content` in the range, and a rest as `bytes_of_rest` gives it."""
        changed = self._before + content + self._behind
        hasher = self._hashed.copy()
        if len(changed) == PIECE_BYTES:
            hasher.update(hashlib.sha256(changed).digest())
        else:
            hasher.update(b"".join(hashlib.sha256(changed[start : start + PIECE_BYTES]).digest() for start in range(0, len(changed), PIECE_BYTES)))
        hasher.update(self._left + rest)
        return hasher.hexdigest()


def bytes_of_rest(rest: NonVolatile) -> bytes:
    """Return what a digest takes of a state besides its flash."""
    disturbed = b"".join(f"{cells.state.value}:{cells.address:#x}:".encode() + cells.mask for cells in rest.disturbed)
    history = f"{rest.writes}:{rest.partial_erases}".encode() if rest.writes or rest.partial_erases else b""
    return rest.option_bytes + disturbed + history
