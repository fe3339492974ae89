"""The log of a device whose updates are patches (SPEC, "Pool and log"), as pure bytes: one page of a ring, places of 28 bytes."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

MARK = bytes(4)
HEADER_BYTES = 16
PLACE_BYTES = 28
VALUE_END = 2**48
"""Counter values and versions are below this."""
_GUARD = bytes(4)
_WITNESS = bytes(8)
_BLANK = b"\xff"


class PlaceKind(IntEnum):
    """What a place says."""

    PAGE = 1
    COUNTER = 2
    PHASE = 3


class Stage(IntEnum):
    """How far the update is."""

    IDLE = 0
    PENDING = 1
    STARTED = 2
    BUILT = 3
    COMPLETE = 4


@dataclass(frozen=True, slots=True)
class LogState:
    """What the log says.

    Attributes:
        closed: reason code that refused the last patch, 0 where it was installed.
        steps: pages that are rebuilt.
        scratch: page of the pool that holds the next one. inverted: whether its first byte is stored inverted.
        cursor: page of the pool that was taken last.
    """

    counter: int = 0
    stage: int = Stage.IDLE
    closed: int = 0
    steps: int = 0
    scratch: int = 0
    inverted: bool = False
    cursor: int = 0

    @property
    def phase(self) -> int:
        """All but the counter, as the value of a place."""
        return self.stage | self.inverted << 7 | self.closed << 8 | self.steps << 16 | self.scratch << 32 | self.cursor << 40

    def with_phase(self, value: int) -> LogState:
        """Return the state that a place of the kind `PHASE` makes of this one."""
        return LogState(self.counter, value & 0x7F, value >> 8 & 0xFF, value >> 16 & 0xFFFF, value >> 32 & 0xFF, bool(value >> 7 & 1), value >> 40)


def place(kind: int, value: int) -> bytes:
    """Return the 28 bytes of a place.

    Raises:
        ValueError: the value has more than 48 bits.
    """
    if not 0 <= value < VALUE_END:
        raise ValueError(f"{value} does not fit in 48 bits")
    payload = struct.pack("<Q", value << 16 | kind)
    return _GUARD + payload + bytes(byte ^ 0xFF for byte in payload) + _WITNESS


def log_page(state: LogState, sequence: int, *, page_bytes: int, free_places: int | None = None) -> bytes:
    """Return a page that says `state`, as a move writes it.

    Args:
        free_places: places left blank; the rest is torn, as cuts leave it. None: nothing is torn.

    Raises:
        ValueError: there is no room for so many.
    """
    snapshot = place(PlaceKind.COUNTER, state.counter) + place(PlaceKind.PHASE, state.phase) + place(PlaceKind.PAGE, sequence)
    page = MARK.ljust(HEADER_BYTES, _BLANK) + snapshot
    if free_places is not None:
        torn = (page_bytes - len(page)) // PLACE_BYTES - free_places - 1
        if torn < 0 or free_places < 0:
            raise ValueError(f"a page of {page_bytes} bytes can't have {free_places} free places")
        page += _GUARD.ljust(PLACE_BYTES, _BLANK) * torn + place(PlaceKind.PHASE, state.phase)
    return page.ljust(page_bytes, _BLANK)


def delivery_pool(state: LogState, *, page_bytes: int, pages: int, free_places: int | None = None) -> bytes:
    """Return the pool as production leaves it: the log in page 0, all else erased."""
    first = log_page(dataclasses.replace(state, cursor=0), 1, page_bytes=page_bytes, free_places=free_places)
    return first.ljust(pages * page_bytes, _BLANK)


def read_log(pool: bytes, *, page_bytes: int) -> LogState:
    """Return what the log says: the places that count of the page with the greatest sequence; the beginning state where no page counts."""
    pages = [list(_places(pool[start : start + page_bytes])) for start in range(0, len(pool), page_bytes) if pool.startswith(MARK, start)]
    sequences = [max((value for kind, value in places if kind == PlaceKind.PAGE), default=0) for places in pages]
    state = LogState()
    if not any(sequences):
        return state
    for kind, value in pages[max(range(len(pages)), key=sequences.__getitem__)]:
        if kind == PlaceKind.COUNTER:
            state = dataclasses.replace(state, counter=value)
        elif kind == PlaceKind.PHASE:
            state = state.with_phase(value)
    return state


def _places(page: bytes) -> Iterator[tuple[int, int]]:
    """Yield kind and value of each place that counts: valid, with a witness that is not blank."""
    for start in range(HEADER_BYTES, len(page) - PLACE_BYTES + 1, PLACE_BYTES):
        payload, complement = struct.unpack_from("<QQ", page, start + len(_GUARD))
        witness = page[start + PLACE_BYTES - len(_WITNESS) : start + PLACE_BYTES]
        if payload ^ complement == 2**64 - 1 and witness.strip(_BLANK):
            yield payload & 0xFFFF, payload >> 16
