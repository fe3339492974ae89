"""Long lists in little memory: what a campaign plans and finds, by the hundred thousand."""

from __future__ import annotations

import pickle
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, overload

ItemT = TypeVar("ItemT")

_BLOCK_ITEMS = 256
_BLOCKS_UNPACKED = 64
"""Blocks that are at hand: whoever goes through a list in order, and looks back a little, unpacks each once."""
_COMPRESSION = 1
_PICKLE = pickle.HIGHEST_PROTOCOL


class PackedList(Sequence[ItemT]):
    """A list that only grows, and whose items are made anew when they are asked for, equal to those that were appended.

    Blocks of neighbours are pickled and compressed: neighbouring cuts are alike, so a verdict takes some fifty bytes instead of five hundred.

    Args:
        items: what it holds at first; they can be pickled.
    """

    def __init__(self, items: Iterable[ItemT] = ()) -> None:
        self._packed: list[bytes] = []
        self._last: list[ItemT] = []
        self._unpacked: OrderedDict[int, list[ItemT]] = OrderedDict()
        self.extend(items)

    def append(self, item: ItemT) -> None:
        """Add an item behind the last one."""
        self._last.append(item)
        if len(self._last) == _BLOCK_ITEMS:
            self._packed.append(zlib.compress(pickle.dumps(self._last, _PICKLE), _COMPRESSION))
            self._last = []

    def extend(self, items: Iterable[ItemT]) -> None:
        """Add items behind the last one."""
        for item in items:
            self.append(item)

    @property
    def size_bytes(self) -> int:
        """How much memory the packed items take."""
        return sum(map(len, self._packed))

    def __len__(self) -> int:
        return len(self._packed) * _BLOCK_ITEMS + len(self._last)

    @overload
    def __getitem__(self, index: int) -> ItemT: ...

    @overload
    def __getitem__(self, index: slice) -> list[ItemT]: ...

    def __getitem__(self, index: int | slice) -> ItemT | list[ItemT]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        block, offset = divmod(place, _BLOCK_ITEMS)
        return self._block(block)[offset]

    def __iter__(self) -> Iterator[ItemT]:
        for packed in self._packed:
            yield from _unpack(packed)
        yield from self._last

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(own == theirs for own, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment] # it grows

    def __repr__(self) -> str:
        return f"<{len(self)} packed items>"

    def _block(self, number: int) -> list[ItemT]:
        if number == len(self._packed):
            return self._last
        block = self._unpacked.get(number)
        if block is None:
            block = self._unpacked[number] = _unpack(self._packed[number])
            if len(self._unpacked) > _BLOCKS_UNPACKED:
                self._unpacked.popitem(last=False)
        return block


def _unpack(packed: bytes) -> list[ItemT]:
    items: list[ItemT] = pickle.loads(zlib.decompress(packed))  # noqa: S301 -- from this process's own memory
    return items
