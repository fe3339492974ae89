"""Which scenarios have hostile images, and what an unknown case comes to."""

from __future__ import annotations

import pytest

from harness.errors import InputError
from harness.scenario.download.host import Download
from harness.scenario.hostile import HostileCases, find_case
from harness.scenario.prepare import PrepareOptions, prepare


def test_a_scenario_that_installs_nothing_has_none() -> None:
    """It stages modules alone: there is no image to forge from, an unknown case is unknown, and its own are found."""
    scenario = prepare("stm32f103/speck-module", PrepareOptions())
    with pytest.raises(InputError, match="installs no update that is staged from the start, or that a host sends"):
        HostileCases(scenario)
    with pytest.raises(KeyError):
        find_case(scenario, "key-foreign")
    assert find_case(scenario, "update") is scenario.case("update")


def test_a_host_sends_what_it_would_send_otherwise() -> None:
    """Where the update comes over the UART, so does the hostile patch: once, in whole blocks that end as the erased slot does."""
    scenario = prepare("stm32f103/speck-download", PrepareOptions())
    case = find_case(scenario, "truncated-last-byte")
    assert isinstance(case.peer, Download)
    assert (case.peer.attempts, len(case.peer.content) % 128) == (1, 0)
    assert case.peer.content.endswith(b"\xff")
    assert case.state is scenario.case("download").state
