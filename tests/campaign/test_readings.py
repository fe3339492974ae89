"""What the bookkeeping may say while some of its cells read differently from boot to boot: on a toy of two records, each its value."""

from __future__ import annotations

import pytest

from harness.campaign.search.readings import Readings
from harness.device.memory import CellState, DisturbedCells
from harness.scenario.prepared import Meaning

RECORDS = range(4)


def greatest(flash: bytearray) -> Meaning:
    """A log of four bytes: it says the greatest that is not blank, and has as many places as are blank behind the last."""
    used = max((place + 1 for place in RECORDS if flash[place] != 0xFF), default=0)
    return Meaning(bytes([max((flash[place] for place in RECORDS if flash[place] != 0xFF), default=0)]), (4 - used,), (range(used, 4),))


def cells(place: int, mask: int, state: CellState = CellState.METASTABLE) -> DisturbedCells:
    """Disturbed cells of one record."""
    return DisturbedCells(place, bytes([mask]), state)


READINGS = Readings(0, lambda address: address // 4, {0}, greatest)

CASES = {
    "cells that never make a record the greatest are silent": ([7, 3, 0xFF, 0xFF], cells(1, 0b10), True),
    "cells of the greatest record decide": ([7, 9, 0xFF, 0xFF], cells(1, 0b1000), False),
    "cells that can make a record blank decide": ([7, 0xFE, 0xFF, 0xFF], cells(1, 0b1), False),
    "weak cells read as they are": ([7, 9, 0xFF, 0xFF], cells(3, 0xFF, CellState.WEAK), True),
    "cells outside of the bookkeeping are no part of it": ([7, 9, 0xFF, 0xFF, 1], cells(4, 1), False),
}


@pytest.mark.parametrize(("flash", "disturbed", "silent"), CASES.values(), ids=CASES)
def test_cells_that_decide_nothing_are_silent(flash: list[int], disturbed: DisturbedCells, silent: bool) -> None:
    """Each alone, under every reading."""
    assert (disturbed in READINGS.silent(bytearray(flash), (disturbed,))) == silent


def test_what_silent_cells_read_does_not_tell_states_apart() -> None:
    """Whatever they read now: the bookkeeping says the same as without them."""
    disturbed = (cells(1, 0b10),)

    said = {READINGS.meaning(bytearray([7, value, 0xFF, 0xFF]), disturbed, frozenset()).says for value in (1, 3)}

    assert said == {greatest(bytearray([7, 3, 0xFF, 0xFF])).says}


def test_what_may_be_said_otherwise_tells_states_apart() -> None:
    """A record that reads 9 in one boot and 1 in another is neither: not even where it reads 9 now."""
    stable = READINGS.meaning(bytearray([7, 9, 0xFF, 0xFF]), (), frozenset())
    either = READINGS.meaning(bytearray([7, 9, 0xFF, 0xFF]), (cells(1, 0b1000),), frozenset())

    assert stable.says == bytes([9])
    assert either.says.startswith(bytes([9]))
    assert either.says != stable.says
    assert either.rooms == stable.rooms


def test_weak_cells_where_records_are_still_to_go_tell_states_apart() -> None:
    """They may lose what is written there."""
    flash = bytearray([7, 0xFF, 0xFF, 0xFF])

    assert READINGS.meaning(flash, (cells(2, 0xFF, CellState.WEAK),), frozenset()).says != greatest(flash).says
