"""When a search stops, and when a command is killed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from harness.oracle.verdict import Verdict


def never(_: Verdict) -> bool:
    """A search for something that is never found groups and compares nothing on the way."""
    return False


def kill_when(is_time: Callable[[], bool], command: list[str]) -> None:
    """Start a command and kill it once it has come so far, unless it ends before."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not is_time():
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)


def kill_when_it_told(count: int, lines: Path, command: list[str]) -> None:
    """Start a sweep and kill it once it has told of so many verdicts."""
    lines.unlink(missing_ok=True)
    kill_when(lambda: lines.exists() and lines.read_bytes().count(b"\n") >= count, command)
