"""How long power can last in vain: held against all cycles of small graphs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.oracle.progress import Step, circles, longest_wasted

STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 9)), max_size=12)

SITUATIONS: dict[str, tuple[list[Step], int]] = {
    "no cut at all": ([], 0),
    "cuts that only lead on": ([(0, 1, 50), (1, 2, 70)], 0),
    "a cut that leaves what it found": ([(0, 0, 30), (0, 1, 90)], 30),
    "a way round: its shortest power-on counts": ([(0, 1, 50), (1, 0, 20)], 20),
    "two ways round: the longer one counts": ([(0, 1, 50), (1, 0, 20), (1, 2, 60), (2, 1, 40)], 40),
    "two cuts with the same ends: the later one counts": ([(0, 0, 30), (0, 0, 35)], 35),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_longest_power_on_that_leads_nowhere(situation: str) -> None:
    """Beyond that, no endless series of cuts is left."""
    steps, expected = SITUATIONS[situation]

    assert longest_wasted(steps) == expected


@given(STEPS)
def test_it_is_the_best_of_all_cycles(steps: list[Step]) -> None:
    """Every simple cycle is tried, and the shortest power-on of each taken."""
    strongest: dict[tuple[int, int], int] = {}
    for source, target, lasted in steps:
        strongest[source, target] = max(lasted, strongest.get((source, target), 0))
    cycles = [list(itertools.pairwise((*states, states[0]))) for length in range(1, 6) for states in itertools.permutations(range(5), length)]

    best = max((min(strongest[pair] for pair in cycle) for cycle in cycles if all(pair in strongest for pair in cycle)), default=0)

    assert longest_wasted(steps) == best


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=16))
def test_states_on_one_circle_follow_from_each_other(pairs: list[tuple[int, int]]) -> None:
    """Each pair of states is held against all that can be reached from one another."""
    states = {state for pair in pairs for state in pair}
    reached = {state: {state} for state in states}
    for _ in states:
        for source, target in pairs:
            reached[source] |= reached[target]

    circle = circles(pairs)

    assert circle.keys() == states
    for one, other in itertools.product(states, repeat=2):
        assert (circle[one] == circle[other]) == (other in reached[one] and one in reached[other])
