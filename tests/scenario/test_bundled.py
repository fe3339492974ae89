"""The bundled scenarios: the same questions on either chip, and flash contents that ask what the case says."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace

import pytest

from harness.image.metadata import JOURNAL_RECORD_BYTES, PAGES
from harness.image.spk import HEADER_BYTES, SpkHeader
from harness.scenario.model import load_scenario, scenario_names
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

SPECK_FULL = [name for name in scenario_names() if name.endswith("/speck-full")]


@pytest.fixture(scope="module", params=SPECK_FULL)
def scenario(request: pytest.FixtureRequest) -> PreparedScenario:
    """Each of them, built."""
    return prepare(request.param, PrepareOptions())


def test_all_chips_are_asked_the_same() -> None:
    """The scenarios of the chips differ in device, parts, and the time that the chip is allowed."""
    assert SPECK_FULL == ["nrf51822/speck-full", "nrf52840/speck-full", "stm32f103/speck-full"]
    first, *others = (load_scenario(name) for name in SPECK_FULL)
    for other in others:
        assert first.case == other.case
        for budget in ("boots", "settling_boots", "page_erases"):
            assert getattr(first.limits, budget) == getattr(other.limits, budget)


def blank_journal_places(scenario: PreparedScenario, case: str) -> int:
    """Return how many places at the end of the staged journal page (metadata page 2) are blank."""
    metadata = scenario.region_bytes(scenario.case(case).state.flash, "metadata")
    page_bytes = len(metadata) // PAGES
    page = metadata[2 * page_bytes : 3 * page_bytes]
    return (page_bytes - len(page.rstrip(b"\xff"))) // JOURNAL_RECORD_BYTES


def test_the_update_does_not_fit_in_the_nearly_full_journal(scenario: PreparedScenario) -> None:
    """After `started` the page has no place for a `copied` of every page: the journal moves while pages are left to copy."""
    page_bytes = scenario.device.flash.page_bytes.value
    pages = -(-(HEADER_BYTES + scenario.application_bytes) // page_bytes)
    assert 0 < blank_journal_places(scenario, "journal-rotation") < pages
    assert blank_journal_places(scenario, "update") > pages + 2


def test_a_device_holds_what_its_layout_says(scenario: PreparedScenario) -> None:
    """The installed image lies in the application region, the staged one in the slot, and all regions fit without overlap."""
    flash = scenario.case("update").state.flash
    assert scenario.region_bytes(flash, "application").startswith(b"SPK\x02")
    assert scenario.region_bytes(flash, "slot").startswith(b"SPK\x02")
    assert len(flash) == scenario.device.parts[scenario.part].flash_bytes.value
    ordered = sorted(scenario.regions.values(), key=lambda region: region.address)
    assert all(before.addresses.stop <= after.address for before, after in itertools.pairwise(ordered))
    assert len(scenario.region_bytes(flash, "slot")) == len(scenario.region_bytes(flash, "application"))


def test_a_header_that_a_cut_left_half_written_costs_no_memory(scenario: PreparedScenario) -> None:
    """Its vector table lies four gigabytes behind the image: what nobody wrote there reads erased, and nobody puts it together."""
    flash = scenario.case("update").state.flash
    start = scenario.regions["application"].address - scenario.flash_address
    torn = replace(SpkHeader.from_bytes(flash[start:]), entry_offset=0xFFFF0000).to_bytes()
    tracemalloc.start()
    try:
        image = scenario.format.installed_image(flash[:start] + torn + flash[start + len(torn) :])
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert image is not None
    assert (image.authentic, image.reset_address, image.initial_stack) == (False, 0xFFFFFFFE, 0xFFFFFFFF)
    assert most_bytes < 2**24
