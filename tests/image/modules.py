"""Modules for tests: one that is right, and every way in which one can be wrong."""

from __future__ import annotations

import dataclasses
import struct

from hypothesis import strategies as st

from harness.image.module import Module

MEMORY_BYTES = 2048
HOST_VERSION = 7

GOOD = Module(blob=struct.pack("<6I", 0xBF00BF00, 0x4770BF00, 0, 5, 24, 32), entry=4, relocations=(8, 12, 16, 20), zero_bytes=8, oldest_host=HOST_VERSION)
"""Its words point to its first byte, to a Thumb function, right behind its blob, and right behind its last byte."""


def _with(**fields: object) -> bytes:
    return dataclasses.replace(GOOD, **fields).to_payload()  # type: ignore[arg-type] # names and types are those of the fields


def _field(offset: int, value: int) -> bytes:
    payload = GOOD.to_payload()
    return payload[:offset] + struct.pack("<I", value) + payload[offset + 4 :]


def _counted(count: int, module: Module) -> bytes:
    payload = module.to_payload()
    return payload[:12] + struct.pack("<I", count) + payload[16:]


MALFORMED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 4),
    "fields cut short": (GOOD.to_payload()[:23], 4),
    "fields and nothing behind them": (GOOD.to_payload()[:24], 4),
    "cut short by a byte": (GOOD.to_payload()[:-1], 4),
    "a byte too many": (GOOD.to_payload() + b"\0", 4),
    "another ABI": (_with(abi=2), 4),
    "ABI 0": (_with(abi=0), 4),
    "a reserved field": (_with(reserved=1), 4),
    "no blob": (_with(blob=b"", relocations=()), 0),
    "a blob of no whole words": (_with(blob=GOOD.blob + b"\0\0"), 4),
    "zeros of no whole words": (_with(zero_bytes=6), 4),
    "more zeros than memory": (_with(zero_bytes=MEMORY_BYTES), 4),
    "a sum that wraps": (_field(8, 2**32 - 4), 4),
    "a sum that wraps, and nothing to relocate": (_with(relocations=(), zero_bytes=2**32 - 8), 4),
    "a blob that wraps": (_field(4, 2**32 - 4), 4),
    "a count that wraps to the right size": (_field(12, 2**30 + 4), 4),
    "a count that wraps to 0, and a blob that reads as offsets": (_counted(2**30, Module(struct.pack("<4I", 0, 4, 8, 12), 0)), 0),
    "one relocation more than there are": (_field(12, 5), 4),
    "one relocation fewer than there are": (_field(12, 3), 4),
    "an application that is too old": (_with(oldest_host=HOST_VERSION + 1), 4),
    "an application that is far too old": (_with(oldest_host=2**64 - 1), 4),
    "a relocation right behind the blob": (_with(relocations=(8, 24)), 4),
    "a relocation across the end of the blob": (_with(relocations=(8, 22)), 4),
    "a relocation far behind the blob": (_with(relocations=(2**32 - 4,)), 4),
    "a relocation before the blob by wrapping": (_with(relocations=(2**32 - 20,)), 4),
    "a relocation of no whole word": (_with(relocations=(9,)), 4),
    "a relocation twice": (_with(relocations=(8, 8)), 4),
    "relocations out of order": (_with(relocations=(12, 8)), 4),
    "a word that points behind the module": (_with(zero_bytes=4), 4),
    "a word that is an address of the device": (_with(relocations=(0, 8)), 4),
    "an odd entry": (GOOD.to_payload(), 5),
    "an entry behind the blob": (GOOD.to_payload(), 24),
    "an entry far behind the blob": (GOOD.to_payload(), 2**32 - 2),
}
"""Payload and entry offset of each."""


@st.composite
def modules(draw: st.DrawFn) -> Module:
    """Draw a module that a loader takes: any code, and any words that point into it."""
    words = draw(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40))
    zero_bytes = 4 * draw(st.integers(0, 20))
    relocated = sorted(draw(st.sets(st.integers(0, len(words) - 1))))
    for word in relocated:
        words[word] = draw(st.integers(0, 4 * len(words) + zero_bytes))
    entry = 2 * draw(st.integers(0, 2 * len(words) - 1))
    blob = struct.pack(f"<{len(words)}I", *words)
    return Module(blob, entry, tuple(4 * word for word in relocated), zero_bytes, draw(st.integers(0, HOST_VERSION)))
