"""The bootloader's C log as a library of this process, and what it makes of a pool beside what the host makes of it."""

from __future__ import annotations

import ctypes
from pathlib import Path

from harness.image.log import HEADER_BYTES, PLACE_BYTES, LogState
from harness.image.pool import next_page, read_pool


class Power(ctypes.Structure):
    """Where power is lost, and how the cells tear."""

    _fields_ = (("cut_at", ctypes.c_uint32), ("tear", ctypes.c_uint32), ("seed", ctypes.c_uint64))


class Said(ctypes.Structure):
    """A state of the log as the C sources say it."""

    _fields_ = (
        ("counter", ctypes.c_uint64),
        ("patch", ctypes.c_uint64),
        ("stage", ctypes.c_uint32),
        ("closed", ctypes.c_uint32),
        ("steps", ctypes.c_uint32),
        ("scratch", ctypes.c_uint32),
        ("is_inverted", ctypes.c_uint32),
        ("cursor", ctypes.c_uint32),
        ("key", ctypes.c_uint32),
    )

    def state(self) -> LogState:
        """Return it as the host says it."""
        return LogState(self.counter, self.stage, self.closed, self.steps, self.scratch, bool(self.is_inverted), self.cursor, self.patch, self.key)


class Readings(ctypes.Structure):
    """What the C sources read from the flash."""

    _fields_ = (
        ("state", Said),
        ("page", ctypes.c_uint32),
        ("used", ctypes.c_uint32),
        ("sequence", ctypes.c_uint32),
        ("half", ctypes.c_uint32),
        ("next_page", ctypes.c_uint32),
        ("is_settled", ctypes.c_uint32),
        ("misuses", ctypes.c_uint32),
    )

    def log(self) -> dict[str, object]:
        """Return what they make of the pool, by name."""
        names = ("page", "used", "sequence", "half", "next_page", "is_settled")
        return {"state": self.state.state(), **{name: getattr(self, name) for name in names}}


def host_log(content: bytes, page_bytes: int) -> dict[str, object]:
    """Return what the host makes of a pool, in the words of the C sources."""
    pages = len(content) // page_bytes
    pool = read_pool(content, page_bytes=page_bytes)
    return {
        "state": pool.state,
        "page": pages if pool.active is None else pool.active,
        "used": 0 if pool.active is None else (page_bytes - HEADER_BYTES) // PLACE_BYTES - pool.room,
        "sequence": pool.sequence,
        "half": sum(1 << page for page in pool.half),
        "next_page": next_page(pool, pages),
        "is_settled": pool.settled,
    }


def load_log_library(path: Path) -> ctypes.CDLL:
    """Load a library of `build_log_library`."""
    library = ctypes.CDLL(str(path))
    library.steps_new_device.restype = ctypes.c_void_p
    library.steps_read.restype = Readings
    library.steps_settle.argtypes = library.steps_take_scratch.argtypes = (Power,)
    library.steps_write.argtypes = (Said, Power)
    return library
