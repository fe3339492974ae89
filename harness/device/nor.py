"""A NOR flash as a file: pages that are erased whole, bytes that are programmed once, and a count of every erase.

Layout of the file: the header below, one erase count (u32) a page, then the bytes of the flash.
"""

from __future__ import annotations

from typing import Self

from construct import Array, Bytes, ConstructError, Int32ul, Struct

from harness.errors import InputError

MAGIC = b"NORFILE\x01"
ERASED = 0xFF
HEADER = Struct("magic" / Bytes(len(MAGIC)), "page_bytes" / Int32ul, "pages" / Int32ul)
MOST_BYTES = 256 * 1024 * 1024
_REMEDY = "Give a file that `harness speck flash-install` made."


class NorFlash:
    """A flash that behaves as NOR does: erasing sets a page to ones, programming only clears bits.

    Args:
        content: all bytes, whole pages.
        erase_counts: one a page; None: none was erased yet.

    Attributes:
        page_bytes: what one erase covers. erase_counts: how often each page was erased.
    """

    def __init__(self, content: bytes, page_bytes: int, erase_counts: list[int] | None = None) -> None:
        if page_bytes < 1 or not content or len(content) % page_bytes:
            raise RuntimeError(f"{len(content)} bytes are not whole pages of {page_bytes}")
        self._content = bytearray(content)
        self.page_bytes = page_bytes
        self.erase_counts = erase_counts or [0] * (len(content) // page_bytes)

    @classmethod
    def blank(cls, size_bytes: int, page_bytes: int) -> Self:
        """Return a flash as it leaves the factory."""
        return cls(bytes([ERASED]) * size_bytes, page_bytes)

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> Self:
        """Return the flash of a file.

        Raises:
            InputError: the file holds none, or is cut short.
        """
        try:
            header = HEADER.parse(data)
            if header.magic != MAGIC or not 0 < header.page_bytes * header.pages <= MOST_BYTES:
                raise InputError("is not a flash file", source=source, remedy=_REMEDY)
            counts = list(Array(header.pages, Int32ul).parse(data[HEADER.sizeof() :]))
        except ConstructError as error:
            raise InputError("is not a flash file, or cut short", source=source, remedy=_REMEDY) from error
        content = data[HEADER.sizeof() + 4 * header.pages :]
        if len(content) != header.page_bytes * header.pages:
            raise InputError(f"holds {len(content)} bytes of flash, its header says {header.page_bytes * header.pages}", source=source, remedy=_REMEDY)
        return cls(content, header.page_bytes, counts)

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        header = HEADER.build({"magic": MAGIC, "page_bytes": self.page_bytes, "pages": self.pages})
        return bytes(header) + bytes(Array(self.pages, Int32ul).build(self.erase_counts)) + self._content

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self.erase_counts)

    @property
    def content(self) -> bytes:
        """Every byte."""
        return bytes(self._content)

    def erase_page(self, page: int) -> None:
        """Set a page to ones, and count it."""
        start = page * self.page_bytes
        self._content[start : start + self.page_bytes] = bytes([ERASED]) * self.page_bytes
        self.erase_counts[page] += 1

    def program(self, offset: int, data: bytes, *, source: str = "the flash") -> None:
        """Write bytes where the flash is erased.

        Args:
            source: which flash, for errors.

        Raises:
            InputError: a byte there would need a bit that an erase only can set. Nothing is written then.
        """
        if not 0 <= offset <= len(self._content) - len(data):
            problem = f"{len(data)} bytes at {offset:#x} end past the flash's {len(self._content):#x}"
            raise InputError(problem, source=source, remedy="Give an offset at which they fit.")
        held = self._content[offset : offset + len(data)]
        wrong = next((index for index, (old, new) in enumerate(zip(held, data, strict=True)) if new & ~old), None)
        if wrong is not None:
            raise InputError(f"the byte at {offset + wrong:#x} is not erased", source=source, remedy="Erase its page first.")
        self._content[offset : offset + len(data)] = data

    def install(self, offset: int, data: bytes, *, source: str = "the flash") -> int:
        """Erase the pages that `data` needs erased, and no others, and write it; what else those pages hold stays.

        Args:
            source: which flash, for errors.

        Returns:
            How many pages were erased.

        Raises:
            InputError: it does not fit.
        """
        if not 0 <= offset <= len(self._content) - len(data):
            self.program(offset, data, source=source)
        erased = 0
        for page in range(offset // self.page_bytes, -(-(offset + len(data)) // self.page_bytes)):
            start = page * self.page_bytes
            held = bytes(self._content[start : start + self.page_bytes])
            low, high = max(offset, start), min(offset + len(data), start + self.page_bytes)
            wanted = held[: low - start] + data[low - offset : high - offset] + held[high - start :]
            if any(new & ~old for old, new in zip(held, wanted, strict=True)):
                self.erase_page(page)
                erased += 1
            self.program(start, wanted)
        return erased
