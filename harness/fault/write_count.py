"""How often words were written since their erase, and how far pages are erased in parts: what cells remember besides their bits.

A controller with n_WRITE (the nRF's NVMC) counts by word, and a cut does not make it forget. Most counts follow from the
content: a word that reads erased was not written, any other one once. Only the others are kept, so a state of firmware that
writes each word once carries nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from harness.fault.flash_map import FlashMap
from harness.machine.operation_log import columns_of
from harness.machine.protocol import NonVolatile, Operation, OperationKind, OperationLog

_COUNT_MAX = 255
_PICOSECONDS_PER_MILLISECOND = 10**9
_PROGRAMS = (OperationKind.PROGRAM, OperationKind.OPTION_PROGRAM)


@dataclass(frozen=True, slots=True)
class CellHistory:
    """Counts that the content does not tell, by address, and milliseconds of erase, by page."""

    writes: tuple[tuple[int, int], ...] = ()
    partial_erases: tuple[tuple[int, int], ...] = ()

    def of(self, state: NonVolatile) -> NonVolatile:
        """Return `state` with this history."""
        if (state.writes, state.partial_erases) == (self.writes, self.partial_erases):
            return state
        return replace(state, writes=self.writes, partial_erases=self.partial_erases)


def history_of(state: NonVolatile) -> CellHistory:
    """Return the history that a state carries."""
    return CellHistory(state.writes, state.partial_erases)


def content_tells(word: bytes) -> int:
    """Return how often a word was written by what it reads."""
    return 0 if word == b"\xff" * len(word) else 1


class HistoryLog:
    """The history at any point of an operation log; the log is read only as far as somebody asks.

    Args:
        flash_map: tells what the controller counts by.
    """

    def __init__(self, start: CellHistory, operations: OperationLog, flash_map: FlashMap) -> None:
        self._places = [0]
        self._histories = [start]
        self._following = changes(start, operations, flash_map) if flash_map.counted_bytes else iter(())

    def before(self, operation: int) -> CellHistory:
        """Return the history right before an operation."""
        while self._places[-1] <= operation and (change := next(self._following, None)) is not None:
            done, history = change
            self._places.append(done)
            self._histories.append(history)
        return self._histories[bisect_right(self._places, operation) - 1]


def history_after(start: CellHistory, operations: Iterable[Operation], flash_map: FlashMap) -> CellHistory:
    """Return the history after finished operations."""
    if not flash_map.counted_bytes:
        return start
    writes, pages = dict(start.writes), dict(start.partial_erases)
    changed = [_apply(writes, pages, operation, flash_map) for operation in operations]
    return _history(writes, pages) if any(changed) else start


def history_of_cut(before: CellHistory, operation: Operation, torn: bytes, flash_map: FlashMap) -> CellHistory:
    """Return what an operation that was cut under way leaves: a program counts, an erase ends the counts, a part of one adds no time."""
    if not flash_map.counted_bytes:
        return before
    if operation.kind in _PROGRAMS:
        return history_after(before, [replace(operation, new=torn)], flash_map)
    inside = range(operation.address, operation.address + operation.size_bytes)
    pages = before.partial_erases if operation.kind is OperationKind.PARTIAL_ERASE else _outside(before.partial_erases, inside)
    return CellHistory(_outside(before.writes, inside), pages)


def changes(start: CellHistory, operations: OperationLog, flash_map: FlashMap) -> Iterator[tuple[int, CellHistory]]:
    """Yield (number of operations done, history) wherever the history changes; operations that change nothing are not even decoded."""
    writes, pages = dict(start.writes), dict(start.partial_erases)
    columns = columns_of(operations)
    size, erased = flash_map.counted_bytes, 256**flash_map.counted_bytes - 1
    side_by_side = zip(columns.kinds, columns.sizes_bytes, columns.addresses, columns.old, columns.new, strict=True)
    for number, (kind, size_bytes, address, old, new) in enumerate(side_by_side):
        if old == erased != new and kind in _PROGRAMS and size_bytes == size and not pages and address not in writes:
            continue  # the first write of a word, as nearly all are: its content tells it
        if _apply(writes, pages, operations[number], flash_map):
            yield number + 1, _history(writes, pages)


def _history(writes: dict[int, int], pages: dict[int, int]) -> CellHistory:
    return CellHistory(tuple(sorted(writes.items())), tuple(sorted(pages.items())))


def _apply(writes: dict[int, int], pages: dict[int, int], operation: Operation, flash_map: FlashMap) -> bool:
    """Take in one finished operation; return whether anything changed."""
    if operation.kind in _PROGRAMS:
        begun = [page for page in pages if page <= operation.address < page + flash_map.page_bytes]
        for page in begun:
            del pages[page]
        count = writes.get(operation.address, content_tells(operation.old)) + 1
        return _keep(writes, operation.address, count, operation.new) or bool(begun)
    inside = range(operation.address, operation.address + operation.size_bytes)
    if operation.kind is OperationKind.PARTIAL_ERASE:
        done_ms = pages.pop(operation.address, 0) + operation.duration_ps // _PICOSECONDS_PER_MILLISECOND
        if done_ms:
            pages[operation.address] = done_ms
        size = flash_map.counted_bytes
        for offset in range(0, operation.size_bytes, size):
            address = operation.address + offset
            _keep(writes, address, writes.get(address, content_tells(operation.old[offset : offset + size])), operation.new[offset : offset + size])
        return True
    ended = [address for address in writes if address in inside]
    begun = [page for page in pages if page in inside]
    for address in ended:
        del writes[address]
    for page in begun:
        del pages[page]
    return bool(ended or begun)


def _keep(writes: dict[int, int], address: int, count: int, content: bytes) -> bool:
    """Keep a word's count where its content does not tell it; return whether anything changed."""
    known = writes.pop(address, None)
    if count != content_tells(content):
        writes[address] = min(count, _COUNT_MAX)
    return known != writes.get(address)


def _outside(entries: tuple[tuple[int, int], ...], inside: range) -> tuple[tuple[int, int], ...]:
    return tuple(entry for entry in entries if entry[0] not in inside)
