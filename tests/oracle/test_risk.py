"""Risk: from the stretches in which a cut does harm to devices per million."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.oracle.risk import BRICKED, HARMED, START, Chance, Exposure, Harm, Rest, Risk, Update, breaks, risks_of

SECOND = 10**12


def chance(source: int, target: int, begins_s: float, ends_s: float) -> Chance:
    """Return a stretch in one piece."""
    length = round((ends_s - begins_s) * SECOND)
    return Chance(source, target, length, length * (begins_s + ends_s) / 2 * SECOND)


def risk(chances: list[Chance], harmful: set[int], bricked: set[int], losses_per_hour: float = 1.0, rests: Sequence[Rest] = ()) -> Risk:
    """Return the risk of an update of ten seconds."""
    harm = Harm(frozenset(harmful), frozenset(bricked))
    (found,) = risks_of([Update("update", 0, 10 * SECOND)], chances, rests, harm, losses_per_hour)
    return found


def test_one_stretch_of_harm_is_its_time_times_the_rate() -> None:
    """A second in which a cut bricks, one loss an hour: one in 3600 updates."""
    found = risk([chance(0, 1, 4, 5), chance(0, 2, 5, 10)], {1}, {1})

    assert found.harmful_share == pytest.approx(0.1)
    assert found.bricked_per_million == pytest.approx(1e6 / 3600, rel=0.01)
    assert found.harmed_per_million == found.bricked_per_million


def test_harm_is_not_always_a_brick() -> None:
    """A lost update counts as harm alone."""
    found = risk([chance(0, 1, 4, 5)], {1}, set())

    assert found.bricked_per_million == 0
    assert found.harmed_per_million > 0


def test_harm_that_takes_two_cuts_is_the_product() -> None:
    """Both cuts must come; the share of a single cut is none."""
    found = risk([chance(0, 1, 0, 10), chance(1, 2, 0, 1)], {2}, {2}, losses_per_hour=3.6)

    assert found.harmful_share == 0
    assert found.bricked_per_million == pytest.approx(1e6 * 0.01 * 0.001, rel=0.02)


def test_cuts_that_lead_back_add_up() -> None:
    """An update that starts over meets its dangerous second again."""
    once = risk([chance(0, 1, 9, 10)], {1}, {1}, losses_per_hour=360)
    again = risk([chance(0, 0, 0, 9), chance(0, 1, 9, 10)], {1}, {1}, losses_per_hour=360)

    assert again.bricked_per_million > 1.5 * once.bricked_per_million


def test_without_harm_the_risk_is_zero_at_any_rate() -> None:
    """Zero is exact, not small."""
    found = risk([chance(0, 0, 0, 9), chance(0, 1, 9, 10)], set(), set(), losses_per_hour=10_000)

    assert (found.harmful_share, found.bricked_per_million, found.harmed_per_million) == (0, 0, 0)


@given(st.floats(0, 9), st.floats(0, 9), st.floats(0.1, 1), st.floats(0.01, 1000))
def test_a_run_that_goes_on_like_another_one_does_harm_as_much_later(later_s: float, begins_s: float, length_s: float, losses_per_hour: float) -> None:
    """To go on like a state that has its dangerous moment some time after power-on is to have it that time later."""
    rest = Rest(0, 1, round(later_s * SECOND))

    found = risk([chance(1, 2, begins_s, begins_s + length_s)], {2}, {2}, losses_per_hour, [rest])

    shift = rest.later_ps / SECOND
    moved = risk([chance(0, 2, begins_s + shift, begins_s + shift + length_s)], {2}, {2}, losses_per_hour)
    assert found.bricked_per_million == pytest.approx(moved.bricked_per_million, rel=1e-3)


@given(st.floats(0, 9), st.floats(0.1, 1), st.floats(0.01, 1000))
def test_a_stretch_is_as_likely_as_the_exponential_law_says(begins_s: float, length_s: float, losses_per_hour: float) -> None:
    """The middle of the stretch stands for all of it."""
    rate = losses_per_hour / 3600
    exact = math.exp(-rate * begins_s) - math.exp(-rate * (begins_s + length_s))

    assert chance(0, 1, begins_s, begins_s + length_s).probability(losses_per_hour / 3.6e15) == pytest.approx(exact, rel=0.01)


def test_rules_say_what_is_harm_and_what_is_a_brick() -> None:
    """Costs are no harm."""
    assert breaks(["wear_budget"]) == (False, False)
    assert breaks(["no_downgrade", "wear_budget"]) == (True, False)
    assert breaks(["bootable"]) == (True, True)


def test_an_exposure_is_the_risk_of_one_cut() -> None:
    """What harms and what bricks are told apart."""
    exposure = Exposure("update", 10 * SECOND, (chance(START, HARMED, 1, 2), chance(START, BRICKED, 3, 4)), ("some",))

    found = exposure.risk(1.0)

    assert found.harmful_share == pytest.approx(0.2)
    assert found.harmed_per_million == pytest.approx(2 * found.bricked_per_million, rel=0.01)
