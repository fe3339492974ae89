"""Searches through states of a bootloader whose log and scratch pages share a ring: what is taken for one behaves as one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from harness.campaign.boots import run_until_settled
from harness.campaign.search.children import ChildFinder
from harness.campaign.search.closure import search
from harness.campaign.search.expand import Expander, SearchSettings, Task
from harness.campaign.search.outcome import SearchOptions
from harness.campaign.search.state import Geography, State, leaders_of, start_of
from harness.fault.faults import Tear
from harness.image.log import HEADER_BYTES, PLACE_BYTES
from harness.machine.engines import make_machine
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

REFUSED = "forged"
"""A case that is over after one record of the log."""


def test_a_refusal_survives_any_number_of_cuts(in_place: PreparedScenario) -> None:
    """A closure, over moves of the log from page to page, with pages on the way that may come to count: finished, and no state behaved unlike its twin."""
    result = search(in_place, SearchOptions(only_case=REFUSED))

    assert (result.finished, result.violations, result.told_apart) == (True, [], 0)
    assert result.compared > 0
    assert result.deepest > 12


def test_no_series_of_cuts_makes_room_for_a_key(in_place: PreparedScenario) -> None:
    """With every place used, a patch that brings a key is refused, however often and wherever power is lost."""
    result = search(in_place, SearchOptions(only_case="key-places-used"))

    assert (result.finished, result.violations, result.told_apart) == (True, [], 0)


def test_cuts_inside_a_scratch_page_are_one_state(in_place: PreparedScenario, expander: Expander, update: State) -> None:
    """Of cuts that are counted together, some are made one by one, with all that they leave: the same behaviour, and none looks behind the page's head."""
    geography = Geography(in_place)
    child = max(
        (child for child in expander.expand(Task(update)).children if set(child.state.open_pages) & geography.bookkeeping), key=lambda child: child.faults
    )
    first = child.fault.operation
    drawn = random.Random(1).sample(range(first + 20, first + 400), 6)
    picked = [replace(child.fault, operation=operation, tear=tear) for operation, tear in zip(drawn, [Tear.SOME, Tear.MOST, Tear.ALL] * 2, strict=True)]

    made = [expander.expand(Task(update, pick=fault)).children for fault in picked]
    twins = [expander.expand(Task(one.state, cut=False)) for (one,) in made]

    assert child.faults > 2000
    assert {one.key for (one,) in made} == {child.key}
    assert len({one.content for (one,) in made}) == len(made)
    assert {twin.behaviour for twin in twins} == {expander.expand(Task(child.state, cut=False)).behaviour}
    assert {twin.looked_at for twin in twins} == {None}


def test_a_boot_that_looks_behind_the_head_of_a_page_is_noticed(in_place: PreparedScenario, expander: Expander, update: State) -> None:
    """The page that the log is in, said to be open."""
    geography = Geography(in_place)
    page = geography.page_at(geography.meaning(in_place.cases[update.leader].state.flash).free[0].start)

    assert expander.expand(Task(replace(update, open_pages=(page,)), cut=False)).looked_at == page


def test_where_a_run_outlives_its_log_every_place_counts(in_place: PreparedScenario) -> None:
    """An update that writes more records than a log page holds: wherever its log ends, it ends in the middle of a run."""

    class OneState:
        """Ends a search with its first state."""

        def searching(self, booted: int, reached: int, violations: int) -> None:
            """See `SearchObserver`."""
            del booted, reached, violations
            raise KeyboardInterrupt

        def shrinking(self, number: int, count: int) -> None:
            """See `SearchObserver`."""

    most = (in_place.device.flash.page_bytes.value - HEADER_BYTES) // PLACE_BYTES
    long, short = (search(in_place, SearchOptions(only_case=case), OneState()).enough[0] for case in ("update", REFUSED))

    assert long > most > short > 0


@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
def test_children_of_which_the_log_says_at_once_what_they_are_taken_for_are_those_that_are_made(chip: str) -> None:
    """With and without the shortcut: the same states, samples, faults, wear and moments, of a start and of the recovery from a torn record."""
    scenario = prepare(f"{chip}/speck-delta", PrepareOptions())
    geography, settings = Geography(scenario), SearchSettings()
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    state = start_of(scenario, [case.name for case in scenario.cases].index("update"))
    for _ in ("start", "recovery"):
        run = run_until_settled(machine, scenario, scenario.cases[state.leader], state.non_volatile(scenario), settings.seed)
        made, told = (
            ChildFinder(geography, run, state, settings.tears, settings.seed, settings.merging, one_by_one=one_by_one) for one_by_one in (True, False)
        )
        made.find()
        told.find()
        assert (told.faults, told.clock_ps) == (made.faults, made.clock_ps)
        assert told.found == made.found
        state = next(child.state for child in told.found.values() if child.fault.tear is Tear.SOME)
    machine.close()


def test_a_start_with_many_children_has_some_of_them_compared(expander: Expander, update: State) -> None:
    """They are drawn from all, all cuts are still counted, and every kind is still there."""
    alike, apart = (expander.expand(Task(update, apart=apart)) for apart in (False, True))

    assert sum(child.sampled for child in apart.children) == 1024 < len(apart.children)
    assert sum(child.faults for child in apart.children) == apart.faults == alike.faults
    assert {(child.key, child.meaning.rooms) for child in apart.children} == {(child.key, child.meaning.rooms) for child in alike.children}


def test_cases_with_other_hosts_are_not_judged_for_each_other() -> None:
    """Downloads over lines with other faults begin with the same flash, and are other boots."""
    download = prepare("stm32f103/speck-download", PrepareOptions())
    hosts = [case.peer.identity for case in download.cases if case.peer is not None]

    assert len(set(hosts)) > 8
    assert [hosts[leader] for leader in leaders_of(download)] == hosts
