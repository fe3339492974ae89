"""The flash controller of the nRF52840: random accesses against the model, and what takes time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.device import load_device
from harness.fault.flash_map import FlashMap
from harness.fault.write_count import CellHistory, history_after, history_of
from harness.machine.debug_port import AccessPortProtection
from harness.machine.engines import share_boots
from harness.machine.protocol import End, MisuseKind, NonVolatile, OperationKind, Trace
from harness.machine.sharing import SharingMachine
from tests.machine.firmware import IN_RAM, Step, send32, wait_clear, words, write8, write16, write32
from tests.machine.nrf52840 import (
    CONFIG,
    EEN,
    ERASE_ENABLE,
    ERASEALL,
    ERASEPAGE,
    ERASEPAGEPARTIAL,
    ERASEPAGEPARTIALCFG,
    ERASEUICR,
    PAGE_BYTES,
    READY,
    READYNEXT,
    REN,
    UICR,
    WEN,
    WRITE_ENABLE,
    make_nrf_flash,
    make_nrf_machine,
    run_nrf_script,
)
from tests.machine.nvmc_model import NvmcModel

PAGES = (0x80000, 0x81000, 0xFF000)
CELL = PAGES[0]
UICR_BYTES = 0x308
NRF_MAP = FlashMap(0, UICR, 4, PAGE_BYTES)

cells = st.builds(lambda page, offset: page + 4 * offset, st.sampled_from((*PAGES, UICR, UICR + 0x200)), st.integers(0, 3))
values = st.sampled_from([0, 0x12345678, 0xFFFF0000, 0xFFFFFFFF])
accesses = st.one_of(
    st.builds(lambda cell, value: [WRITE_ENABLE, write32(cell, value)], cells, values),
    st.builds(lambda page: [ERASE_ENABLE, write32(ERASEPAGE, page)], st.sampled_from(PAGES)),
    st.builds(lambda page: [write32(ERASEPAGE, page)], st.sampled_from([*PAGES, CELL + 8, 0x100000])),
    st.builds(lambda value: [write32(ERASEUICR, value)], st.integers(0, 1)),
    st.builds(lambda value: [write32(CONFIG, value)], st.sampled_from([REN, WEN, EEN])),
    st.builds(lambda cell, value: [write32(cell, value)], cells, values),
    st.builds(lambda cell: [write16(cell, 0)], cells),
    st.builds(lambda cell: [write8(cell, 0)], cells),
)
scripts = st.builds(lambda parts: [step for part in parts for step in part], st.lists(accesses, max_size=30))


@settings(max_examples=200, deadline=None)
@given(steps=scripts)
def test_random_accesses_match_the_model(steps: list[Step]) -> None:
    """Operations, both arrays and recorded misuse are those of the model, and a fault comes at the same access."""
    flash = make_nrf_flash(steps, {PAGES[1]: bytes(8)})
    before = ((PAGES[1], 2), (UICR, 1))
    model = NvmcModel(bytearray(flash), bytearray(b"\xff" * UICR_BYTES), writes=dict(before))
    complete = model.run(steps)
    trace = make_nrf_machine().boot(NonVolatile(flash, writes=before), seed=5, instruction_budget=1_000_000)

    operations = [trace.operations[index] for index in range(len(trace.operations))]
    assert [(operation.kind, operation.address, operation.old, operation.new) for operation in operations] == model.operations
    assert [misuse.kind for misuse in trace.misuses] == model.misuses
    assert (trace.final.flash, trace.final.option_bytes) == (bytes(model.flash), bytes(model.uicr))
    assert history_of(trace.final) == history_after(CellHistory(before), operations, NRF_MAP)
    assert trace.end == (End.SLEEPING if complete else End.HARD_FAULT)


def test_a_third_write_is_recorded_and_an_erase_starts_anew() -> None:
    """n_WRITE is 2: the third write of a word is misuse, the cells take it all the same."""
    writes = [write32(CELL, value) for value in (0xFFFFFFF0, 0xFFFFFF00, 0xFFFFF000)]
    trace = run_nrf_script(WRITE_ENABLE, *writes, ERASE_ENABLE, write32(ERASEPAGE, CELL), WRITE_ENABLE, *writes[:2])
    assert [(misuse.kind, misuse.address, misuse.operations) for misuse in trace.misuses] == [(MisuseKind.TOO_MANY_WRITES, CELL, 2)]
    assert trace.operations[2].new == bytes.fromhex("00F0FFFF")


def test_writes_count_over_boots() -> None:
    """Twice in one boot and once in the next is three times; power lost in between changes nothing, an erase does."""
    first = run_nrf_script(WRITE_ENABLE, write32(CELL, 0xFFFFFFF0), write32(CELL, 0xFFFFFF00), write32(CELL + 4, 0xFFFFFFFF))
    assert first.final.writes == ((CELL, 2), (CELL + 4, 1))
    again = (WRITE_ENABLE, write32(CELL, 0xFFFFF000), write32(CELL + 4, 0), write32(CELL + 8, 0))
    second = boot_again(first, *again)
    assert [(misuse.kind, misuse.address) for misuse in second.misuses] == [(MisuseKind.TOO_MANY_WRITES, CELL)]
    assert second.final.writes == ((CELL, 3), (CELL + 4, 2))
    third = boot_again(second, ERASE_ENABLE, write32(ERASEPAGE, CELL), *again)
    assert (third.misuses, third.final.writes) == ((), ())


def test_parts_of_an_erase_add_up_over_boots() -> None:
    """Five parts in one boot, three in the next and one more: only then the page is erased; a program in between starts anew."""
    parts = (write32(ERASEPAGEPARTIALCFG, 10), ERASE_ENABLE, *[write32(ERASEPAGEPARTIAL, CELL)] * 5)
    first = run_nrf_script(*parts, patches={CELL: bytes(PAGE_BYTES)})
    assert first.final.partial_erases == ((CELL, 50),)
    second = boot_again(first, *parts[:5])
    assert second.final.partial_erases == ((CELL, 80),)
    third = boot_again(second, *parts[:3])
    assert (third.operations[0].kind, third.final.partial_erases) == (OperationKind.PAGE_ERASE, ())
    written = boot_again(second, WRITE_ENABLE, write32(CELL, 0), *parts[:3])
    assert written.final.partial_erases == ((CELL, 10),)
    for start, trace in ((NonVolatile(b""), first), (first.final, second), (second.final, third), (second.final, written)):
        operations = [trace.operations[index] for index in range(len(trace.operations))]
        assert history_of(trace.final) == history_after(history_of(start), operations, NRF_MAP)


def boot_again(before: Trace, *steps: Step) -> Trace:
    """Boot what a boot left, with another script."""
    flash = make_nrf_flash(steps)[:CELL] + before.final.flash[CELL:]
    return make_nrf_machine().boot(replace(before.final, flash=flash), seed=2, instruction_budget=2_000_000)


def test_boots_share_only_where_counts_agree() -> None:
    """A count in a page that the boot read is part of what it depends on; one in a page that it left alone is passed through."""
    device = load_device("nrf52840")
    machine = share_boots(make_nrf_machine(), device, "qiaa", ())
    assert isinstance(machine, SharingMachine)
    flash = make_nrf_flash((WRITE_ENABLE, write32(CELL, 0)), {CELL: bytes(4), PAGES[2]: bytes(4)})
    states = [NonVolatile(flash, b"\xff" * UICR_BYTES, writes=writes) for writes in ((), ((CELL, 2),), ((PAGES[2], 2),), ((UICR, 1),))]
    traces = [machine.boot(state, seed=1) for state in states]
    assert [len(trace.misuses) for trace in traces] == [0, 1, 0, 0]
    assert [machine.boots_made, machine.boots_shared] == [3, 1]
    for state, trace in zip(states, traces, strict=True):
        assert trace.final == make_nrf_machine().boot(state, seed=1).final


def test_the_core_halts_while_its_flash_is_busy() -> None:
    """41 us for a word and 85 ms for a page, during which nothing is fetched: READY is never seen clear."""
    trace = run_nrf_script(WRITE_ENABLE, write32(CELL, 0), ERASE_ENABLE, write32(ERASEPAGE, CELL), send32(READY))
    assert [trace.operations[index].duration_ps for index in range(2)] == [41_000_000, 85_000_000_000]
    assert trace.operations[1].start_ps >= trace.operations[0].start_ps + 41_000_000
    assert trace.time_ps > 85_041_000_000
    assert words(trace.uart) == [1]


def test_code_in_ram_sees_ready_clear() -> None:
    """READY and READYNEXT are clear during the erase, and set when it is over."""
    trace = run_nrf_script(IN_RAM, ERASE_ENABLE, write32(ERASEPAGE, CELL), send32(READY), send32(READYNEXT))
    assert words(trace.uart) == [0, 0]
    assert trace.misuses == ()


def test_code_in_ram_that_reads_the_flash_waits() -> None:
    """A load from the array while READY is clear comes back when the operation is over."""
    trace = run_nrf_script(IN_RAM, ERASE_ENABLE, write32(ERASEPAGE, CELL), send32(CELL), send32(READY))
    assert words(trace.uart) == [0xFFFFFFFF, 1]
    assert trace.time_ps > trace.operations[0].start_ps + trace.operations[0].duration_ps


def test_a_write_while_busy_is_recorded() -> None:
    """Code in RAM that does not wait for READY: the second write is misuse and waits for the first."""
    trace = run_nrf_script(IN_RAM, WRITE_ENABLE, write32(CELL, 0), write32(CELL + 4, 0))
    assert [misuse.kind for misuse in trace.misuses] == [MisuseKind.BUSY_WRITE]
    assert trace.operations[1].start_ps >= trace.operations[0].start_ps + 41_000_000


def test_uicr_survives_the_boot() -> None:
    """What one boot writes to UICR the next reads, until ERASEUICR."""
    first = run_nrf_script(WRITE_ENABLE, write32(UICR + 0x304, 0xFFFFFFFD))
    second = run_nrf_script(send32(UICR + 0x304), ERASE_ENABLE, write32(ERASEUICR, 1), option_bytes=first.final.option_bytes)
    third = run_nrf_script(send32(UICR + 0x304), option_bytes=second.final.option_bytes)
    assert (words(second.uart), words(third.uart)) == ([0xFFFFFFFD], [0xFFFFFFFF])
    assert [operation.kind for operation in (first.operations[0], second.operations[0])] == [OperationKind.OPTION_PROGRAM, OperationKind.OPTION_ERASE]


def test_erase_all_erases_uicr_too() -> None:
    """ERASEALL takes 169 ms, in two entries of the log; the code that asked for it is gone."""
    trace = run_nrf_script(WRITE_ENABLE, write32(UICR + 0x80, 0), ERASE_ENABLE, write32(ERASEALL, 1))
    kinds = [operation.kind for operation in (trace.operations[1], trace.operations[2])]
    assert kinds == [OperationKind.OPTION_ERASE, OperationKind.MASS_ERASE]
    assert kinds == [change.kind for change in AccessPortProtection().regress(trace.final, 1)], "a debugger's ERASEALL is the same"
    assert trace.operations[1].duration_ps + trace.operations[2].duration_ps == 169_000_000_000
    assert trace.end == End.ERASED_FLASH
    assert trace.final == NonVolatile(b"\xff" * 1024 * 1024, b"\xff" * UICR_BYTES)


def test_partial_erases_add_up() -> None:
    """Eight parts of 10 ms leave a page that is neither; the ninth makes the 85 ms full, and only that is an erase of the page."""
    part = write32(ERASEPAGEPARTIAL, CELL)
    trace = run_nrf_script(write32(ERASEPAGEPARTIALCFG, 10), ERASE_ENABLE, *[part] * 9, patches={CELL: bytes(PAGE_BYTES)})
    steps = [trace.operations[index] for index in range(9)]
    ones = [sum(byte.bit_count() for byte in step.new) for step in steps]
    assert [step.kind for step in steps] == [OperationKind.PARTIAL_ERASE] * 8 + [OperationKind.PAGE_ERASE]
    assert [step.old for step in steps[1:]] == [step.new for step in steps[:-1]]
    assert ones == sorted(ones)
    assert 0 < ones[0] < ones[7] < ones[8] == 8 * PAGE_BYTES
    assert {step.duration_ps for step in steps} == {10_000_000_000}
    assert trace.erases[CELL // PAGE_BYTES] == 1


def test_wait_for_ready_from_ram() -> None:
    """A poll of CONFIG.WEN bits ends at once; a poll of READY ends when the word is written."""
    trace = run_nrf_script(IN_RAM, WRITE_ENABLE, write32(CELL, 0), write32(CONFIG, REN), wait_clear(CONFIG, 3), send32(READY))
    assert [misuse.kind for misuse in trace.misuses] == [MisuseKind.BUSY_WRITE]
    assert words(trace.uart) == [1]
