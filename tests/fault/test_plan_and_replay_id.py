"""Plans are inclusive and complete; replay ids read back what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.fault.faults import NAMED_TEARS, Fault, Tear
from harness.fault.plan import FIVE_TEARS, TearChoice, coarse_first, every_operation, in_turn, live_sample, within
from harness.fault.replay_id import ReplayId, parse_replay_id
from harness.machine.engines import ENGINES
from harness.machine.protocol import Operation, OperationKind

PROGRAM = OperationKind.PROGRAM
ERASE = OperationKind.PAGE_ERASE


def make_operations(*kinds: OperationKind) -> list[Operation]:
    """Return one operation of each kind, side by side in flash."""
    return [Operation(index, kind, 0x0800_0000 + 2 * index, b"\xff\xff", b"\0\0", 0, 0, 0, 0) for index, kind in enumerate(kinds)]


NAMED = st.builds(Fault, st.integers(0, 9), st.integers(0, 99_999), st.sampled_from(NAMED_TEARS))
FAULTS = NAMED | st.builds(Fault, st.integers(0, 9), st.integers(0, 99_999), st.just(Tear.FRACTION), st.integers(1, 999))


def test_every_operation_is_planned_with_every_tear_first_and_last_included() -> None:
    """A program has four tears, an erase five."""
    plan = every_operation([make_operations(ERASE, PROGRAM, PROGRAM)])

    assert len(plan) == 5 + 4 + 4
    assert plan[0] == Fault(0, 0, Tear.NONE)
    assert plan[-1] == Fault(0, 2, Tear.ALL)


@given(st.integers(1, 500), st.integers(0, 2**32))
def test_fractions_are_spread_evenly_over_the_operation(count: int, seed: int) -> None:
    """Each equal share of the duration holds one cut, strictly inside the operation."""
    plan = every_operation([make_operations(PROGRAM)], tears=TearChoice((), count), seed=seed)

    assert [fault.thousandths * count // 1000 for fault in plan] == list(range(count))
    assert all(fault.tear is Tear.FRACTION and 1 <= fault.thousandths <= 999 for fault in plan)


def test_chosen_tears_are_planned_where_the_operation_can_have_them() -> None:
    """A program has no half page; metastable fits both; fractions follow the named tears."""
    plan = every_operation([make_operations(ERASE, PROGRAM)], tears=TearChoice((Tear.HALF_PAGE, Tear.METASTABLE), 1))

    assert [(fault.operation, fault.tear) for fault in plan] == [
        (0, Tear.HALF_PAGE),
        (0, Tear.METASTABLE),
        (0, Tear.FRACTION),
        (1, Tear.METASTABLE),
        (1, Tear.FRACTION),
    ]


def test_the_seed_places_the_fractions() -> None:
    """Another seed cuts elsewhere, the same seed at the same places."""
    operations = [make_operations(PROGRAM, PROGRAM)]
    plans = [every_operation(operations, tears=TearChoice((), 3), seed=seed) for seed in (1, 1, 2)]

    assert plans[0] == plans[1] != plans[2]
    assert [fault.thousandths for fault in plans[0][:3]] != [fault.thousandths for fault in plans[0][3:]]


def test_a_plan_can_be_limited_to_addresses() -> None:
    """Only operations that start in the range are cut."""
    plan = every_operation([make_operations(PROGRAM, PROGRAM)], addresses=[range(0x0800_0002, 0x0800_0004)])

    assert {fault.operation for fault in plan} == {1}


def test_within_keeps_both_ends() -> None:
    """A range of operations includes its last."""
    plan = every_operation([make_operations(*[PROGRAM] * 10)])

    assert {fault.operation for fault in within(plan, 3, 5)} == {3, 4, 5}


@given(st.integers(0, 500))
def test_coarse_first_is_a_permutation(length: int) -> None:
    """Reordering loses nothing and repeats nothing."""
    plan = [Fault(0, index, Tear.NONE) for index in range(length)]

    assert sorted(coarse_first(plan)) == plan


def test_a_search_starts_with_the_erases() -> None:
    """What destroys most is tried first."""
    plan = every_operation([make_operations(*[PROGRAM] * 70, ERASE, PROGRAM)])

    assert {fault.operation for fault in coarse_first(plan)[:5]} == {70}


@given(st.lists(st.lists(st.integers(), max_size=9), max_size=5))
def test_plans_taken_in_turn_lose_nothing(plans: list[list[int]]) -> None:
    """Merging is a permutation, and every plan's first fault is among the first ones."""
    merged = in_turn(plans)

    filled = [plan for plan in plans if plan]
    assert sorted(merged) == sorted(fault for plan in plans for fault in plan)
    assert merged[: len(filled)] == [plan[0] for plan in filled]


