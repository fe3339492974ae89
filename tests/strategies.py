"""What property tests draw from."""

from __future__ import annotations

from hypothesis import strategies as st

from harness.image.log import HEADER_BYTES, MARK, PLACE_BYTES, VALUE_END, LogState, PlaceKind, Stage, log_page, place

U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)

VERSIONS = U64
SEEDS = st.binary(min_size=32, max_size=32)
"""Seeds of Ed25519 keys."""

ENTRY_OFFSETS = st.sampled_from((0x170, 0x370, 0x570))


@st.composite
def codes(draw: st.DrawFn, *, entry_offset: int = 0x170) -> bytes:
    """Draw application code, long enough for a vector table at `entry_offset`."""
    return draw(st.binary(min_size=entry_offset + 8, max_size=entry_offset + 300))


@st.composite
def with_added_ones(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw what a tear can make of `content`: the same cells, some of them 1 where they should be 0."""
    anywhere = st.binary(min_size=len(content), max_size=len(content))
    in_one_byte = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)).map(
        lambda drawn: bytes(drawn[1] if place == drawn[0] else 0 for place in range(len(content)))
    )
    mask = draw(anywhere | in_one_byte)
    return bytes(byte | more for byte, more in zip(content, mask, strict=True))


@st.composite
def log_records(draw: st.DrawFn) -> bytes:
    """Draw what the places of a log page hold, one after the other: whole records, torn ones, blank places, and any bytes, in any order."""
    kinds = st.sampled_from(PlaceKind) | st.integers(0, 7)
    values = st.integers(0, 5) | st.integers(0, VALUE_END - 1)
    sequences = st.integers(0, 5) | st.integers(0, 2**31)
    whole = st.builds(place, kinds.filter(lambda kind: kind != PlaceKind.PAGE), values) | st.builds(place, st.just(PlaceKind.PAGE), sequences)
    begun = st.builds(lambda content, written: content[:written].ljust(PLACE_BYTES, b"\xff"), whole, st.integers(0, PLACE_BYTES) | st.just(PLACE_BYTES - 8))
    torn = whole.flatmap(with_added_ones)
    anything = st.binary(min_size=PLACE_BYTES, max_size=PLACE_BYTES)
    return b"".join(draw(st.lists(whole | begun | torn | st.just(b"\xff" * PLACE_BYTES) | anything, max_size=9)))


@st.composite
def pool_pages(draw: st.DrawFn, *, page_bytes: int) -> bytes:
    """Draw a page of a pool: a log page as it is written, one cut while it is written or erased, one of any records, a scratch page, or an erased one."""
    states = st.builds(
        LogState, counter=st.integers(0, 9), stage=st.sampled_from(Stage), scratch=st.integers(0, 6), cursor=st.integers(0, 255), patch=st.integers(0, 9)
    )
    written = st.builds(lambda state, sequence: log_page(state, sequence, page_bytes=page_bytes), states, st.integers(1, 9))
    continued = st.builds(lambda page, more: (page.rstrip(b"\xff") + more)[:page_bytes], written, log_records())
    cut = st.builds(lambda page, end: page[:end], written, st.integers(0, HEADER_BYTES + 4 * PLACE_BYTES) | st.just(HEADER_BYTES + 3 * PLACE_BYTES - 8))
    erased = written.flatmap(with_added_ones)
    records = st.builds(lambda mark, content: (mark.ljust(HEADER_BYTES, b"\xff") + content)[:page_bytes], st.sampled_from((MARK, b"\x01\0\0\0")), log_records())
    page = draw(written | continued | cut | erased | records | st.binary(max_size=page_bytes) | st.just(b""))
    return page.ljust(page_bytes, b"\xff")


def pools(*, page_bytes: int, pages: int) -> st.SearchStrategy[bytes]:
    """What flash may hold where a pool is: see `pool_pages`."""
    return st.lists(pool_pages(page_bytes=page_bytes), min_size=pages, max_size=pages).map(b"".join)
