"""The log of a device whose updates are patches (SPEC, "Pool and log"), as pure bytes: one page of a ring, places of 28 bytes."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable
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
    def of(cls, records: Iterable[tuple[int, int]], *, cursor: int) -> LogState:
        """Return what the places that count say, given by kind and value, in order.

        Args:
            cursor: what it is where no place says it.
        """
        last = dict(records)
        state = cls(counter=last.get(PlaceKind.COUNTER, 0), patch=last.get(PlaceKind.PATCH, 0), cursor=cursor)
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
