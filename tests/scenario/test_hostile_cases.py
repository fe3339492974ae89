"""Which scenarios have hostile images, and what an unknown case comes to."""

from __future__ import annotations

import pytest

from harness.errors import InputError
from harness.scenario.hostile import HostileCases, find_case
from harness.scenario.prepare import PrepareOptions, prepare


def test_a_scenario_that_stages_nothing_from_the_start_has_none() -> None:
    """Its images come over the UART: there is none to forge from, an unknown case is unknown, and its own are found."""
    scenario = prepare("stm32f103/speck-download", PrepareOptions())
    with pytest.raises(InputError, match="installs no update that is staged from the start"):
        HostileCases(scenario)
    with pytest.raises(KeyError):
        find_case(scenario, "key-foreign")
    assert find_case(scenario, "download") is scenario.case("download")
