"""What a search takes for one differs in nothing that decides anything: each part of a state tells its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.campaign.search.state import Geography, Merging, State, label_of, leaders_of, start_of
from harness.device.memory import CellState, DisturbedCells
from harness.oracle.run import CutWear
from harness.scenario.model import ExpectedEnd, ModuleEnd
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedModule, PreparedScenario

REFERENCE = "nrf52840/speck-full"
"""Its flash remembers writes and parts of an erase, too."""


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare(REFERENCE, PrepareOptions())


@pytest.fixture(scope="module", name="geography")
def _geography(scenario: PreparedScenario) -> Geography:
    return Geography(scenario)


@pytest.fixture(scope="module", name="start")
def _start(scenario: PreparedScenario) -> State:
    return start_of(scenario, [case.name for case in scenario.cases].index("update"))


def kind(scenario: PreparedScenario, geography: Geography, state: State) -> bytes:
    """Return what a state is taken for, rooms apart."""
    return geography.kind_of(bytearray(state.non_volatile(scenario).flash), state, Merging.MEANING)[0]


def with_bytes(scenario: PreparedScenario, geography: Geography, state: State, address: int, content: bytes) -> State:
    """Return a state whose flash holds something else at an address."""
    flash = bytearray(state.non_volatile(scenario).flash)
    start = address - scenario.flash_address
    flash[start : start + len(content)] = content
    pages = {geography.page_at(address), geography.page_at(address + len(content) - 1), *(page for page, _ in state.pages)}
    return replace(state, pages=geography.difference(state.leader, flash, pages))


Change = Callable[[PreparedScenario, Geography, State], State]


def in_application(scenario: PreparedScenario, offset: int = 0) -> int:
    """Return an address in the region that an update rebuilds."""
    return scenario.regions["application"].address + offset


def next_place(scenario: PreparedScenario, geography: Geography, state: State, log: int = 1) -> int:
    """Return where the next record of a log goes."""
    return geography.meaning(state.non_volatile(scenario).flash).free[log].start


def disturbed(address: int) -> tuple[DisturbedCells, ...]:
    """Return cells that read differently from boot to boot."""
    return (DisturbedCells(address, b"\x01\x00\x00\x00", CellState.METASTABLE),)


OTHER_KINDS: dict[str, Change] = {
    "another case's start": lambda scenario, _, state: replace(start_of(scenario, [case.name for case in scenario.cases].index("forged")), pages=state.pages),
    "option bytes": lambda _s, _g, state: replace(state, option_bytes=b"\0" * len(state.option_bytes)),
    "a page that is rebuilt": lambda scenario, geography, state: with_bytes(scenario, geography, state, in_application(scenario), b"\0" * 4),
    "a page that does not matter": lambda scenario, geography, state: replace(state, open_pages=(geography.page_at(in_application(scenario)),)),
    "writes of a word": lambda scenario, _, state: replace(state, writes=((in_application(scenario), 2),)),
    "writes of a word where the next record goes": lambda scenario, geography, state: replace(state, writes=((next_place(scenario, geography, state), 1),)),
    "parts of an erase": lambda scenario, _, state: replace(state, partial_erases=((in_application(scenario), 10),)),
    "a greater counter that was seen": lambda _s, _g, state: replace(state, counter=state.counter + 1),
    "a greater counter of modules that was seen": lambda _s, _g, state: replace(state, module_counter=1),
    "cells of the application": lambda scenario, _, state: replace(state, disturbed=disturbed(in_application(scenario))),
    "a record": lambda scenario, geography, state: replace(
        with_bytes(scenario, geography, state, scenario.regions["metadata"].address, b"\0" * 4096), counter=0
    ),
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_what_decides_something_tells_two_states_apart(scenario: PreparedScenario, geography: Geography, start: State, name: str) -> None:
    """Each part of a state by itself."""
    other = OTHER_KINDS[name](scenario, geography, start)

    assert kind(scenario, geography, other) != kind(scenario, geography, start)


def test_cells_are_told_apart_by_place_bits_and_state(scenario: PreparedScenario, geography: Geography, start: State) -> None:
    """And a page's content by the page that holds it."""
    cells = [
        DisturbedCells(in_application(scenario, offset), mask, state)
        for offset, mask, state in (
            (0, b"\1", CellState.METASTABLE),
            (4, b"\1", CellState.METASTABLE),
            (0, b"\2", CellState.METASTABLE),
            (0, b"\1", CellState.WEAK),
        )
    ]
    pages = [((page, bytes(geography.page_bytes)),) for page in sorted(geography.may_be_open)[:2]]

    assert len({kind(scenario, geography, replace(start, disturbed=(one,))) for one in cells}) == len(cells)
    assert len({kind(scenario, geography, replace(start, pages=one)) for one in pages}) == len(pages)


