"""When a boot is worth recording."""

from __future__ import annotations

import pytest

from harness.machine.recording import Recordings

_FILLINGS = 4
_MUCH = 5_000_000
_LITTLE = 10_000


def recorded_of(boots: int, *, left: int, keen: bool = True, fillings: int = 1) -> list[int]:
    """Return which boots of a kind are recorded, in turn for each filling of RAM, where a boot executes much until one was recorded, and `left` after that."""
    recordings, recorded = Recordings(), []
    known: set[int] = set()
    for boot in range(boots):
        filling = boot % fillings
        kind = (filling, "page 3")
        if recordings.is_worth_it(kind, "page 3", keen=keen):
            recorded.append(boot)
            recordings.recorded(kind, "page 3", left if filling in known else _MUCH)
            known.add(filling)
        else:
            recordings.made(kind, "page 3", left if filling in known else _MUCH)
    return recorded


def test_a_boot_that_many_follow_is_recorded_at_once_and_then_more_and_more_rarely() -> None:
    """Of boots whose recordings help, the first, second, fourth ... miss is recorded."""
    assert recorded_of(70, left=_LITTLE) == [0, 1, 3, 7, 15, 31, 63]


def test_of_a_kind_that_few_follow_only_what_executes_much_is_recorded() -> None:
    """Without many boots to come, those after boots that executed much are recorded, and none where all execute little."""
    assert recorded_of(70, left=_LITTLE, keen=False) == [1, 2]


def test_at_the_beginning_whatever_follows_a_boot_that_executed_much_is_recorded() -> None:
    """States of another kind have calls in common too: a few boots are recorded at once, up to the first that is short."""
    recordings = Recordings()
    recorded = []
    for kind, executed in enumerate((_MUCH, _MUCH, _MUCH, _LITTLE, _MUCH, _MUCH, _LITTLE)):
        recorded.append(recordings.is_worth_it(kind, kind, keen=False))
        done = recordings.recorded if recorded[-1] else recordings.made
        done(kind, kind, executed)

    assert recorded == [False, True, True, True, False, False, False]


def test_a_beginning_in_which_no_boot_is_short_ends_all_the_same() -> None:
    """Where each state has other bytes to verify, only a few boots are recorded at once."""
    recordings = Recordings()
    recorded = []
    for kind in range(100):
        recorded.append(recordings.is_worth_it(kind, kind, keen=False))
        (recordings.recorded if recorded[-1] else recordings.made)(kind, kind, _MUCH)

    assert recorded == [False, True, True, True, True, *[False] * 95]


@pytest.mark.parametrize("fillings", [1, _FILLINGS])
def test_recordings_in_vain_are_given_up(fillings: int) -> None:
    """Where each boot executes as much as the one that was recorded, as where each verifies other bytes, few of a thousand are recorded."""
    recorded = recorded_of(1000, left=_MUCH, fillings=fillings)

    assert 2 * fillings <= len(recorded) <= 2 * fillings + 8


def test_one_boot_that_becomes_short_makes_recordings_worth_trying_again() -> None:
    """After recordings in vain, one that helps ends the waiting."""
    recordings = Recordings()
    kind = (0, "page 3")
    for _ in range(6):
        if recordings.is_worth_it(kind, "page 3", keen=True):
            recordings.recorded(kind, "page 3", _MUCH)
        else:
            recordings.made(kind, "page 3", _MUCH)
    other = (1, "page 3")
    assert recordings.is_worth_it(other, "page 3", keen=True)  # the first of another filling
    recordings.recorded(other, "page 3", _MUCH)
    recordings.is_worth_it(other, "page 3", keen=False)
    recordings.made(other, "page 3", _LITTLE)

    assert recordings.is_worth_it(other, "page 3", keen=False) is False
    recordings.made(other, "page 3", _MUCH)
    assert recordings.is_worth_it(other, "page 3", keen=False)


def test_where_recordings_help_nobody_other_kinds_wait_too() -> None:
    """Of hundreds of kinds, each met a few times and each time as long, few are recorded; one that executes much more is recorded at once."""
    recordings = Recordings()
    recorded = []
    for kind in range(300):
        for _ in range(3):
            recorded.append(recordings.is_worth_it(kind, kind, keen=False))
            (recordings.recorded if recorded[-1] else recordings.made)(kind, kind, _MUCH)

    assert 6 <= sum(recorded) <= 12
    longer = []
    for _ in range(2):
        longer.append(recordings.is_worth_it("longer", "longer", keen=False))
        recordings.made("longer", "longer", 2 * _MUCH)
    assert longer == [False, True]
