"""Wear is counted operation by operation, and the advice says what an engineer should change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fault.faults import Tear
from harness.machine.protocol import Operation, OperationKind
from harness.oracle.wear import FlashGeometry, PageWear, WearCount, WornPage, executed_until, most_worn, wear_advice

from .runs import make_run, make_trace

BASE, PAGE, PAGES = 0x0800_0000, 1024, 4
GEOMETRY = FlashGeometry(BASE, PAGE, PAGES)
OPTION_BYTE = 0x1FFF_F800

Step = tuple[OperationKind, int]


def erase(page: int) -> Step:
    """Erase a page."""
    return OperationKind.PAGE_ERASE, BASE + page * PAGE


def program(page: int, offset: int = 0) -> Step:
    """Program a half-word of a page."""
    return OperationKind.PROGRAM, BASE + page * PAGE + offset


MASS_ERASE: Step = (OperationKind.MASS_ERASE, BASE)


def make_log(steps: Sequence[Step]) -> list[Operation]:
    """Return a log of these operations; contents don't matter for wear."""
    return [Operation(index, kind, address, b"", b"", 0, 0, 0, 0) for index, (kind, address) in enumerate(steps)]


def count(steps: Sequence[Step]) -> WearCount:
    """Count a log."""
    wear = WearCount(GEOMETRY)
    wear.add(make_log(steps))
    return wear


COUNTS: dict[str, tuple[list[Step], list[int], list[int]]] = {
    "nothing was done": ([], [0, 0, 0, 0], [0, 0, 0, 0]),
    "each erase wears its page": ([erase(1), erase(1), erase(3)], [0, 2, 0, 1], [0, 0, 0, 0]),
    "a mass erase wears every page": ([MASS_ERASE, erase(0)], [2, 1, 1, 1], [0, 0, 0, 0]),
    "two writes of one unit count as two": ([program(1), program(1)], [0, 0, 0, 0], [0, 2, 0, 0]),
    "writes of different units don't add up": ([program(1, 0), program(1, 2)], [0, 0, 0, 0], [0, 1, 0, 0]),
    "an erase starts the count of writes anew": ([program(1), erase(1), program(1)], [0, 1, 0, 0], [0, 1, 0, 0]),
    "an erase of another page does not": ([program(1), erase(2), program(1)], [0, 0, 1, 0], [0, 2, 0, 0]),
    "a mass erase starts all counts anew": ([program(1), MASS_ERASE, program(1)], [1, 1, 1, 1], [0, 1, 0, 0]),
    "option bytes are no page": ([(OperationKind.OPTION_ERASE, OPTION_BYTE), (OperationKind.OPTION_PROGRAM, OPTION_BYTE)], [0] * 4, [0] * 4),
}


@pytest.mark.parametrize("sentence", COUNTS)
def test_a_count(sentence: str) -> None:
    """Each sentence of the table."""
    steps, erases, writes = COUNTS[sentence]
    wear = count(steps)

    assert (wear.erases, wear.most_writes) == (erases, writes)


STEPS = st.lists(
    st.one_of(st.builds(erase, st.integers(0, 3)), st.builds(program, st.integers(0, 3), st.sampled_from([0, 2])), st.just(MASS_ERASE)), max_size=30
)


@given(STEPS, st.integers(0, 30))
def test_a_copy_goes_on_like_the_whole(steps: list[Step], cut: int) -> None:
    """A log counted in two parts, over a copy, gives what it gives in one; the original stays where it was."""
    first = count(steps[:cut])
    before = list(first.erases)
    second = first.copy()
    second.add(make_log(steps[cut:]))

    whole = count(steps)
    assert (second.erases, second.most_writes) == (whole.erases, whole.most_writes)
    assert first.erases == before


@pytest.mark.parametrize(("tear", "executed"), [(Tear.NONE, 2), (Tear.SOME, 3), (Tear.ALL, 3), (Tear.METASTABLE, 3)])
def test_an_interrupted_erase_wears_unless_it_had_not_started(tear: Tear, executed: int) -> None:
    """Half an erase stresses the cells as well."""
    assert len(executed_until(make_log([erase(0)] * 5), 2, tear)) == executed


def page(number: int, clean: int, worst: int = 0, writes: int = 1, region: str = "application") -> PageWear:
    """Return the wear of a page."""
    worst = max(clean, worst)
    return PageWear(BASE + number * PAGE, region, clean, worst, writes, "7all" if worst > clean else "")


ADVICE = {
    "pages that wear evenly are told together": ([page(0, 1), page(1, 1)], ["wear evenly", "10,000 updates"]),
    "one page that wears first is named, with what to do": ([page(0, 1), page(1, 4, region="metadata")], ["0x08000400 (metadata)", "2,500 updates", "Spread"]),
    "what a cut costs is told with the cut": ([page(0, 1, 3)], ["up to 2 more erases", "7all"]),
    "a unit that is written too often is told": ([page(0, 1, writes=3)], ["written 3 times", "allows 2"]),
    "an update without erases is told": ([page(0, 0)], ["erases no page"]),
}


@pytest.mark.parametrize("sentence", ADVICE)
def test_advice(sentence: str) -> None:
    """Each sentence of the table."""
    pages, expected = ADVICE[sentence]
    text = " ".join(wear_advice(pages, 10_000, 2))

    assert all(part in text for part in expected), text


def test_no_advice_without_reason() -> None:
    """Even wear, no cost of a cut and no limit on writes leave one sentence."""
    assert len(wear_advice([page(0, 1, writes=9)], 10_000, None)) == 1


@given(st.integers(1, 100), st.integers(1, 1_000_000))
def test_a_lifetime_never_exceeds_the_endurance(erases: int, endurance: int) -> None:
    """So many updates fit in the endurance, and one more does not."""
    lifetime = page(0, erases).lifetime_updates(endurance)

    assert lifetime is not None
    assert lifetime * erases <= endurance < (lifetime + 1) * erases
    assert page(0, 0).lifetime_updates(endurance) is None


def test_the_most_worn_page_of_a_run() -> None:
    """The first of the pages with the most erases over all boots, with its region and the updates that it lasts; none where nothing is erased."""
    worn = most_worn(make_run(make_trace(erases=bytes([0, 3, 1, 0])), make_trace(erases=bytes([0, 1, 3, 0]))))
    assert worn == WornPage(BASE + PAGE, "application", 4, 2500)
    assert most_worn(make_run()) is None
