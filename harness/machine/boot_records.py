"""What is known of boots that were made, by what they read: as many as fit, the oldest given up first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from operator import itemgetter

from harness.machine.operation_log import RECORD
from harness.machine.protocol import Trace

LIMIT_BYTES = 64 << 20
"""Of each worker. Four times as much saves 3 % of the boots of an update in place, where a record of one boot takes two megabytes, and no time to speak of."""


@dataclass(frozen=True, slots=True)
class BootRecord:
    """A boot that was made, and what of its flash did not matter.

    Attributes:
        trace: of the boot, but for the bytes of its final flash.
        final_pages: number of each page that was read or erased, and what it held in the end.
        erased_unread: first erase of a page that nobody had looked at: operation index to page.
        untouched: pages neither looked at nor erased.
    """

    trace: Trace
    final_pages: dict[int, bytes]
    erased_unread: dict[int, int]
    untouched: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """About how much memory the record takes."""
        return sum(map(len, self.final_pages.values())) + len(self.trace.operations) * RECORD.size


@dataclass(slots=True, eq=False)
class ReadSet:
    """Boots that read the same pages, by what these held.

    Attributes:
        chosen: takes what belongs to these pages out of what belongs to all.
    """

    pages: tuple[int, ...]
    chosen: Callable[[tuple[bytes, ...]], Hashable]
    records: dict[Hashable, BootRecord] = field(default_factory=dict)


class BootRecords:
    """Records of boots, by everything that a boot depends on.

    Args:
        limit_bytes: how much memory they may take in all; what was kept first is given up first.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._read_sets: dict[Hashable, list[ReadSet]] = {}
        self._oldest: deque[tuple[Hashable, ReadSet, Hashable]] = deque()

    def __len__(self) -> int:
        return len(self._oldest)

    def find(self, key: Hashable, held: Callable[[ReadSet], Hashable]) -> BootRecord | None:
        """Return the record of a boot that must go the same way.

        Args:
            key: what it depends on besides pages. held: says what the pages of a read set hold now.
        """
        read_sets = self._read_sets.get(key, [])
        for position, read_set in enumerate(read_sets):
            record = read_set.records.get(held(read_set))
            if record is not None:
                # Neighbouring cuts share: what hit last is asked first.
                read_sets.insert(0, read_sets.pop(position))
                return record
        return None

    def keep(self, key: Hashable, pages: tuple[int, ...], held: Callable[[ReadSet], Hashable], record: BootRecord) -> None:
        """Keep the record of a boot that read `pages`."""
        read_sets = self._read_sets.setdefault(key, [])
        read_set = next((known for known in read_sets if known.pages == pages), None)
        if read_set is None:
            read_set = ReadSet(pages, itemgetter(*pages) if pages else _nothing)
            read_sets.insert(0, read_set)
        name = held(read_set)
        if name in read_set.records:
            return
        read_set.records[name] = record
        self._oldest.append((key, read_set, name))
        self._size_bytes += record.size_bytes
        while self._size_bytes > self._limit_bytes:
            self._give_up(*self._oldest.popleft())

    def _give_up(self, key: Hashable, read_set: ReadSet, name: Hashable) -> None:
        self._size_bytes -= read_set.records.pop(name).size_bytes
        if not read_set.records:
            read_sets = self._read_sets[key]
            read_sets.remove(read_set)
            if not read_sets:
                del self._read_sets[key]


def _nothing(digests: tuple[bytes, ...]) -> Hashable:  # noqa: ARG001 -- in place of an item getter, which needs an item
    return ()
