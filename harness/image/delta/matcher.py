"""Finds a page of the target in what the region holds: the cheapest sequence of copies and inserts.

A *shift* is how far a copy reaches from where it writes: source minus destination. Code that moved as a whole keeps one shift for all its bytes, however many
of them were patched in between, so an instruction names only the change of shift, and going on with the same one costs a single byte.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pydivsufsort

from harness.image.delta.payload import Copy, Insert, Instruction
from harness.image.delta.varint import varint_bytes, zigzag

SHIFTS = 24
"""How many shifts are weighed for one page: those that match most of it."""
SHORTEST_MATCH_BYTES = 4
"""What recommends a shift; any match of a recommended shift is used if it pays."""

_ONE_BYTE_LENGTH = 63
_IMPOSSIBLE = 1 << 30

_Costs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Match:
    """The instructions of a page, and the shift of its last copy."""

    instructions: tuple[Instruction, ...]
    shift: int


def match_page(source: bytes, content: bytes, position: int, shift: int, unknown: range = range(0)) -> Match:
    """Return instructions that build `content`.

    Args:
        source: what copies can read, from the region's first byte.
        content: the page's bytes.
        position: where they lie in the region.
        shift: that of the copy before.
        unknown: places of the source whose bytes are not known: no copy reads them.
    """
    shifts = _shifts(source, content, position, shift)
    runs = np.stack([_runs(source, content, position + candidate, unknown) for candidate in shifts])
    return _cheapest(content, position, shifts, runs)


def _shifts(source: bytes, content: bytes, position: int, current: int) -> list[int]:
    """Return the shifts to weigh, the current one first."""
    matched: Counter[int] = Counter()
    for index, start, length in _longest_matches(source, content):
        if length >= SHORTEST_MATCH_BYTES:
            matched[start - position - index] += length
    ranked = sorted(matched, key=lambda candidate: (-matched[candidate], abs(candidate - current), candidate))
    return [current, *(candidate for candidate in ranked[:SHIFTS] if candidate != current)]


def _longest_matches(source: bytes, content: bytes) -> list[tuple[int, int, int]]:
    """Return (offset in the content, offset in the source, length) of a longest match for each byte of the content.

    In the suffix array of both, the longest match of a suffix is the nearest suffix of the source before or after it.
    """
    together = source + content
    order = np.asarray(pydivsufsort.divsufsort(together), dtype=np.int64)
    of_source = order < len(source)
    ranks = np.arange(len(order))
    before = np.maximum.accumulate(np.where(of_source, ranks, -1))
    after = np.minimum.accumulate(np.where(of_source, ranks, len(order))[::-1])[::-1]
    found = []
    for rank in np.flatnonzero(~of_source):
        index = int(order[rank]) - len(source)
        neighbours = [int(order[near]) for near in (before[rank], after[rank]) if 0 <= near < len(order)]
        lengths = [_common_prefix(source, start, content, index) for start in neighbours]
        if lengths:
            best = lengths.index(max(lengths))
            found.append((index, neighbours[best], lengths[best]))
    return found


def _common_prefix(source: bytes, start: int, content: bytes, index: int) -> int:
    low, high = 0, min(len(source) - start, len(content) - index)
    while low < high:
        middle = (low + high + 1) // 2
        if source[start : start + middle] == content[index : index + middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _runs(source: bytes, content: bytes, start: int, unknown: range) -> _Costs:
    """Return for each byte of the content how many bytes from it on equal the source at this shift, and are known to."""
    equal = np.zeros(len(content) + 1, dtype=bool)
    low, high = max(0, -start), min(len(content), len(source) - start)
    if low < high:
        there = np.frombuffer(source, dtype=np.uint8)[start + low : start + high]
        equal[low:high] = there == np.frombuffer(content, dtype=np.uint8)[low:high]
    equal[max(0, unknown.start - start) : max(0, unknown.stop - start)] = False
    places = np.arange(len(equal))
    next_difference = np.minimum.accumulate(np.where(equal, len(content), places)[::-1])[::-1]
    return next_difference - places


def _cheapest(content: bytes, position: int, shifts: list[int], runs: _Costs) -> Match:
    """Return the cheapest instructions, by costs from the last byte to the first.

    `closed[i][s]` is the cost of the rest from byte i on after a copy of shift s, `open_[i][s]` while an insert goes on. A copy takes the whole run: another
    copy can as well start where it ends.
    """
    count, size = len(shifts), len(content)
    every = np.arange(count)
    change_bytes = np.array([[varint_bytes(zigzag(after - before)) for after in shifts] for before in shifts])
    closed, open_ = np.zeros((size + 1, count), dtype=np.int64), np.zeros((size + 1, count), dtype=np.int64)
    copied = np.zeros((size, count), dtype=np.int64)
    starts_copy, ends_insert = np.zeros((size, count), dtype=bool), np.zeros((size, count), dtype=bool)
    for index in range(size - 1, -1, -1):
        lengths = runs[:, index]
        rest = np.where(lengths > 0, closed[index + lengths, every] + 1 + (lengths > _ONE_BYTE_LENGTH), _IMPOSSIBLE)
        copies = change_bytes + rest[np.newaxis, :]
        copied[index] = copies.argmin(axis=1)
        copy_cost, insert_cost = copies[every, copied[index]], 1 + open_[index + 1]
        starts_copy[index] = copy_cost <= insert_cost + 1
        ends_insert[index] = copy_cost <= insert_cost
        closed[index] = np.minimum(copy_cost, insert_cost + 1)
        open_[index] = np.minimum(copy_cost, insert_cost)
    instructions: list[Instruction] = []
    index, current = 0, 0
    while index < size:
        if starts_copy[index, current]:
            current = int(copied[index, current])
            length = int(runs[current, index])
            instructions.append(Copy(position + index + shifts[current], length))
        else:
            length = 1
            while index + length < size and not ends_insert[index + length, current]:
                length += 1
            instructions.append(Insert(content[index : index + length]))
        index += length
    return Match(tuple(instructions), shifts[current])
