"""The Python side of the embedded engine: arguments, the compiled core, the log, memory that is left after a boot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.device.loader import load_device
from harness.errors import EngineError, InputError
from harness.machine import core_build, native
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import Machine, NonVolatile
from tests.machine.firmware import CR, FLASH, PG, UNLOCK, make_machine, make_script_flash, run_script, spin, write16, write32

BLANK = NonVolatile(b"\xff" * 65536)


def test_it_is_a_machine() -> None:
    """It has what the protocol asks for."""
    machine: Machine = make_machine()
    assert machine.engine == "embedded"


BAD_ARGUMENTS: dict[str, Callable[[EmbeddedMachine], object]] = {
    "must have 65536 bytes": lambda machine: machine.boot(NonVolatile(b""), seed=1),
    "16 option bytes": lambda machine: machine.boot(NonVolatile(BLANK.flash, b"x"), seed=1),
    "seed -1": lambda machine: machine.boot(BLANK, seed=-1),
    "numbered from 0": lambda machine: machine.boot(BLANK, seed=1, stop_before=-1),
    "budget 0": lambda machine: machine.boot(BLANK, seed=1, instruction_budget=0),
}


@pytest.mark.parametrize("problem", BAD_ARGUMENTS)
def test_bad_arguments(problem: str) -> None:
    """A wrong argument is refused before the C core sees it."""
    with pytest.raises(ValueError, match=problem):
        BAD_ARGUMENTS[problem](make_machine())


def test_an_unknown_part() -> None:
    """The device's own parts are told."""
    with pytest.raises(InputError, match="c8, cb"):
        EmbeddedMachine(load_device("stm32f103"), "zz")


def test_a_closed_machine() -> None:
    """It can be closed twice, but not booted."""
    machine = EmbeddedMachine(load_device("stm32f103"), "c8")
    machine.close()
    machine.close()
    with pytest.raises(RuntimeError, match="closed"):
        machine.boot(BLANK, seed=1)


def test_the_log_is_a_sequence() -> None:
    """Length, index from both ends; an index outside of it is an IndexError."""
    log = run_script(*UNLOCK, write32(CR, PG), write16(0x0800A000, 1), write16(0x0800A002, 2)).operations
    assert [log[0].new, log[-1].new, len(log)] == [b"\x01\x00", b"\x02\x00", 2]
    assert [log[index].index for index in range(2)] == [0, 1]
    for index in (2, -3):
        with pytest.raises(IndexError):
            log[index]


def test_how_deep_the_stack_went() -> None:
    """Writes to static data do not count; a core that never ran has no depth."""
    machine = make_machine()
    shallow = machine.boot(NonVolatile(make_script_flash((write32(0x20000100, 5), write32(0x20000200, 6), spin(3)))), seed=1)
    assert 0 < shallow.stack_bytes < 0x100
    deep = machine.boot(NonVolatile(make_script_flash((write32(0x20004000, 5), spin(3)))), seed=1)
    assert deep.stack_bytes == 0x1000
    assert machine.boot(NonVolatile(b"\xff" * 65536), seed=1).stack_bytes == 0


def test_a_missing_core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the remedy."""
    native.load_core.cache_clear()
    monkeypatch.setattr(native, "core_path", lambda: tmp_path / "_core.so")
    with pytest.raises(EngineError, match=r"missing.*core_build"):
        EmbeddedMachine(load_device("stm32f103"), "c8")
    native.load_core.cache_clear()


def test_a_core_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A broken file is told from a missing one."""
    native.load_core.cache_clear()
    (tmp_path / "_core.so").write_bytes(b"not a library")
    monkeypatch.setattr(native, "core_path", lambda: tmp_path / "_core.so")
    with pytest.raises(EngineError, match="does not load"):
        native.load_core()
    native.load_core.cache_clear()


def test_a_core_older_than_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stale core is refused, not run."""
    native.load_core.cache_clear()
    monkeypatch.setattr(native, "source_digest", lambda: "another")
    with pytest.raises(EngineError, match="older than its sources"):
        native.load_core()
    native.load_core.cache_clear()


def test_compile_errors_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A compiler that fails leaves no file behind, and its command is in the message."""
    monkeypatch.setenv("CC", "false")
    with pytest.raises(core_build.CoreBuildError, match="false"):
        core_build.compile_core(tmp_path / "_core.so")
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(core_build.CoreBuildError, match="no-such-compiler"):
        core_build.compile_core(tmp_path / "_core.so")
    assert list(tmp_path.iterdir()) == []


def test_the_reset_entry_is_the_reset_vector() -> None:
    """The first entry of every trace is the reset."""
    first = run_script().entries[0]
    assert (first.operations, first.time_ps) == (0, 0)
    assert first.pc >= FLASH
