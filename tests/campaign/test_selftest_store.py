"""A selftest that is interrupted: no seeded bug that was swept is swept again, and the end is that of an undisturbed one."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.build.bugs import SeededBug, load_bug
from harness.campaign.selftest import BugResult
from harness.campaign.selftest_store import KeptBug, SelftestStore
from harness.campaign.tally import Tally, TaskObserver
from harness.cli import run_cli
from harness.cli.selftest import SelftestProgress
from harness.errors import ExitCode

BUGS = ("counter-before-install", "counter-never-advanced", "signature-ignored")
ASKED = ["selftest", "--jobs", "1", "--json"]


@pytest.fixture(autouse=True)
def _few_bugs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seeded bugs: what is tested is what is kept of them."""
    monkeypatch.setattr("harness.cli.selftest.bugs_of", few_bugs)


def few_bugs(profile: str, chip: str) -> list[SeededBug]:
    """Return three of the bugs, as `bugs_of` returns them all."""
    del profile, chip
    return [load_bug(name) for name in BUGS]


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Summary and file of a selftest that nobody disturbed."""
    path = tmp_path_factory.mktemp("selftest") / "whole.store"
    program = [sys.executable, "-c", SHORT, *ASKED, "--store", str(path)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [*(f"bug {name}" for name in BUGS), "good"]
    return json.loads(done.stdout), path


SHORT = """
import sys
from harness.campaign import sweep
from harness.campaign.selftest_store import SelftestStore
from harness.cli import main
from tests.campaign.test_selftest_store import few_bugs
import harness.cli.selftest
harness.cli.selftest.bugs_of = few_bugs

def saying(method, what):
    def called(store, *arguments):
        method(store, *arguments)
        print(what(*arguments), file=sys.stderr, flush=True)
    return called

SelftestStore.add_bug = saying(SelftestStore.add_bug, lambda name, found: f"bug {name}")
SelftestStore.plan = saying(SelftestStore.plan, lambda plan: "good")
main(sys.argv[1:])
"""
"""The command with three bugs; it says what it has just kept."""


def end_when_it_says(what: str, with_signal: signal.Signals, arguments: list[str]) -> tuple[list[str], int]:
    """Run the command and send it a signal once it says something that begins so; return all that it said, and its exit code."""
    with subprocess.Popen([sys.executable, "-c", SHORT, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said: list[str] = []
        for told in process.stderr:
            if told.startswith(what) and not any(line.startswith(what) for line in said):
                process.send_signal(with_signal)
            said.append(told.strip())
        return said, process.wait(timeout=60)


def test_killed_again_and_again_it_ends_as_if_nobody_had(whole: tuple[dict[str, Any], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C after one bug of two processes, kill -9 amid the good bootloader: each bug is swept once, and the summary is the same, and the same once more."""
    summary, _ = whole
    path = tmp_path / "selftest.store"
    resume = ["selftest", "--resume", str(path), "--jobs", "1", "--json"]

    interrupted, code = end_when_it_says("bug", signal.SIGINT, [*ASKED, "--jobs", "2", "--store", str(path)])
    assert code == ExitCode.INTERRUPTED
    assert interrupted[-1] == f"go on with: harness selftest --resume {path}"
    killed, code = end_when_it_says("good", signal.SIGKILL, resume)
    assert code == -signal.SIGKILL
    assert sorted(line for line in interrupted + killed if line.startswith("bug ")) == [f"bug {name}" for name in BUGS]

    for _ in range(2):
        assert run_cli(resume) == ExitCode.HOLDS
        assert json.loads(capsys.readouterr().out) == summary