def test_room_tells_states_apart_until_it_is_enough() -> None:
    """Of each log by itself; where every place counts, always."""
    key = b"k"

    assert label_of(key, (9, 5), ()) != label_of(key, (9, 6), ()) != label_of(key, (8, 6), ())
    assert label_of(key, (9, 5), (4, 6)) != label_of(key, (9, 6), (4, 6)) == label_of(key, (4, 7), (4, 6)) != label_of(key, (3, 7), (4, 6))


def torn(scenario: PreparedScenario, geography: Geography, state: State, content: bytes) -> State:
    """Return a state in which a record of the journal is torn to something."""
    return with_bytes(scenario, geography, state, next_place(scenario, geography, state), content)


def opened(scenario: PreparedScenario, geography: Geography, state: State, content: bytes) -> State:
    """Return a state in which the first page of the application does not matter, whatever it holds."""
    changed = with_bytes(scenario, geography, state, in_application(scenario), content)
    return replace(changed, open_pages=(geography.page_at(in_application(scenario)),))


SAME_KIND: dict[str, tuple[Change, Change]] = {
    "how a record is torn": (
        lambda scenario, geography, state: torn(scenario, geography, state, b"\0" * 4),
        lambda scenario, geography, state: torn(scenario, geography, state, b"\x55" * 4),
    ),
    "what an open page holds": (
        lambda scenario, geography, state: opened(scenario, geography, state, b"\0" * 4),
        lambda scenario, geography, state: opened(scenario, geography, state, b"\x55" * 4),
    ),
    "page erases before": (lambda _s, _g, state: replace(state, wear=CutWear(1, 2)), lambda _s, _g, state: replace(state, wear=CutWear(3, 4))),
    "a counter that is shown": (lambda _s, _g, state: replace(state, counter=0), lambda _s, _g, state: state),
    "writes of a record that is there": (
        lambda scenario, _, state: replace(state, writes=((scenario.regions["metadata"].address, 2),)),
        lambda _s, _g, state: state,
    ),
}


@pytest.mark.parametrize("name", SAME_KIND)
def test_what_decides_nothing_does_not(scenario: PreparedScenario, geography: Geography, start: State, name: str) -> None:
    """Else no search would end."""
    one, other = (change(scenario, geography, start) for change in SAME_KIND[name])

    assert one != other
    assert kind(scenario, geography, one) == kind(scenario, geography, other)


def test_cases_that_are_judged_otherwise_are_not_taken_for_each_other(scenario: PreparedScenario) -> None:
    """The first case of all that hold and want the same; each that wants something else leads itself."""
    update = scenario.case("update")
    flash = bytearray(update.state.flash)
    flash[scenario.regions["slot"].address - scenario.flash_address] ^= 1
    counted = next(case for case in scenario.cases if scenario.format.counter(case.state.flash) != scenario.format.counter(update.state.flash))
    metadata = scenario.regions["metadata"].address - scenario.flash_address
    counter = update.state.flash[:metadata] + counted.state.flash[metadata:]
    changes: dict[str, dict[str, object]] = {
        "the same": {},
        "another end": {"end": ExpectedEnd.OLD},
        "another image installed": {"installed_digest": "0"},
        "another image staged": {"staged_digest": "0"},
        "another refusal": {"refusal": 4},
        "other option bytes": {"state": replace(update.state, option_bytes=b"\0" * len(update.state.option_bytes))},
        "another slot": {"state": replace(update.state, flash=bytes(flash))},
        "another counter": {"state": replace(update.state, flash=counter)},
        "a new key": {"rotates_key": True},
        "a module": {"module": PreparedModule(ModuleEnd.NONE, None, None, None)},
        "another version installed": {"installed_version": 77},
    }
    cases = tuple(replace(update, name=name, **change) for name, change in changes.items())  # type: ignore[arg-type]

    assert leaders_of(replace(scenario, cases=(update, *cases))) == (0, 0, *range(2, 12))