@given(st.integers(1, 500), st.integers(2, 20))
def test_a_live_sample_has_the_first_and_the_last(length: int, count: int) -> None:
    """The ends of a sweep are where off-by-one errors live."""
    plan = [Fault(0, index, Tear.NONE) for index in range(length)]

    sample = live_sample(plan, count)

    assert sample[0] == plan[0]
    assert sample[-1] == plan[-1]
    assert len(sample) == min(length, count)


@pytest.mark.parametrize(
    ("fault", "spelling"),
    [
        (Fault(0, 12, Tear.SOME), "12some"),
        (Fault(1, 12, Tear.METASTABLE), "1.12metastable"),
        (Fault(0, 12, Tear.FRACTION, 370), "12@0.370"),
        (Fault(2, 0, Tear.FRACTION, 1), "2.0@0.001"),
    ],
)
def test_a_fault_is_spelled_as_documented(fault: Fault, spelling: str) -> None:
    """Replay ids written down today must be read tomorrow."""
    assert str(fault) == spelling
    assert parse_replay_id(f"s:c:{spelling}:1:abc").faults == (fault,)


@pytest.mark.parametrize(("tear", "thousandths"), [(Tear.FRACTION, 0), (Tear.FRACTION, 1000), (Tear.SOME, 5)])
def test_a_fraction_lies_inside_the_operation(tear: Tear, thousandths: int) -> None:
    """At 0 and at 1 there is nothing between; a named tear has no number."""
    with pytest.raises(ValueError, match="thousandths"):
        Fault(0, 1, tear, thousandths)


@given(
    st.builds(
        ReplayId,
        st.sampled_from(["stm32f103/speck-full", "./mine/a b.toml", "/abs/c++/x.toml"]),
        st.lists(st.tuples(st.sampled_from(["app-kib", "bug", "part"]), st.from_regex(r"[a-z0-9-]+", fullmatch=True)), max_size=3).map(tuple),
        st.from_regex(r"[a-z0-9][a-z0-9-]*", fullmatch=True),
        st.lists(FAULTS, max_size=4).map(tuple),
        st.integers(0, 2**64),
        st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
        st.sampled_from(ENGINES),
    )
)
def test_a_replay_id_reads_back(replay_id: ReplayId) -> None:
    """Formatting and parsing are inverse."""
    assert parse_replay_id(str(replay_id)) == replay_id


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "five parts"),
        ("nonsense", "five parts"),
        ("s:c:12some:1", "five parts"),
        ("s:c:12sume:1:abc", "not an operation followed by a tear"),
        ("s:c:12fraction:1:abc", "not an operation followed by a tear"),
        ("s:c:12@0.000:1:abc", "fraction"),
        ("s:c:12@1.000:1:abc", "fraction"),
        ("s:c:12@0.37:1:abc", "fraction"),
        ("s:c:some:1:abc", "not an operation followed by a tear"),
        ("s:c:12some:x:abc", "seed"),
        ("s:c:12some/:1:abc", "not an operation followed by a tear"),
        ("s:c:12some//7all:1:abc", "not an operation followed by a tear"),
        ("s:c:clean/7all:1:abc", "not an operation followed by a tear"),
        ("s+engine=bochs:c:12some:1:abc", "bochs is not one of the engines"),
        ("s+engine=qemu+engine=renode:c:12some:1:abc", "qemu and renode is not one of the engines"),
    ],
)
def test_what_is_not_a_replay_id_is_refused(text: str, problem: str) -> None:
    """The error says which part is wrong."""
    with pytest.raises(InputError, match=problem):
        parse_replay_id(text)


def test_only_some_tears_leave_cells_that_read_differently_from_boot_to_boot() -> None:
    """The metastable one, and any fraction of an operation."""
    assert not FIVE_TEARS.disturbs
    assert TearChoice((Tear.NONE, Tear.METASTABLE)).disturbs
    assert TearChoice((Tear.NONE,), fractions=1).disturbs
