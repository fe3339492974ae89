"""`harness sweep` as its users and their CI see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.cli import run_cli

SCENARIO = "stm32f103/speck-full"
SLICE = ["sweep", SCENARIO, "--case", "update", "--operations", "0-6"]
PROMISED_KEYS = {"operations", "planned", "run", "fired", "violations", "outcomes", "seconds", "cuts_per_second", "virtual_update_us"}


def read_xml(path: Path) -> ET.Element:
    """Return the root of an XML file that this test has just made."""
    return ET.parse(path).getroot()  # noqa: S314 -- not from outside


def test_json_is_one_object_with_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds the summary and nothing else."""
    assert run_cli([*SLICE, "--json"]) == 0

    summary = json.loads(capsys.readouterr().out)
    assert summary.keys() >= PROMISED_KEYS
    assert summary["planned"] == summary["run"] == summary["fired"] > 0
    assert summary["violations"] == 0
    assert sum(summary["outcomes"].values()) == summary["run"]
    assert summary["live_checked"] > 0


def test_jsonl_and_junit_hold_every_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a verdict with the proof of its fault; one test an operation, and the clean run."""
    lines, report = tmp_path / "verdicts.jsonl", tmp_path / "report.xml"
    assert run_cli([*SLICE, "--json", "--jsonl", str(lines), "--junit", str(report)]) == 0

    summary = json.loads(capsys.readouterr().out)
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    faulted = [record for record in records if record["fault"]]
    assert len(faulted) == summary["run"]
    assert len(records) == summary["run"] + summary["cases"]
    assert all({"fault", "address", "pc", "crash_digest", "cells_changed"} <= record["fault"].keys() for record in faulted)
    suite = read_xml(report).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("8", "0")
    names = {item.get("name") for item in suite.iter("property")}
    assert {"virtual_ready_worst_us", "virtual_verification_us_low", "virtual_verification_us_high"} <= names


def test_a_violation_fails_its_test_and_names_the_replay_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CI's report says what to run next; the exit code is 1."""
    report = tmp_path / "report.xml"
    code = run_cli(["sweep", SCENARIO, "--bug", "signature-ignored", "--case", "forged", "--junit", str(report)])

    assert code == 1
    assert "harness replay stm32f103/speck-full+bug=signature-ignored:forged:clean:1:" in capsys.readouterr().out
    failures = read_xml(report).findall(".//failure")
    assert "authentic_entry: entered an application that is not authentic" in "".join(failure.text or "" for failure in failures)


def test_a_reader_that_goes_away_is_no_violation() -> None:
    """`harness ... | head` ends as any tool does whose pipe was closed."""
    command = [sys.executable, "-m", "harness.cli", "run", SCENARIO]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        errors = process.stderr.read() if process.stderr else ""
        code = process.wait(timeout=60)

    assert code == 141
    assert "Traceback" not in errors


def test_a_campaign_that_cuts_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A case that is judged by its clean run alone is not reported like a swept one."""
    assert run_cli(["sweep", SCENARIO, "--case", "tampered-application"]) == 0

    output = capsys.readouterr().out
    assert "nothing was cut" in output
    assert "no violation" not in output
    assert "until the new version runs" not in output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "no violation"),
        (["--operations", "0-3"], "no violation, in a part of the cuts: it proves nothing about the rest"),
        (["--tears", "none,all"], "no violation over the tears none, all"),
        (["--tears", "none", "--fractions", "2"], "no violation over the tears none, 2 fractions"),
    ],
    ids=["all of it", "some operations", "some tears", "fractions"],
)
def test_the_conclusion_claims_no_more_than_was_cut(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads the last line alone learns what it rests on."""
    assert run_cli(["sweep", SCENARIO, "--case", "counter-behind", "--jobs", "1", *options]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == words


@pytest.mark.parametrize(("jobs", "presses"), [("1", 1), ("2", 1), ("2", 3)])
def test_ctrl_c_ends_cleanly_and_keeps_what_was_done(tmp_path: Path, jobs: str, presses: int) -> None:
    """However often it is pressed: the sweep reports what it judged, says that the rest was not run, and leaves no process behind."""
    lines = tmp_path / "verdicts.jsonl"
    command = [sys.executable, "-m", "harness.cli", "sweep", SCENARIO, "--jobs", jobs, "--jsonl", str(lines)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (lines.exists() and '"fault": {' in lines.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "interrupted" in output
    assert [json.loads(line)["case"] for line in lines.read_text().splitlines()]
    deadline = time.monotonic() + 10
    while running_in_group(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running_in_group(process.pid) == []


def running_in_group(group: int) -> list[str]:
    """Return the command lines of the processes of a group that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = status.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                found.append((status.parent / "cmdline").read_text())
        except OSError:
            continue  # it ended while we looked
    return found
