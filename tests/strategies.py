"""What property tests draw from."""

from __future__ import annotations

from hypothesis import strategies as st

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
