"""Numbers of a patch: LEB128, seven bits a byte, least significant first, the top bit set on all but the last byte.

Only the shortest form of a number is a number: a longer one is refused, so that a patch has one reading and one writing.
"""

from __future__ import annotations

from harness.image.refusal import ImageRefused, RefusalReason

MAXIMUM_BYTES = 5
END = 2**32
"""Numbers are below this: they fit a 32-bit register."""


def encode_varint(value: int) -> bytes:
    """Return the shortest form of 0 <= `value` < 2**32."""
    if not 0 <= value < END:
        raise RuntimeError(f"{value} is no 32-bit number")
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def varint_bytes(value: int) -> int:
    """Return the size of the shortest form of `value`."""
    return max(1, -(-value.bit_length() // 7))


def zigzag(value: int) -> int:
    """Return a signed number as an unsigned one, small where it is near 0: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return value << 1 if value >= 0 else -value * 2 - 1


def unzigzag(value: int) -> int:
    """Return what `zigzag` was given."""
    return value >> 1 ^ -(value & 1)


class ByteReader:
    """Reads a stream of bytes once, from its start.

    Args:
        data: the whole stream.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    @property
    def at_end(self) -> bool:
        """Whether every byte was read."""
        return self.position == len(self._data)

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes.

        Raises:
            ImageRefused: the stream ends before them.
        """
        end = self.position + count
        if end > len(self._data):
            raise ImageRefused(RefusalReason.PATCH, f"its instructions end at byte {len(self._data)}, inside an instruction")
        self.position, taken = end, self._data[self.position : end]
        return taken

    def varint(self) -> int:
        """Return the next number.

        Raises:
            ImageRefused: it is cut off, longer than needed, or 2**32 or more.
        """
        value = 0
        for index in range(MAXIMUM_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if value >= END or (index and not byte):
                    break
                return value
        raise ImageRefused(RefusalReason.PATCH, f"the number before byte {self.position} of its instructions is not in its shortest 32-bit form")
