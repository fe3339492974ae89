"""A NOR flash file: erase before write, counted page by page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device.nor import HEADER, NorFlash
from harness.errors import InputError
from harness.report.nor_view import nor_advice

PAGE_BYTES, PAGES = 16, 4
SIZE_BYTES = PAGE_BYTES * PAGES


def wants_an_erase(held: bytes, wanted: bytes) -> bool:
    """Whether some bit has to be set."""
    return any(new & ~old for old, new in zip(held, wanted, strict=True))


@given(st.lists(st.tuples(st.integers(0, SIZE_BYTES - 1), st.binary(min_size=1, max_size=40)), max_size=8))
def test_what_is_installed_is_there_and_nothing_else_changed(writes: list[tuple[int, bytes]]) -> None:
    """Installing behaves as an ordinary memory does, and erases only pages in which a bit had to be set."""
    nor, model = NorFlash.blank(SIZE_BYTES, PAGE_BYTES), bytearray(b"\xff" * SIZE_BYTES)
    for offset, data in writes:
        before, wanted = list(nor.erase_counts), bytearray(model)
        wanted[offset : offset + len(data)] = data
        if len(wanted) > SIZE_BYTES:
            with pytest.raises(InputError, match="past the flash"):
                nor.install(offset, data)
            continue
        needed = [
            any(new & ~old for old, new in zip(model[at : at + PAGE_BYTES], wanted[at : at + PAGE_BYTES], strict=True))
            for at in range(0, SIZE_BYTES, PAGE_BYTES)
        ]
        assert nor.install(offset, data) == sum(needed)
        assert nor.erase_counts == [count + need for count, need in zip(before, needed, strict=True)]
        model = wanted
    assert nor.content == model
    again = NorFlash.from_bytes(nor.to_bytes(), "flash")
    assert (again.content, again.erase_counts, again.page_bytes) == (nor.content, nor.erase_counts, PAGE_BYTES)


def test_programming_sets_no_bit() -> None:
    """A byte that is not erased refuses what it cannot hold, and nothing is written."""
    nor = NorFlash.blank(SIZE_BYTES, PAGE_BYTES)
    nor.program(0, b"\x0f")
    nor.program(0, b"\x0e")
    with pytest.raises(InputError, match="the byte at 0x0 is not erased"):
        nor.program(0, b"\x0f\x00")

    assert nor.content[:2] == b"\x0e\xff"


GOOD = NorFlash.blank(SIZE_BYTES, PAGE_BYTES).to_bytes()
BROKEN = {
    "empty": b"",
    "another file": b"x" * 100,
    "cut in its counts": GOOD[: HEADER.sizeof() + 3],
    "cut in its bytes": GOOD[:-1],
    "longer than it says": GOOD + b"x",
    "no pages": HEADER.build({"magic": b"NORFILE\x01", "page_bytes": 16, "pages": 0}),
    "more than any flash": HEADER.build({"magic": b"NORFILE\x01", "page_bytes": 2**31, "pages": 2**31}),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_another_file_is_named(data: bytes) -> None:
    """A file that is no flash, or is cut short, is an error that names it."""
    with pytest.raises(InputError, match=r"flash\.nor: "):
        NorFlash.from_bytes(data, "flash.nor")


def test_advice_names_the_page_that_wears_out_first() -> None:
    """Even wear calls for nothing; one page far above the others, and one past its endurance, are named."""
    even = NorFlash(b"\xff" * SIZE_BYTES, PAGE_BYTES, [5, 5, 6, 5])
    uneven = NorFlash(b"\xff" * SIZE_BYTES, PAGE_BYTES, [5, 50, 6, 5])
    worn = NorFlash(b"\xff" * SIZE_BYTES, PAGE_BYTES, [0, 0, 10_000, 0])

    assert nor_advice(even, 10_000) == ["No page stands out."]
    assert "page 1 wears out first" in nor_advice(uneven, 10_000)[0]
    assert "page 2 is past its endurance" in nor_advice(worn, 10_000)[0]
