"""Worker processes end with the campaign, whatever ends it."""

from __future__ import annotations

import signal
import subprocess
import sys

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
