"""Worker processes end with the campaign, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.campaign.workers import Workers
from harness.device import NonVolatile, load_device
from harness.errors import EngineError, InputError
from harness.machine.calls import SharedCalls
from harness.machine.embedded import EmbeddedMachine
from tests.machine.test_calls import make_state

KILLED = """
import os, signal
from harness.campaign.workers import Workers

if __name__ == "__main__":
    workers = Workers(2)
    for future in [workers.submit(abs, -number) for number in range(4)]:
        future.result()
    print("worked", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_killed_campaign_end() -> None:
    """They hold its standard output, which is closed when the last of them is gone."""
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=60, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == "worked\n"


class UnpicklableError(Exception):
    """No other process can read it."""

    def __reduce__(self) -> str:
        raise TypeError


def fail(error: Exception) -> None:
    """Fail as told."""
    raise error


def fail_unpicklably(_task: int) -> None:
    """Fail in a way that cannot be sent."""
    raise UnpicklableError


def die(_task: int) -> None:
    """Go away in the middle of a task."""
    os._exit(1)


@pytest.mark.parametrize(
    ("function", "task", "expected", "words"),
    [
        (fail, InputError("no", source="here", remedy="Try."), InputError, "here: no"),
        (fail, EngineError("broken"), EngineError, "broken"),
        (fail_unpicklably, 0, EngineError, "UnpicklableError"),
        (die, 0, EngineError, "a worker process died"),
    ],
    ids=["bad input", "a broken engine", "what cannot be sent", "death"],
)
def test_a_failure_in_a_worker_is_told(function: Callable[[object], None], task: object, expected: type[Exception], words: str) -> None:
    """What a task raises reaches whoever waits for it; so does the death of a worker."""
    workers = Workers(2)
    try:
        with pytest.raises(expected, match=words):
            workers.submit(function, task).result()
    finally:
        workers.close()


def test_a_worker_that_cannot_begin_says_why() -> None:
    """Each of its tasks fails with what its start raised."""
    workers = Workers(2, fail, (EngineError("no engine"),))
    try:
        with pytest.raises(EngineError, match="no engine"):
            workers.submit(abs, -1).result()
    finally:
        workers.close()


def test_workers_may_be_told_later_what_they_begin_with(tmp_path: Path) -> None:
    """The process that forks them is there before, and tasks wait for what they begin with."""
    workers = Workers(2, begin_with_a_folder, None)
    try:
        assert list_folders(tmp_path) == 0
        workers.begin(tmp_path)
        assert workers.submit(list_folders, tmp_path).result() in (1, 2)
    finally:
        workers.close()
    assert list_folders(tmp_path) == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_workers_that_are_never_told_end(processes: int) -> None:
    """A campaign that stops before it has anything to judge waits for nobody; closing them twice is once too often, and harmless."""
    workers = Workers(processes, begin_with_a_folder, None)
    workers.close()
    workers.close()


def begin_with_a_folder(parent: Path) -> Callable[[], None]:
    """Begin a worker that has something to tidy up."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    return folder.rmdir


def list_folders(parent: Path) -> int:
    """Return how many folders there are while workers work."""
    return len(list(parent.iterdir()))


@pytest.mark.parametrize("processes", [1, 2])
def test_workers_tidy_up_when_they_end(tmp_path: Path, processes: int) -> None:
    """What an engine made, such as a folder of its own, is gone when the campaign has closed them."""
    workers = Workers(processes, begin_with_a_folder, (tmp_path,))
    during = workers.submit(list_folders, tmp_path).result()
    workers.close()

    assert during in range(1, processes + 1)
    assert list_folders(tmp_path) == 0


@dataclass(frozen=True)
class Boots:
    """A program to boot, and a file by which one worker tells the other that it is done."""

    state: NonVolatile
    recorded: Path


_calls: SharedCalls | None = None


def take_calls(calls: SharedCalls) -> None:
    """Begin a worker that shares calls."""
    global _calls
    _calls = calls


def record(boots: Boots) -> int:
    """Boot twice on a machine that records, then say so; return this process's number."""
    machine = EmbeddedMachine(load_device("stm32f103"), "c8", records_reads=True, calls=_calls)
    for _ in range(2):
        machine.boot(boots.state, seed=1)
    boots.recorded.touch()
    return os.getpid()


def look_up(boots: Boots) -> tuple[int, int, bool]:
    """Boot once the other worker has recorded; return this process's number, calls shared, and whether the trace is that of a machine without any."""
    while not boots.recorded.exists():
        time.sleep(0.01)
    assert _calls is not None
    user, plain = (EmbeddedMachine(load_device("stm32f103"), "c8", calls=calls) for calls in (_calls, None))
    same = user.boot(boots.state, seed=1) == plain.boot(boots.state, seed=1)
    return os.getpid(), _calls.counts().shared, same


def test_calls_that_one_worker_records_another_looks_up(tmp_path: Path) -> None:
    """The second process has recorded nothing, and executes none of them."""
    boots = Boots(make_state(0), tmp_path / "recorded")
    workers = Workers(2, take_calls, (SharedCalls(),))
    try:
        looking, recording = workers.submit(look_up, boots), workers.submit(record, boots)
        here, shared, same = looking.result()
    finally:
        workers.close()

    assert here != recording.result()
    assert (shared, same) == (2, True)
