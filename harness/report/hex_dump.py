"""Bytes as an engineer reads them: address, hexadecimal, characters."""

from __future__ import annotations

from collections.abc import Iterator

_LINE_BYTES = 16


def hex_dump(content: bytes, address: int) -> Iterator[str]:
    """Yield the lines of a dump; lines that repeat the one before are told by one `*`, the last line is always there.

    Args:
        address: of the first byte.
    """
    before: bytes | None = None
    repeated = False
    for start in range(0, len(content), _LINE_BYTES):
        line = content[start : start + _LINE_BYTES]
        is_last = start + _LINE_BYTES >= len(content)
        if line == before and not is_last:
            if not repeated:
                yield "*"
            repeated = True
            continue
        before, repeated = line, False
        characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)
        yield f"{address + start:08x}  {line[:8].hex(' '):<23}  {line[8:].hex(' '):<23}  |{characters}|"
