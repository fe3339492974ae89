"""A log that counts as having room makes no difference: where it does, a search begins again, and tells more places apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.campaign.search.expand import Expander, Expansion, Task
from harness.campaign.search.rooms import OutlivedError, Rooms, TooLittleRoomError, enough_for
from harness.campaign.search.state import State
from harness.campaign.search.state_store import Known

SECOND = Known(number=7, kind=3, twin=None, depth=2, root=0, parent=3, repeats=1)
"""A state that is booted because it has more room than the first of its kind."""


@pytest.fixture(scope="module", name="expansion")
def _expansion(expander: Expander, update: State) -> Expansion:
    """What came of booting a state whose log has as much room as any."""
    expansion = expander.expand(Task(update, cut=False))
    return replace(expansion, used=(3,), meaning=replace(expansion.meaning, rooms=(30,)))


def rooms() -> Rooms:
    """Return rooms that are enough for a run which takes three places."""
    return Rooms(enough_for((3,)), {}, by_kind=False)


def test_a_run_that_takes_no_more_than_it_may_is_right(expansion: Expansion) -> None:
    """After a repeated cut too, and with more room than another one, as long as it does the same."""
    rooms().check(SECOND, expansion, before=b"another", kind=expansion.behaviour)
    rooms().check(replace(SECOND, repeats=9), expansion, before=expansion.behaviour, kind=None)
    Rooms((), {}, by_kind=False).check(SECOND, replace(expansion, used=(9,)), before=None, kind=b"another")


def test_a_run_that_takes_more_places_says_how_many(expansion: Expansion) -> None:
    """So that the next search has room for it."""
    with pytest.raises(TooLittleRoomError) as raised:
        rooms().check(SECOND, replace(expansion, used=(4,)), before=None, kind=None)
    assert raised.value.used == (4,)


def test_a_run_that_goes_on_in_another_page_makes_every_place_count(expansion: Expansion) -> None:
    """Of the log that it outlives; and only from where there was room."""
    outlives = replace(expansion, used=(None,))
    with pytest.raises(OutlivedError) as raised:
        rooms().check(SECOND, outlives, before=None, kind=None)
    assert raised.value.log == 0
    rooms().check(SECOND, replace(outlives, meaning=replace(outlives.meaning, rooms=(2,))), before=None, kind=None)


@pytest.mark.parametrize(("repeats", "before", "kind"), [(9, b"another", None), (1, b"another", b"another")], ids=["a repeated cut", "more room"])
def test_a_run_that_does_something_else_for_its_room_is_noticed(expansion: Expansion, repeats: int, before: bytes, kind: bytes | None) -> None:
    """What a state does must not depend on how often a cut came, or on how much more than enough there is."""
    with pytest.raises(TooLittleRoomError):
        rooms().check(replace(SECOND, repeats=repeats), expansion, before=before, kind=kind)
