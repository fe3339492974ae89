"""Firmware files of any maker as the bytes that they put into flash: ELF, Intel HEX, and plain binaries."""

from __future__ import annotations

from pathlib import Path

from harness.build.elf import ElfFile
from harness.errors import InputError

Piece = tuple[int, bytes]
"""Address of the first byte, and the bytes."""

_DATA, _END, _SEGMENT, _SEGMENT_START, _LINEAR, _LINEAR_START = range(6)
"""Record types of Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A, 1988)."""


def read_pieces(path: Path, address: int | None) -> list[Piece]:
    """Read what a file puts where.

    Args:
        path: `.elf`, `.hex`, or anything else as plain bytes.
        address: where a plain binary lies; ELF and HEX files bring their own addresses.

    Returns:
        pieces in the order of their addresses; those that follow one another without a gap are one.

    Raises:
        InputError: the file can't be read, is malformed, or has an address too many or too few.
    """
    suffix = path.suffix.lower()
    if suffix in (".elf", ".hex") and address is not None:
        raise InputError("the file brings its own addresses", source=str(path), remedy="Leave out its address and region.")
    if suffix == ".elf":
        return _joined(ElfFile(path).pieces())
    if suffix == ".hex":
        return _joined(_read_hex(path))
    if address is None:
        raise InputError("a plain binary has no address", source=str(path), remedy="Give the address or the region at which it starts.")
    return [(address, _content(path))]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Give the path of a firmware file.") from error


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for address, content in sorted(pieces):
        if joined and joined[-1][0] + len(joined[-1][1]) == address:
            joined[-1] = (joined[-1][0], joined[-1][1] + content)
        else:
            joined.append((address, content))
    return joined


def _read_hex(path: Path) -> list[Piece]:
    pieces: list[Piece] = []
    base = 0
    for number, line in enumerate(_content(path).decode("ascii", "replace").split(), 1):
        address, kind, data = _record(path, number, line)
        if kind == _DATA:
            pieces.append((base + address, data))
        elif kind == _END:
            return pieces
        elif kind in (_SEGMENT, _LINEAR):
            base = int.from_bytes(data, "big") << (4 if kind == _SEGMENT else 16)
        elif kind not in (_SEGMENT_START, _LINEAR_START):
            raise _malformed(path, number, f"unknown record type {kind}")
    raise InputError("has no end record", source=str(path), remedy="The file is incomplete: build or download it again.")


def _record(path: Path, number: int, line: str) -> tuple[int, int, bytes]:
    """Return address, type and data of one line, `:LLAAAATTDD..CC`."""
    try:
        raw = bytes.fromhex(line.removeprefix(":"))
    except ValueError:
        raise _malformed(path, number, "it is not hexadecimal") from None
    if not line.startswith(":") or len(raw) < 5 or len(raw) != raw[0] + 5:
        raise _malformed(path, number, "it has another length than it says")
    if sum(raw) % 256:
        raise _malformed(path, number, "its checksum is wrong")
    return int.from_bytes(raw[1:3], "big"), raw[3], raw[4:-1]


def _malformed(path: Path, number: int, problem: str) -> InputError:
    return InputError(f"record {number} is no Intel HEX: {problem}", source=str(path), remedy="Build or download the file again.")
