"""Records of boots take no more memory than they may, and the oldest goes first."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pytest

from harness.device import NonVolatile
from harness.machine.boot_records import BootRecord, BootRecords, ReadSet
from harness.machine.protocol import Trace

from .firmware import compile_program, make_machine

PAGES = (0, 3)
CONTENT = bytes(1024)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Return what a boot of a real program was."""
    return make_machine().boot(NonVolatile(compile_program("copy.c").flash()), seed=1)


def holding(number: int) -> Callable[[ReadSet], Hashable]:
    """Return what says that the pages held what they held in boot `number`."""

    def ask(read_set: ReadSet) -> Hashable:
        assert read_set.pages == PAGES
        return ("page", number)

    return ask


def filled(trace: Trace, boots: int, *, room_for: int) -> BootRecords:
    """Return records of so many boots, with room for `room_for` of them."""
    record = BootRecord(trace, {3: CONTENT}, {}, ())
    records = BootRecords(limit_bytes=room_for * record.size_bytes)
    for number in range(boots):
        records.keep("key", PAGES, holding(number), record)
    return records


def is_known(records: BootRecords, number: int) -> bool:
    """Tell whether boot `number` is found."""
    return records.find("key", holding(number)) is not None


def test_the_oldest_is_given_up_first(trace: Trace) -> None:
    """Where three fit, the last three of five are found."""
    records = filled(trace, 5, room_for=3)

    assert len(records) == 3
    assert [number for number in range(5) if is_known(records, number)] == [2, 3, 4]


def test_what_fits_is_kept(trace: Trace) -> None:
    """Nothing is given up before the limit, and a boot that is kept twice takes room once."""
    records = filled(trace, 3, room_for=3)
    records.keep("key", PAGES, holding(1), BootRecord(trace, {3: CONTENT}, {}, ()))

    assert [number for number in range(3) if is_known(records, number)] == [0, 1, 2]


def test_one_that_is_too_large_leaves_nothing_behind(trace: Trace) -> None:
    """A record larger than the limit is not kept, and later ones are, as if it had not been."""
    records = filled(trace, 2, room_for=0)

    assert len(records) == 0
    assert not is_known(records, 0)
    assert not is_known(records, 1)
