"""A table of hostile images that is interrupted: nothing that was tried is lost, or tried again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.campaign.hostile_worker import Attack, AttackResult, HostileWorker
from harness.cli import run_cli
from harness.image.hostile import hostile_images
from harness.image.hostile_header import HostileImage

SCENARIO = "stm32f103/speck-full"
ASKED = ["hostile", SCENARIO, "--at-cuts", "--sample", "14", "--pairs", "3", "--jobs", "1", "--json"]
ROWS = ("slot-text", "version-replayed", "signature-malleable")
BATCHES = 2
"""17 sequences of cuts, sixteen at a time."""


@pytest.fixture(autouse=True)
def _short_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images of the table: what is tested is what is kept of them."""

    def rows() -> tuple[HostileImage, ...]:
        return tuple(hostile for hostile in hostile_images() if hostile.name in ROWS)

    monkeypatch.setattr("harness.scenario.hostile.hostile_images", rows)


def summary_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the printed object without what differs from run to run."""
    summary: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {name: value for name, value in summary.items() if name != "seconds"}


def stop_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let Ctrl-C come once so many batches were attacked; return the list that their sizes are put into."""
    attacked: list[int] = []
    attack = HostileWorker.attack

    def attack_until_stopped(worker: HostileWorker, attacks: Sequence[Attack]) -> AttackResult:
        if len(attacked) == batches:
            raise KeyboardInterrupt
        attacked.append(len(attacks))
        return attack(worker, attacks)

    monkeypatch.setattr(HostileWorker, "attack", attack_until_stopped)
    return attacked


def test_an_interrupted_table_is_finished_with_the_same_report(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C amid the cuts: exit code 130 and a partial report; by its file alone the rest is made, and the report is the undisturbed one."""
    assert run_cli(ASKED) == 0
    whole = summary_of(capsys)
    store = tmp_path / "hostile.store"

    with monkeypatch.context() as patched:
        stop_after(1, patched)
        assert run_cli([*ASKED, "--store", str(store)]) == 130
    captured = capsys.readouterr()
    partial = json.loads(captured.out)
    assert f"go on with: harness hostile --resume {store}" in captured.err
    assert partial["interrupted"]
    assert (partial["refused"], partial["at_cuts"]["sequences_of_cuts"], partial["at_cuts"]["planned_sequences"]) == (len(ROWS), 16, 17)

    rest = stop_after(BATCHES, monkeypatch)
    assert run_cli(["hostile", "--resume", str(store), "--jobs", "1", "--json"]) == 0
    assert summary_of(capsys) == whole
    assert rest == [1]
    assert run_cli(["hostile", "--resume", str(store), "--jobs", "1", "--json"]) == 0
    assert summary_of(capsys) == whole
    assert rest == [1]


def test_people_and_junit_are_told_what_was_not_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted table says how much is left, and nothing of every image."""
    stop_after(0, monkeypatch)
    report = tmp_path / "hostile.xml"
    assert run_cli([*ASKED[:-1], "--junit", str(report)]) == 130
    told = capsys.readouterr().out
    assert "17 of 17 sequences of cuts were not tried" in told
    assert "every image is refused" not in told
    assert 'errors="1"' in report.read_text()


WRONG = {
    "another seed": (["--resume", "{store}", "--seed", "2"], "seed: it is of another campaign: 1, not 2"),
    "another build": (["--resume", "{store}", "--app-kib", "8"], "build: it is of another campaign"),
    "both options": (["--resume", "{store}", "--store", "other"], "it is given with --store"),
    "a file that exists": ([SCENARIO, "--store", "{store}"], "exists already. Go on with it (harness hostile --resume"),
    "no such file": (["--resume", "absent"], "absent: no such file"),
    "nothing to try": ([], "Missing argument 'SCENARIO'"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a table that was tried at rest."""
    path = tmp_path_factory.mktemp("store") / "hostile.store"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("harness.scenario.hostile.hostile_images", lambda: tuple(hostile for hostile in hostile_images() if hostile.name in ROWS))
        assert run_cli(["hostile", SCENARIO, "--jobs", "1", "--store", str(path)]) == 0
    return path


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_error(name: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the message names what is wrong."""
    arguments, message = WRONG[name]
    assert run_cli(["hostile", *(argument.format(store=store) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_the_file_of_another_command_is_named(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sweep does not take it, and says who does."""
    assert run_cli(["sweep", "--resume", str(store)]) == 2
    assert "is the file of a table of hostile images. Go on with it: harness hostile --resume" in capsys.readouterr().err
