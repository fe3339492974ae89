"""The log of a device whose updates are patches (SPEC, "Pool and log"), as pure bytes: one page of a ring, places of 28 bytes."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Iterator
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
    PATCH = 4


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
        patch: name of the patch that was begun, see `patch_name`; while its pages are rebuilt.
        key: number of the trusted key, see `harness.image.identity`.
    """

    counter: int = 0
    stage: int = Stage.IDLE
    closed: int = 0
    steps: int = 0
    scratch: int = 0
    inverted: bool = False
    cursor: int = 0
    patch: int = 0
    key: int = 0

    @property
    def phase(self) -> int:
        """All but the counter, as the value of a place."""
        return self.stage | self.key << 3 | self.inverted << 7 | self.closed << 8 | self.steps << 16 | self.scratch << 32 | self.cursor << 40

    def with_phase(self, value: int) -> LogState:
        """Return the state that a place of the kind `PHASE` makes of this one."""
        return dataclasses.replace(
            self,
            stage=value & 7,
            key=value >> 3 & 0xF,
            closed=value >> 8 & 0xFF,
            steps=value >> 16 & 0xFFFF,
            scratch=value >> 32 & 0xFF,
            inverted=bool(value >> 7 & 1),
            cursor=value >> 40,
        )

    @classmethod
    def of(cls, records: Iterable[tuple[int, int]]) -> LogState:
        """Return what the places that count say, given by kind and value, in order."""
        last = dict(records)
        state = cls(counter=last.get(PlaceKind.COUNTER, 0), patch=last.get(PlaceKind.PATCH, 0))
        return state.with_phase(last[PlaceKind.PHASE]) if PlaceKind.PHASE in last else state

    @property
    def is_begun(self) -> bool:
        """Whether the pages of a patch are being rebuilt: no other patch may go on with it."""
        return self.stage in (Stage.STARTED, Stage.BUILT)


def patch_name(signature: bytes) -> int:
    """Return what the log calls a patch: the first six bytes of its signature, which nobody but the signer chooses."""
    return int.from_bytes(signature[:6], "little")


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
    named = place(PlaceKind.PATCH, state.patch) if state.is_begun else b""
    snapshot = place(PlaceKind.COUNTER, state.counter) + named + place(PlaceKind.PHASE, state.phase) + place(PlaceKind.PAGE, sequence)
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
    page, _ = _active_page(pool, page_bytes)
    return LogState() if page is None else LogState.of(_places(pool[page * page_bytes : (page + 1) * page_bytes]))


def mark_pending(pool: bytes, *, page_bytes: int) -> bytes:
    """Return the pool after a patch was staged: the log moved to the next page, as SPEC, "Pool and log", says, where it is pending."""
    active, sequence = _active_page(pool, page_bytes)
    pages = len(pool) // page_bytes
    state = read_log(pool, page_bytes=page_bytes)
    fresh = next(page % pages for page in range(state.cursor + 1, state.cursor + pages + 1) if page % pages != active)
    staged = LogState(state.counter, Stage.PENDING, cursor=fresh, key=state.key)
    return _with_page(pool, fresh, log_page(staged, sequence + 1, page_bytes=page_bytes))


def close_log(pool: bytes, reason: int, *, page_bytes: int) -> bytes:
    """Return the pool with the place that closes an update behind the last used one of the active page, as the bootloader writes it.

    Raises:
        ValueError: no page is active, or it is full.
    """
    active, _ = _active_page(pool, page_bytes)
    page = b"" if active is None else pool[active * page_bytes : (active + 1) * page_bytes]
    places = -(-(len(page.rstrip(_BLANK)) - HEADER_BYTES) // PLACE_BYTES)
    used = HEADER_BYTES + places * PLACE_BYTES
    if active is None or used + PLACE_BYTES > len(page):
        raise ValueError("there is no place for a record in the log")
    state = read_log(pool, page_bytes=page_bytes)
    closed = LogState(state.counter, Stage.IDLE, closed=reason, cursor=state.cursor, key=state.key)
    return _with_page(pool, active, (page[:used] + place(PlaceKind.PHASE, closed.phase)).ljust(page_bytes, _BLANK))


def _active_page(pool: bytes, page_bytes: int) -> tuple[int | None, int]:
    """Return the page with the greatest sequence of a `PAGE` place that counts, and that sequence; None and 0 where there is none."""
    active: tuple[int | None, int] = (None, 0)
    for number in range(len(pool) // page_bytes):
        if pool.startswith(MARK, number * page_bytes):
            page = pool[number * page_bytes : (number + 1) * page_bytes]
            sequence = max((value for kind, value in _places(page) if kind == PlaceKind.PAGE), default=0)
            active = max(active, (number, sequence), key=lambda found: found[1])
    return active


def _with_page(pool: bytes, number: int, page: bytes) -> bytes:
    start = number * len(page)
    return pool[:start] + page + pool[start + len(page) :]


def _places(page: bytes) -> Iterator[tuple[int, int]]:
    """Yield kind and value of each place that counts: valid, with a witness that is not blank."""
    for start in range(HEADER_BYTES, len(page) - PLACE_BYTES + 1, PLACE_BYTES):
        payload, complement = struct.unpack_from("<QQ", page, start + len(_GUARD))
        witness = page[start + PLACE_BYTES - len(_WITNESS) : start + PLACE_BYTES]
        if payload ^ complement == 2**64 - 1 and witness.strip(_BLANK):
            yield payload & 0xFFFF, payload >> 16
