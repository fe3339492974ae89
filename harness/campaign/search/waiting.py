"""Things that wait on disk: a search would fill the memory with them."""

from __future__ import annotations

import pickle
import tempfile
import zlib
from collections.abc import Iterator
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class Waiting(Generic[ItemT]):
    """Things in the order in which they came, in a temporary file that nobody else sees."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- open as long as this object
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, item: ItemT) -> None:
        """Have one more wait."""
        pickle.dump(zlib.compress(pickle.dumps(item), 1), self._file)
        self._count += 1

    def take_all(self) -> Iterator[ItemT]:
        """Yield what waits now; what is added meanwhile goes on waiting."""
        file, count = self._file, self._count
        self._file, self._count = tempfile.TemporaryFile(), 0  # noqa: SIM115 -- as above
        with file:
            file.seek(0)
            for _ in range(count):
                item: ItemT = pickle.loads(zlib.decompress(pickle.load(file)))  # noqa: S301 -- from a private file that this object wrote
                yield item

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
