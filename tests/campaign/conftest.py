"""What tests of several searches begin with: an update in place, and a machine that boots its states."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.campaign.search.expand import Expander, SearchSettings
from harness.campaign.search.state import State, start_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario


@pytest.fixture(scope="session", name="in_place")
def _in_place() -> PreparedScenario:
    """A bootloader that rebuilds its application in place, with log and scratch pages in one ring."""
    return prepare("stm32f103/speck-delta", PrepareOptions())


@pytest.fixture(scope="session", name="expander")
def _expander(in_place: PreparedScenario) -> Iterator[Expander]:
    """A machine for its states."""
    expander = Expander(in_place, SearchSettings())
    yield expander
    expander.close()


@pytest.fixture(scope="session", name="update")
def _update(in_place: PreparedScenario) -> State:
    """The start of an update in place."""
    return start_of(in_place, [case.name for case in in_place.cases].index("update"))
