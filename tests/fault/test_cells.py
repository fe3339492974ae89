"""Cuts inside operations: cells only ever move on, the draw repeats, and disturbed cells behave as docs/SPEC.md says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device.memory import CellState, DisturbedCells, NonVolatile
from harness.fault.cells import Torn, cut_at
from harness.fault.crash import FlashReplay, tear_state
from harness.fault.digest import digest_of
from harness.fault.disturbed import read_at_power_up, still_disturbed
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import FlashMap
from harness.fault.tears import tear_operation
from harness.machine.protocol import Operation, OperationKind

BASE = 0x0800_0000
MAP = FlashMap(BASE, 0x1FFF_F800)
PAGE_BYTES = 64

SEEDS = st.integers(0, 2**32)
THOUSANDTHS = st.integers(1, 999)
PAGES = st.binary(min_size=PAGE_BYTES, max_size=PAGE_BYTES)


def make_program(old: bytes, asked: bytes, address: int = BASE) -> Operation:
    """Return a program of one half-word."""
    new = bytes(a & b for a, b in zip(old, asked, strict=True))
    return Operation(0, OperationKind.PROGRAM, address, old, new, 1_000_000, 52_500_000, 0x0800_0100, 9)


def make_erase(old: bytes, address: int = BASE) -> Operation:
    """Return an erase of one page."""
    return Operation(0, OperationKind.PAGE_ERASE, address, old, b"\xff" * len(old), 1_000_000, 30_000_000_000, 0x0800_0100, 9)


HALF_WORDS = st.binary(min_size=2, max_size=2)
OPERATIONS = st.builds(make_program, HALF_WORDS, HALF_WORDS) | st.builds(make_erase, PAGES)


def bits(content: bytes) -> int:
    """Return all cells as one number."""
    return int.from_bytes(content, "little")


def mask_of(torn: Torn, state: CellState) -> int:
    """Return the disturbed cells of one kind."""
    return sum(bits(cells.mask) for cells in torn.disturbed if cells.state is state)


@given(OPERATIONS, THOUSANDTHS, THOUSANDTHS, SEEDS)
def test_a_later_cut_never_takes_a_cell_back(operation: Operation, one: int, other: int, seed: int) -> None:
    """What had changed at an earlier moment has changed at every later one; what held its charge then holds it later."""
    early, late = (cut_at(operation, thousandths, seed) for thousandths in sorted((one, other)))

    changed_early, changed_late = (bits(torn.cells) ^ bits(operation.old) for torn in (early, late))
    assert changed_early & ~changed_late == 0
    if operation.kind.is_erase:
        held_early, held_late = (bits(torn.cells) & ~mask_of(torn, CellState.WEAK) for torn in (early, late))
        assert held_early & ~held_late == 0


@given(OPERATIONS, THOUSANDTHS, SEEDS, st.booleans())
def test_a_cut_cell_is_old_or_new_and_the_draw_repeats(operation: Operation, thousandths: int, seed: int, metastable: bool) -> None:
    """A bit that the operation does not change stays; equal arguments leave equal cells, disturbed ones included."""
    fault = Fault(0, 0, Tear.METASTABLE) if metastable else Fault(0, 0, Tear.FRACTION, thousandths)

    torn = tear_operation(operation, fault, seed)

    assert (bits(torn.cells) ^ bits(operation.old)) & ~(bits(operation.old) ^ bits(operation.new)) == 0
    assert torn == tear_operation(operation, fault, seed)
    assert torn.fraction is not None
    assert 0 < torn.fraction < 1


@given(OPERATIONS, SEEDS)
def test_a_metastable_cut_leaves_a_metastable_cell_where_any_cell_changes(operation: Operation, seed: int) -> None:
    """Metastable cells are among those that were to change, and there is at least one."""
    torn = tear_operation(operation, Fault(0, 0, Tear.METASTABLE), seed)

    changing = bits(operation.old) ^ bits(operation.new)
    metastable = mask_of(torn, CellState.METASTABLE)
    assert metastable & ~changing == 0
    assert bool(metastable) == bool(changing)


@given(PAGES, THOUSANDTHS, SEEDS)
def test_only_cells_that_read_erased_are_weak(old: bytes, thousandths: int, seed: int) -> None:
    """A weak cell reads 1; a program leaves none."""
    torn = cut_at(make_erase(old), thousandths, seed)

    assert mask_of(torn, CellState.WEAK) & ~bits(torn.cells) == 0
    assert cut_at(make_program(old[:2], b"\0\0"), thousandths, seed).disturbed == ()


def test_a_part_of_an_erase_leaves_every_erased_cell_weak() -> None:
    """However late it is cut: the margin comes with the whole erase."""
    torn = cut_at(replace(make_erase(bytes(PAGE_BYTES)), kind=OperationKind.PARTIAL_ERASE), 999, 1)

    assert mask_of(torn, CellState.WEAK) == bits(torn.cells)


def test_a_page_erased_too_briefly_reads_erased_and_is_weak() -> None:
    """Late in an erase there are moments at which every cell reads 1 and some would not hold a program: more of them earlier."""
    operation = make_erase(bytes(1024))
    weak = {
        thousandths: mask_of(torn, CellState.WEAK).bit_count()
        for thousandths in range(1, 1000)
        if (torn := cut_at(operation, thousandths, 1)).cells == operation.new
    }

    assert len(weak) > 10
    assert all(weak.values())
    assert list(weak.values()) == sorted(weak.values(), reverse=True)


@pytest.mark.parametrize(("thousandths", "least", "most"), [(1, 0, 0.01), (250, 0, 0.13), (500, 0.1, 1.0), (999, 1.0, 1.0)])
def test_an_erase_does_most_of_its_work_late(thousandths: int, least: float, most: float) -> None:
    """The part of a page that reads erased, on average over many pages."""
    parts = [bits(cut_at(make_erase(bytes(PAGE_BYTES), BASE + PAGE_BYTES * page), thousandths, 1).cells).bit_count() / (8 * PAGE_BYTES) for page in range(50)]

    assert least <= sum(parts) / len(parts) <= most


def test_a_program_progresses_evenly() -> None:
    """At 0.370 of the duration about 37 % of the cells have changed."""
    changed = sum(16 - bits(cut_at(make_program(b"\xff\xff", b"\0\0", BASE + 2 * place), 370, 1).cells).bit_count() for place in range(500))

    assert 0.34 < changed / (16 * 500) < 0.40


def test_the_proof_tells_the_fraction_the_time_and_the_cells() -> None:
    """A cut at 0.250 of a half-word's 52.5 us lies 13.125 us after its start; an erase's proof counts its weak cells."""
    program, erase = make_program(b"\xff\xff", b"\0\0"), make_erase(bytes(PAGE_BYTES))

    proof = tear_state(NonVolatile(b"\xff" * PAGE_BYTES), program, Fault(0, 0, Tear.FRACTION, 250), 1, MAP).proof
    assert (proof.fraction, proof.cut_us, proof.cells_weak) == (0.25, 14.125, 0)
    assert 0 <= proof.cells_changed <= proof.cells_changing == 16

    proof = tear_state(NonVolatile(bytes(PAGE_BYTES)), erase, Fault(0, 0, Tear.METASTABLE), 1, MAP).proof
    assert proof.cells_weak > 0
    assert proof.cells_metastable > 0


def test_named_tears_disturb_nothing_and_tell_only_what_they_know() -> None:
    """`none` and `all` have a moment; `some` has not."""
    erase = make_erase(bytes(PAGE_BYTES))
    proofs = {tear: tear_state(NonVolatile(bytes(PAGE_BYTES)), erase, Fault(0, 0, tear), 1, MAP).proof for tear in (Tear.NONE, Tear.SOME, Tear.ALL)}

    assert [proof.fraction for proof in proofs.values()] == [0.0, None, 1.0]
    assert [proof.cells_weak + proof.cells_metastable for proof in proofs.values()] == [0, 0, 0]


def test_disturbed_cells_are_part_of_the_digest() -> None:
    """Two states with the same bytes and other disturbed cells are other crash images; no disturbed cells leave the digest as it was."""
    plain = NonVolatile(bytes(4))
    weak, metastable = (NonVolatile(bytes(4), disturbed=(DisturbedCells(BASE, b"\1\0\0\0", state),)) for state in CellState)

    assert len({digest_of(state) for state in (plain, weak, metastable)}) == 3


def make_disturbed(content: bytes, mask: bytes, state: CellState) -> NonVolatile:
    """Return a flash with disturbed cells from its first byte on."""
    return NonVolatile(content, disturbed=(DisturbedCells(BASE, mask, state),))


@given(PAGES, PAGES, SEEDS, st.sampled_from(CellState))
def test_reading_changes_disturbed_cells_only_and_repeats(content: bytes, mask: bytes, seed: int, state: CellState) -> None:
    """A boot's seed decides what it reads; weak cells are only ever lost, from 0 to 1."""
    before = make_disturbed(content, mask, state)

    found = read_at_power_up(before, MAP, seed)

    assert (bits(found.flash) ^ bits(content)) & ~bits(mask) == 0
    assert found == read_at_power_up(before, MAP, seed)
    if state is CellState.WEAK:
        assert bits(content) & ~bits(found.flash) == 0


