"""The log of patches as a state machine: the bootloader's C against the host's reading of the same bytes, with cuts and tears in any order."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from harness.build.bugs import Edit, apply_edits
from harness.bundled import bundled_path
from harness.image.log import MARK, VALUE_END, LogState, Stage, delivery_pool
from harness.image.pool import mark_pending
from tests.firmware.host_build import DELTA_LAYOUTS, HostCompiler, build_log_library
from tests.firmware.log_library import Power, Readings, Said, host_log, load_log_library

_NEVER = 0x7FFFFFFF
_CUT = 1000
_OK = 0
_METASTABLE = 5


STAYS_ON = st.just(Power(_NEVER, 0, 0))
CUTS = st.builds(Power, st.integers(0, 80), st.integers(0, _METASTABLE - 1), st.integers(0, 2**32))


class LogMachine(RuleBasedStateMachine):
    """A device whose log is written, settled and moved, and whose scratch pages are taken, with power lost anywhere in between."""

    library: ctypes.CDLL
    page_bytes: int
    pool_bytes: int

    @initialize(counter=st.integers(1, 9))
    def make_device(self, counter: int) -> None:
        """Begin with a device as production leaves it."""
        self.pool = self.library.steps_new_device()
        self.write(delivery_pool(LogState(counter), page_bytes=self.page_bytes, pages=self.pool_bytes // self.page_bytes))
        self.floor = counter

    @rule(power=STAYS_ON | CUTS)
    def settle(self, power: Power) -> None:
        """Settling changes nothing that the log says; afterwards it is settled, unless power was lost."""
        before = self.said()
        result = self.library.steps_settle(power)
        assert _meaning(self.said()) == _meaning(before)
        assert result == _CUT or self.read().is_settled

    @rule(
        stage=st.sampled_from(Stage),
        steps=st.integers(0, 40),
        closed=st.integers(0, 17),
        patch=st.integers(1, VALUE_END - 1),
        key=st.integers(0, 15),
        power=STAYS_ON | CUTS,
    )
    def change_phase(self, stage: Stage, steps: int, closed: int, patch: int, key: int, power: Power) -> None:
        """The phase is the new one, or the old one where power was lost; the counter stays."""
        before = self.said()
        patch = before.patch if before.is_begun else patch  # the bootloader names one only when it begins
        result = self.library.steps_write(Said(before.counter, patch, stage, closed, steps, key=key), power)
        after = self.said()
        assert after.counter == before.counter
        changed = (stage, closed, steps, key, patch if stage in (Stage.STARTED, Stage.BUILT) else None)
        assert _phase(after) in ({changed, _phase(before)} if result == _CUT else {changed})
        assert result in (_CUT, _OK)

    @rule(more=st.integers(1, 3) | st.integers(1, 2**40), power=STAYS_ON | CUTS)
    def raise_counter(self, more: int, power: Power) -> None:
        """The counter has the new value, or the old one where power was lost; the phase stays."""
        before = self.said()
        target = min(before.counter + more, VALUE_END - 1)
        result = self.library.steps_write(Said(target, before.patch, before.stage, before.closed, before.steps, key=before.key), power)
        after = self.said()
        assert _phase(after) == _phase(before)
        assert after.counter in ((before.counter, target) if result == _CUT else (target,))

    @rule(power=STAYS_ON | CUTS)
    def take_scratch(self, power: Power) -> None:
        """A page for scratch is never the one that the log is in."""
        before = self.said()
        result = self.library.steps_take_scratch(power)
        after = self.said()
        assert after.counter == before.counter
        if result == _OK:
            assert after.stage == Stage.BUILT
            assert not self.content().startswith(MARK, after.scratch * self.page_bytes)

    @rule()
    def stage(self) -> None:
        """A download leaves the log in another page, pending."""
        before = self.said()
        self.write(mark_pending(self.content(), page_bytes=self.page_bytes))
        assert (self.said().stage, self.said().counter) == (Stage.PENDING, before.counter)

    @invariant()
    def both_read_the_same(self) -> None:
        """The C sources and the host read one and the same from the bytes; nothing was programmed twice; the counter never fell."""
        readings = self.read()
        assert readings.misuses == 0
        assert readings.log() == host_log(self.content(), self.page_bytes)
        assert readings.state.counter >= self.floor
        self.floor = readings.state.counter

    def read(self) -> Readings:
        """Return what the C sources read."""
        readings = self.library.steps_read()
        assert isinstance(readings, Readings)
        return readings

    def said(self) -> LogState:
        """Return the state that they read."""
        state = self.read().state
        assert isinstance(state, Said)
        return state.state()

    def content(self) -> bytes:
        """Return the bytes of the pool."""
        return ctypes.string_at(self.pool, self.pool_bytes)

    def write(self, pool: bytes) -> None:
        """Put other bytes into the pool."""
        ctypes.memmove(self.pool, pool, len(pool))
        self.library.steps_pool_replaced()


def _phase(state: LogState) -> tuple[object, ...]:
    return (state.stage, state.closed, state.steps, state.key, state.patch if state.is_begun else None)


def _meaning(state: LogState) -> tuple[object, ...]:
    """What a state means, apart from the page that was taken last."""
    return (state.counter, *_phase(state))


@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
def test_the_log(chip: str, host_compiler: HostCompiler, tmp_path: Path) -> None:
    """Whatever is written, settled, taken and cut in whatever order, the state is the old one or the new one, and both readers agree."""
    library = build_log_library(host_compiler, bundled_path("firmware"), tmp_path, DELTA_LAYOUTS[chip])
    run_machine(library, chip, settings(max_examples=40, stateful_step_count=40, deadline=None))


def test_a_page_that_is_needed_is_missed(host_compiler: HostCompiler, tmp_path: Path) -> None:
    """The machine can fail: a pool that gives the log's own page away is found out."""
    firmware = Path(shutil.copytree(bundled_path("firmware"), tmp_path / "firmware"))
    apply_edits(firmware, [Edit(file="delta/pool.c", before="page = (page + 1) % POOL_PAGES;", after="page = page % POOL_PAGES;")])
    library = build_log_library(host_compiler, firmware, tmp_path, DELTA_LAYOUTS["stm32f103"])
    with pytest.raises(AssertionError):
        run_machine(
            library, "stm32f103", settings(max_examples=40, stateful_step_count=40, deadline=None, phases=[Phase.generate], database=None, derandomize=True)
        )


def run_machine(path: Path, chip: str, chosen: settings) -> None:
    """Drive a library of the log."""
    library = load_log_library(path)
    layout = DELTA_LAYOUTS[chip]
    members = {"library": library, "page_bytes": layout["PAGE_BYTES"], "pool_bytes": layout["REGION_METADATA_BYTES"]}
    run_state_machine_as_test(type("BoundLogMachine", (LogMachine,), members), settings=chosen)
