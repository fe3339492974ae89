"""`harness agree`: what it prints, its JSON, and its exit codes."""

from __future__ import annotations

import json

import pytest

from harness.campaign.agreement import Agreement, AgreeOptions
from harness.campaign.comparison import Aspect, Difference
from harness.cli import agree as command
from harness.cli import run_cli
from harness.errors import ExitCode
from harness.fault.faults import Fault, Tear
from harness.scenario.prepared import PreparedScenario

ARGUMENTS = ["agree", "nrf51822/speck-full", "--case", "counter-behind", "--sample", "2", "--jobs", "1"]
DIFFERENCE = Difference("update", Fault(0, 4, Tear.SOME), Aspect.OPERATION, ("embedded", "qemu"), ("program 1", "none"), 1, 7, 0x6C00)


@pytest.mark.engine("qemu")
def test_engines_that_agree_give_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The object has the counts, no difference, and the time that each engine took."""
    assert run_cli([*ARGUMENTS, "--json"]) == ExitCode.HOLDS
    told = json.loads(capsys.readouterr().out)
    assert (told["compared"], told["differences"], told["engines"]) == (2, [], ["embedded", "qemu"])
    assert told["rules_not_shown"]["qemu"] == ["flash_discipline", "time_budget"]
    assert all(seconds > 0 for seconds in told["seconds_per_cut"].values())


@pytest.mark.parametrize("as_json", [False, True])
def test_a_difference_gives_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    """It is reported as operation, address and both values."""

    def differ(scenario: PreparedScenario, options: AgreeOptions, *_: object) -> Agreement:
        return Agreement(scenario, options, cases=1, planned=1, compared=1, differences=[DIFFERENCE], cut_seconds={"embedded": 1.0, "qemu": 2.0})

    monkeypatch.setattr(command, "agree", differ)
    assert run_cli([*ARGUMENTS, *(["--json"] if as_json else [])]) == ExitCode.VIOLATION
    out = capsys.readouterr().out
    if as_json:
        (found,) = json.loads(out)["differences"]
        assert found == {
            "case": "update", "fault": "4some", "rule": None, "aspect": "operation", "boot": 1, "operation": 7, "address": 0x6C00,
            "values": {"embedded": "program 1", "qemu": "none"},
        }  # fmt: skip
    else:
        assert "update, cut 4some, boot 1, operation 7, 0x00006c00" in out
        assert "1 differences" in out


WRONG = {
    "an unknown engine": (["--engines", "embedded,qmeu"], "unknown engine 'qmeu'"),
    "one engine": (["--engines", "embedded"], "two different engines"),
    "no such case": (["--case", "updat"], "no case 'updat'"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
def test_bad_input_gives_exit_code_2(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear message."""
    assert run_cli([*ARGUMENTS, *arguments]) == ExitCode.BAD_INPUT
    assert told in capsys.readouterr().err


@pytest.mark.engine("qemu")
def test_a_moment_needs_an_engine_with_time(capsys: pytest.CaptureFixture[str]) -> None:
    """QEMU has none: a cut at a time is refused, and a plain run names the rules that it can't show."""
    assert run_cli(["run", "nrf51822/speck-full", "--engine", "qemu", "--case", "forged", "--cut-at", "1ms"]) == ExitCode.BAD_INPUT
    assert "does not model time" in capsys.readouterr().err
    assert run_cli(["run", "nrf51822/speck-full", "--engine", "qemu", "--case", "forged"]) == ExitCode.HOLDS
    assert "not shown by the qemu engine: flash_discipline, time_budget" in capsys.readouterr().out