def test_a_partial_report_says_what_was_not_swept(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For people, and as JSON; without a file nobody is told to go on with one."""

    def stop(_progress: SelftestProgress, result: BugResult) -> None:
        if result.bug.name == BUGS[1]:
            raise KeyboardInterrupt

    monkeypatch.setattr(SelftestProgress, "swept", stop)
    assert run_cli(ASKED) == ExitCode.INTERRUPTED
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert (summary["bugs"], summary["planned"], summary["by_intended_rule"], summary["interrupted"]) == (2, 3, 2, True)
    assert "go on with" not in captured.err
    assert run_cli(ASKED[:-1]) == ExitCode.INTERRUPTED
    assert "interrupted: 2 of 3 seeded bugs, 2 found by the intended rule; the good bootloader was not swept" in capsys.readouterr().out


def test_a_bug_that_was_missed_stays_missed(whole: tuple[dict[str, Any], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the file says decides the exit code, as what was just found would: here it says that nothing was found."""
    path = tmp_path / "missed.store"
    path.write_bytes(whole[1].read_bytes())
    with sqlite3.connect(path) as database:
        database.execute("UPDATE bug SET found = ? WHERE name = ?", ('{"rules": [], "runs": 9, "replay_id": null}', BUGS[2]))
    database.close()

    assert run_cli(["selftest", "--resume", str(path), "--jobs", "1"]) == ExitCode.VIOLATION
    assert "3 seeded bugs, 2 found by the intended rule" in capsys.readouterr().out


WRONG: dict[str, tuple[list[str], str]] = {
    "another seed": (["selftest", "--resume", "{store}", "--seed", "2"], "seed: it is of another campaign: 1, not 2"),
    "another scenario": (["selftest", "--resume", "{store}", "--scenario", "nrf52840/speck-full"], "scenario: it is of another campaign"),
    "both options": (["selftest", "--resume", "{store}", "--store", "other"], "it is given with --store"),
    "a file that exists": (["selftest", "--store", "{store}"], "exists already. Go on with it (harness selftest --resume"),
    "no such file": (["selftest", "--resume", "absent"], "absent: no such file"),
    "given to a sweep": (["sweep", "--resume", "{store}"], "is the file of a selftest. Go on with it: harness selftest --resume"),
    "given to a table of hostile images": (["hostile", "--resume", "{store}"], "is the file of a selftest"),
    "given to a merge": (["merge", "{store}"], "is the file of a selftest"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_error(name: str, whole: tuple[dict[str, Any], Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the message names what is wrong."""
    arguments, message = WRONG[name]
    assert run_cli([argument.format(store=whole[1]) for argument in arguments]) == ExitCode.BAD_INPUT
    assert message in capsys.readouterr().err


def test_seeded_bugs_that_changed_are_other_bugs(
    whole: tuple[dict[str, Any], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came of an edit says nothing about another one."""
    monkeypatch.setattr("harness.cli.selftest.bugs_of", lambda profile, chip: few_bugs(profile, chip)[:2])

    assert run_cli(["selftest", "--resume", str(whole[1])]) == ExitCode.BAD_INPUT
    assert "bugs: it is of another campaign" in capsys.readouterr().err


def test_a_kept_bug_reads_back_as_it_was(whole: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    """And is kept once."""
    path = tmp_path / "copy.store"
    path.write_bytes(whole[1].read_bytes())
    store = SelftestStore(path)
    try:
        assert tuple(store.bugs) == BUGS
        kept = KeptBug(("bootable",), 3, "an id")
        store.add_bug("another", kept)
    finally:
        store.close()
    again = SelftestStore(path)
    assert again.bugs["another"] == kept
    again.close()


def test_a_tally_counts_what_a_search_that_begins_again_boots() -> None:
    """States are told as totals, which begin at none again; after the word to stop, the next one stops the search."""
    tally = Tally(2)
    one, other = TaskObserver(tally, 0), TaskObserver(tally, 1)
    one.searching(3, 9, 0)
    one.searching(5, 9, 1)
    one.searching(1, 9, 0)
    other.searching(2, 4, 0)
    assert str(tally) == "8 cuts, 1 violations"
    tally.stop()
    with pytest.raises(KeyboardInterrupt):
        other.searching(3, 4, 0)
