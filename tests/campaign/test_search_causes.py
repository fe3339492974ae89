"""The report of a search speaks of causes, each with the shortest and earliest cuts that show it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.campaign.search import closure
from harness.campaign.search.findings import Violating, chosen_states
from harness.cli import run_cli
from harness.errors import ExitCode
from harness.fault.faults import Tear
from harness.fault.replay_id import parse_replay_id

SCENARIO = "stm32f103/speck-full"
SEARCH = ["sweep", SCENARIO, "--bug", "counter-page-erased-in-place", "--case", "counter-rotation", "--depth", "2", "--tears", "all", "--jobs", "1"]


def test_console_json_and_junit_name_the_same_causes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its place in the code, and an id that replays; no tear is made that the search was not told to make."""
    report = tmp_path / "report.xml"
    assert run_cli([*SEARCH, "--json", "--junit", str(report)]) == ExitCode.VIOLATION
    summary = json.loads(capsys.readouterr().out)
    causes = summary["causes"]

    assert summary["violating_states"] == sum(cause["violations"] for cause in causes) > len(causes) == 2
    assert {cause["rule"] for cause in causes} == {"no_downgrade"}
    assert [cause["site"][0]["function"] for cause in causes] == ["hal_flash_erase", "hal_flash_program"]
    for cause in causes:
        faults = parse_replay_id(cause["replay_id"]).faults
        assert len(faults) == 1
        assert {fault.tear for fault in faults} == {Tear.ALL}
        assert run_cli(["replay", cause["replay_id"]]) == ExitCode.VIOLATION
        assert cause["message"] in capsys.readouterr().out
    suites = {suite.get("name"): suite for suite in ET.parse(report).getroot()}  # noqa: S314 -- not from outside
    assert suites["causes"].get("failures") == "2"
    assert suites[SCENARIO].get("failures") == "1"
    assert causes[0]["replay_id"] in "".join(suites["causes"].itertext())
    assert summary["shrunk"] is True
    assert summary["risk"] == []  # tears that leave moments out tell nothing of risk


def test_what_was_left_open_is_an_error_and_no_risk_is_claimed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A search that its budget ended is neither a pass in JUnit nor zero bricks in a million."""
    report = tmp_path / "report.xml"
    search = ["sweep", SCENARIO, "--case", "update", "--depth", "closure", "--budget", "0.1s", "--jobs", "1", "--junit", str(report)]

    assert run_cli(search) == ExitCode.UNFINISHED

    root = ET.parse(report).getroot()  # noqa: S314 -- not from outside
    assert root.get("errors") == "1"
    (case,) = (test for test in root.iter("testcase") if test.get("classname") == f"{SCENARIO}.update")
    assert case.find("skipped") is not None
    assert "of 1,000,000 updates" not in capsys.readouterr().out


def test_a_clean_run_that_breaks_a_rule_is_all_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No state was left open, since none was looked for: console and JUnit say so, and there is nothing to go on with."""
    report, store = tmp_path / "report.xml", tmp_path / "search.store"
    search = ["sweep", SCENARIO, "--bug", "delay-at-start", "--case", "counter-behind", "--depth", "closure", "--jobs", "1"]

    assert run_cli([*search, "--junit", str(report), "--store", str(store)]) == ExitCode.VIOLATION

    told = capsys.readouterr()
    assert "nothing was cut" in told.out
    assert "go on with" not in told.err
    error = ET.parse(report).getroot().find(".//error")  # noqa: S314 -- not from outside
    assert error is not None
    assert error.get("message") == "nothing was cut: a clean run breaks a rule"


def test_a_budget_bounds_the_search_for_the_least_cuts_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Once it is used up, causes are reported with the cuts that were found, and the report says so."""
    monkeypatch.setattr(closure, "_TO_SHRINK", -1)  # over before it begins

    assert run_cli([*SEARCH, "--budget", "1h", "--json"]) == ExitCode.VIOLATION

    summary = json.loads(capsys.readouterr().out)
    assert summary["shrunk"] is False
    assert summary["finished"] is True
    assert len(summary["causes"]) == 2


def test_the_first_of_each_kind_is_always_made_again() -> None:
    """Also where there are more violating states than are made again, and its sequence is long; of the others, those with few cuts."""
    common, rare = ("bootable",), ("stable",)
    violating = [Violating(number, 300, 0, common) for number in range(500)]
    violating += [Violating(500, 700, 1, rare), *(Violating(number, 2, 0, common) for number in range(501, 900))]

    chosen = chosen_states(violating, first_only=False)

    assert chosen == [500, *range(501, 701)]
    assert chosen_states(violating, first_only=True) == [500, 501]
