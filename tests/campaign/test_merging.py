"""Which states a search takes for one changes neither what happens nor how many cuts there are."""

from __future__ import annotations

import pytest

from harness.campaign.search.closure import search
from harness.campaign.search.expand import SearchSettings
from harness.campaign.search.outcome import SearchOptions
from harness.campaign.search.state import Merging
from harness.scenario.prepare import PrepareOptions, prepare
from tests.campaign.stops import never

BOOKKEEPINGS = {
    "counter and journal": ("stm32f103/speck-full", "counter-behind"),
    "log and scratch pages": ("stm32f103/speck-delta", "forged"),
}
"""A scenario and a short case of it, by what its bootloader keeps records in."""


@pytest.mark.parametrize("bookkeeping", BOOKKEEPINGS)
def test_merging_changes_neither_what_happens_nor_how_many_cuts_there_are(bookkeeping: str) -> None:
    """One cut deep, the states told apart by every byte end as those that are taken for one."""
    reference, case = BOOKKEEPINGS[bookkeeping]
    scenario = prepare(reference, PrepareOptions())
    results = [search(scenario, SearchOptions(SearchSettings(merging=merging), depth=1, only_case=case, stop_when=never)) for merging in Merging]

    assert len({result.faults for result in results}) == 1
    assert len({frozenset(result.outcomes) for result in results}) == 1
    assert all(result.finished and not result.violations for result in results)
    by_bytes, by_meaning, by_room = (result.states for result in results)
    assert by_bytes > by_meaning >= by_room
