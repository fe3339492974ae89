"""Counter and journal as state machines: the bootloader's C against the host's reading of the same bytes, with cuts and tears in any order."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from harness.bundled import bundled_path
from harness.image.metadata import JournalKind, JournalState, fill_counter_page, fill_journal_page, mark_pending, read_counter, read_journal
from tests.firmware.host_build import LAYOUTS, HostCompiler, build_metadata_library

_NEVER = 0x7FFFFFFF
_CUT = 1000
_OK = 0
_NO_JOURNAL = -5
_STAGES = {"idle": 0, "pending": 1, "started": 2, "copied": 3}


class Power(ctypes.Structure):
    """Where power is lost, and how the cells tear."""

    _fields_ = (("cut_at", ctypes.c_uint32), ("tear", ctypes.c_uint32), ("seed", ctypes.c_uint64))


class Readings(ctypes.Structure):
    """What the C sources read from the flash."""

    _fields_ = (
        ("counter", ctypes.c_uint64),
        ("confirmed", ctypes.c_uint32),
        ("has_journal", ctypes.c_uint32),
        ("stage", ctypes.c_uint32),
        ("pages", ctypes.c_uint32),
        ("copied", ctypes.c_uint32),
        ("misuses", ctypes.c_uint32),
    )


STAYS_ON = st.just(Power(_NEVER, 0, 0))
CUTS = st.builds(Power, st.integers(0, 40), st.integers(0, 4), st.integers(0, 2**32))


class MetadataMachine(RuleBasedStateMachine):
    """A device whose counter is raised and whose journal is written, with power lost anywhere in between."""

    library: ctypes.CDLL
    metadata_bytes: int

    @initialize()
    def make_device(self) -> None:
        """Begin with a new device: blank pages."""
        self.pages = self.library.steps_new_device()
        self.floor = 0

    @rule(more=st.integers(0, 3) | st.integers(0, 2**40), power=STAYS_ON | CUTS)
    def raise_counter(self, more: int, power: Power) -> None:
        """The counter ends at the value, or between its old and its new one where power was lost."""
        before = self.read().counter
        target = min(before + more, 2**64 - 1)
        result = self.library.steps_raise(target, power)
        after = self.read()
        if result == _CUT:
            assert before <= after.counter <= target
        else:
            assert (result, after.counter, after.confirmed) == (_OK, target, 1)
        self.floor = max(self.floor, after.counter)

    @rule(kind=st.sampled_from((*JournalKind, 9)), value=st.integers(0, 6), power=STAYS_ON | CUTS)
    def append(self, kind: int, value: int, power: Power) -> None:
        """The record has its meaning, or none where power was lost, and changes nothing else."""
        before, has_journal = self.journal(), self.read().has_journal
        result = self.library.steps_append(kind, value, power)
        expected = {_said(before.after(kind, value))} | ({_said(before)} if result == _CUT else set())
        assert _said(self.journal()) in (expected if has_journal else {_said(before)})
        assert result in (_CUT, _OK if has_journal else _NO_JOURNAL)

    @rule()
    def stage(self) -> None:
        """A download leaves a fresh page that says pending."""
        self.write(mark_pending(self.metadata()))

    @rule(free=st.integers(0, 2))
    def fill(self, free: int) -> None:
        """Cuts have filled the pages with torn records, so that the next one moves."""
        for filled in (lambda metadata: fill_counter_page(metadata, free_places=free), lambda metadata: fill_journal_page(metadata, free_records=free)):
            try:
                self.write(filled(self.metadata()))  # type: ignore[no-untyped-call] # hypothesis has no type for it
            except ValueError:
                continue  # they are as full already, or there is no journal

    @invariant()
    def both_read_the_same(self) -> None:
        """The C sources and the host read one and the same from the bytes; nothing was programmed twice; the counter never fell."""
        readings, journal = self.read(), self.journal()
        assert readings.misuses == 0
        assert readings.counter == read_counter(self.metadata()) >= self.floor
        assert readings.stage == _STAGES[_stage(journal)]
        if journal.image_pages:
            assert (readings.pages, readings.copied) == (journal.image_pages, journal.copied_pages)

    def read(self) -> Readings:
        """Return what the C sources read."""
        readings = self.library.steps_read()
        assert isinstance(readings, Readings)
        return readings

    def metadata(self) -> bytes:
        """Return the bytes of the metadata region."""
        return ctypes.string_at(self.pages, self.metadata_bytes)

    def journal(self) -> JournalState:
        """Return what the host reads from the journal."""
        return read_journal(self.metadata())

    def write(self, metadata: bytes) -> None:
        """Put other bytes into the metadata region."""
        ctypes.memmove(self.pages, metadata, len(metadata))


def _stage(journal: JournalState) -> str:
    if not journal.pending:
        return "idle"
    if not journal.image_pages:
        return "pending"
    return "copied" if journal.copied_pages == journal.image_pages else "started"


def _said(journal: JournalState) -> tuple[object, ...]:
    """What a state means, apart from the page that says it. How an update was closed is not carried to another page."""
    return (journal.pending, journal.image_pages, journal.copied_pages)


@pytest.mark.parametrize("chip", ["stm32f103"])
def test_counter_and_journal(chip: str, host_compiler: HostCompiler, tmp_path: Path) -> None:
    """Whatever is raised, appended and cut in whatever order, the state is the old one or the new one, and both readers agree."""
    library = ctypes.CDLL(str(build_metadata_library(host_compiler, Path(bundled_path("firmware")), tmp_path, chip)))
    library.steps_new_device.restype = ctypes.c_void_p
    library.steps_read.restype = Readings
    library.steps_raise.argtypes = (ctypes.c_uint64, Power)
    library.steps_append.argtypes = (ctypes.c_uint16, ctypes.c_uint16, Power)
    machine = type("BoundMetadataMachine", (MetadataMachine,), {"library": library, "metadata_bytes": LAYOUTS[chip]["REGION_METADATA_BYTES"]})
    run_state_machine_as_test(machine, settings=settings(max_examples=100, stateful_step_count=40, deadline=None))