def test_a_metastable_cell_reads_both_ways_over_boots() -> None:
    """Over ten boots the same cell is seen as 0 and as 1."""
    state = make_disturbed(b"\xff\xff", b"\x10\x00", CellState.METASTABLE)

    assert {read_at_power_up(state, MAP, seed).flash for seed in range(10)} == {b"\xff\xff", b"\xef\xff"}


def test_a_program_into_weak_cells_is_lost_at_some_power_up() -> None:
    """An erased weak cell reads 1 at every boot; programmed, it reads 1 again at some of them."""
    erased = make_disturbed(b"\xff\xff", b"\xff\xff", CellState.WEAK)
    programmed = make_disturbed(b"\x00\x00", b"\x01\x00", CellState.WEAK)

    assert {read_at_power_up(erased, MAP, seed).flash for seed in range(10)} == {b"\xff\xff"}
    assert {read_at_power_up(programmed, MAP, seed).flash for seed in range(10)} == {b"\x00\x00", b"\x01\x00"}


DISTURBED = tuple(DisturbedCells(BASE, b"\xff" * PAGE_BYTES, state) for state in CellState)


@pytest.mark.parametrize(
    ("operation", "metastable", "weak"),
    [
        pytest.param(make_erase(bytes(PAGE_BYTES)), 0, 0, id="an erase puts every cell of its page right"),
        pytest.param(make_erase(bytes(PAGE_BYTES), BASE + PAGE_BYTES), 512, 512, id="an erase of another page puts none right"),
        pytest.param(make_erase(bytes(2 * PAGE_BYTES)), 0, 0, id="an erase of more than the page puts every cell right"),
        pytest.param(replace(make_erase(bytes(PAGE_BYTES)), kind=OperationKind.PARTIAL_ERASE), 512, 512, id="a part of an erase puts none right"),
        pytest.param(make_program(b"\xff\xff", b"\x00\xff", BASE + 4), 504, 512, id="a program settles the metastable cells that it drives to 0"),
        pytest.param(make_program(b"\xff\xff", b"\xff\xff", BASE + 4), 512, 512, id="a program of ones settles nothing"),
    ],
)
def test_what_an_operation_puts_right(operation: Operation, metastable: int, weak: int) -> None:
    """Cells stay disturbed until they are erased, or driven to 0."""
    left = still_disturbed(DISTURBED, [operation])

    assert sum(cells.count for cells in left if cells.state is CellState.METASTABLE) == metastable
    assert sum(cells.count for cells in left if cells.state is CellState.WEAK) == weak


def test_a_second_cut_keeps_what_the_first_one_disturbed() -> None:
    """A replayed log carries disturbed cells along; only a finished operation puts them right."""
    first = NonVolatile(bytes(PAGE_BYTES), disturbed=(DisturbedCells(BASE, b"\1" + bytes(PAGE_BYTES - 1), CellState.WEAK),))
    replay = FlashReplay(first, [make_erase(bytes(PAGE_BYTES))], MAP)

    assert replay.crash_image(Fault(0, 0, Tear.SOME), 1).state.disturbed == first.disturbed
    assert replay.crash_image(Fault(0, 0, Tear.ALL), 1).state.disturbed == ()
    assert replay.state_before(1).disturbed == ()
    assert replay.state_before(0).disturbed == first.disturbed


def test_option_bytes_can_be_metastable_too() -> None:
    """The second array is read like the first."""
    state = NonVolatile(b"\xff" * 4, b"\xa5\x5a", (DisturbedCells(0x1FFF_F800, b"\x01\x00", CellState.METASTABLE),))

    assert {read_at_power_up(state, MAP, seed).option_bytes for seed in range(10)} == {b"\xa5\x5a", b"\xa4\x5a"}
