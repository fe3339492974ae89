"""The Robot library: its documentation, and what a suite that uses it sees."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from robot.libdocpkg import LibraryDocumentation
from robot.libdocpkg.model import KeywordDoc

from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]
LIBRARY = LibraryDocumentation("harness.robot.BootHarness")
SENTENCES = LibraryDocumentation(str(ROOT / "harness/robot/power_cuts.resource"))
FORGED = ["Use Device    stm32f103/speck-full", "Choose Case    forged"]


def run_suite(folder: Path, *lines: str) -> ET.Element:
    """Run one test with these steps in a process of its own; return what Robot Framework wrote of it."""
    suite = folder / "own.robot"
    steps = "\n    ".join(lines)
    suite.write_text(f"*** Settings ***\nLibrary    harness.robot.BootHarness\n\n*** Test Cases ***\nIt\n    {steps}\n")
    command = [sys.executable, "-m", "robot", "--outputdir", str(folder), "--log", "NONE", "--report", "NONE", str(suite)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    test = ET.parse(folder / "output.xml").getroot().find(".//test")  # noqa: S314 -- written by the line above
    assert test is not None
    return test


def status_of(test: ET.Element) -> tuple[str, str]:
    """Return PASS, FAIL or SKIP, and the message."""
    status = test.find("status")
    assert status is not None
    return status.attrib["status"], status.text or ""


@pytest.mark.parametrize("keyword", LIBRARY.keywords, ids=lambda keyword: keyword.name)
def test_every_keyword_is_documented_and_typed(keyword: KeywordDoc) -> None:
    """It has a text, an example if it takes anything, a type for each argument, and a place in docs/robot.md."""
    assert len(keyword.doc) > 20
    assert not list(keyword.args) or "Example: |" in keyword.doc
    assert all(argument.type for argument in keyword.args if argument.name)
    assert f"`{keyword.name}`" in (ROOT / "docs/robot.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("sentence", SENTENCES.keywords, ids=lambda sentence: sentence.name)
def test_every_sentence_is_documented(sentence: KeywordDoc) -> None:
    """Whoever reads a suite can look up what a sentence means."""
    assert sentence.doc


def test_a_failure_shows_replay_id_uart_log_and_flash_difference(tmp_path: Path) -> None:
    """The run that a failed test made is in the log, and its message has the command that replays it."""
    test = run_suite(tmp_path, *FORGED, "Cut Power At Operation    0    all", "Outcome Should Be    new version")

    status, message = status_of(test)
    assert status == "FAIL"
    assert message.startswith("Expected new version, the run ended with old version.\nReplay: harness replay 'stm32f103/speck-full:forged:0all:1:")
    logged = "".join(told.text or "" for told in test.iter("msg"))
    for evidence in ("uart | application 1 ready", "page 0x", "power cut", "harness replay "):
        assert evidence in logged


def test_a_campaign_that_fails_names_its_first_cut(tmp_path: Path) -> None:
    """The number of broken runs, the first violation, and its replay id."""
    lines = ("Use Device    stm32f103/speck-full    bug=counter-before-install", "Choose Case    update", "Cut Power Throughout    sample=4    tears=some")
    status, message = status_of(run_suite(tmp_path, *lines))
    assert status == "FAIL"
    assert "of 4 cuts break a rule; the first: " in message
    assert "Replay: harness replay 'stm32f103/speck-full+bug=counter-before-install:update:" in message


def test_an_own_scenario_is_kept_for_its_replay_ids(tmp_path: Path) -> None:
    """The file that the keywords write is a scenario like any other."""
    lines = ("Begin Scenario    mine", "Add Case    fresh    new    installed=3    staged=7", "${path} =    Use Own Scenario", "Power On")
    status, message = status_of(run_suite(tmp_path, *lines, "Installed Version Should Be    7", "Log    ${path}"))
    assert (status, message) == ("PASS", "")
    scenario = load_scenario(str(tmp_path / "scenarios/mine.toml"))
    assert [(case.name, case.installed.version) for case in scenario.case] == [("fresh", 3)]


WRONG_STEPS = {
    "nothing is chosen": (["Power On"], "Begin with the keyword `Use Device`."),
    "nothing was run": ([*FORGED, "Outcome Should Be    new version"], "Use `Power On` or a keyword that cuts power first."),
    "no such case": ([*FORGED, "Choose Case    nowhere"], "no case 'nowhere'"),
    "no such operation": ([*FORGED, "Cut Power At Operation    9999"], "there is no operation 9999some"),
    "no such tear": ([*FORGED, "Cut Power At Operation    1    sideways"], "sideways"),
    "a program has no half page": ([*FORGED, "Cut Power At Operation    1    half-page"], "cannot tear as half-page"),
    "a fraction that is not told": ([*FORGED, "Cut Power At Operation    1    fraction"], "Use `Cut Power At Time`"),
    "no such scenario": (["Use Device    nowhere"], "no such scenario"),
    "no such engine": (["Use Device    stm32f103/speck-full    engine=abacus"], "unknown engine 'abacus'"),
    "an end without what it needs": (["Begin Scenario    mine", "Add Case    lonely    new    installed=1"], 'end = "new" needs a staged image'),
    "no moment": ([*FORGED, "Cut Power At Time    soon"], "'soon' is not a virtual time"),
    "no such hostile image": ([*FORGED, "Choose Hostile Image    nice"], "there is no hostile image 'nice'"),
    "another reason": (
        ["Use Device    stm32f103/speck-full", "Choose Hostile Image    key-foreign", "Power On", "Refusal Reason Should Be    crc"],
        "recorded is key",
    ),
    "no such rule": ([*FORGED, "Power On", "Rule Should Be Broken    luck"], "there is no rule 'luck'"),
}


def test_a_wrong_step_is_told_plainly(tmp_path: Path) -> None:
    """Each fails its test with what is wrong and what to do, without a class name in front."""
    suite = tmp_path / "wrong.robot"
    tests = "\n".join("\n    ".join([name, *steps]) for name, (steps, _) in WRONG_STEPS.items())
    suite.write_text(f"*** Settings ***\nLibrary    harness.robot.BootHarness\n\n*** Test Cases ***\n{tests}\n")
    command = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), "--log", "NONE", "--report", "NONE", str(suite)]
    subprocess.run(command, capture_output=True, check=False, timeout=300)
    root = ET.parse(tmp_path / "output.xml").getroot()  # noqa: S314 -- written by the line above

    told = {test.attrib["name"]: status_of(test) for test in root.iter("test")}

    assert set(told) == set(WRONG_STEPS)
    for name, (_, message) in WRONG_STEPS.items():
        assert told[name][0] == "FAIL"
        assert message in told[name][1], name
        assert "InputError" not in told[name][1], name
