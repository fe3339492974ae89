"""`harness doctor`: what it says of each engine, and its exit codes."""

from __future__ import annotations

import json

import pytest

from harness.cli import doctor, run_cli
from harness.errors import ExitCode
from harness.machine.capability import Probe
from harness.machine.engines import ENGINES, probe_engine


def test_every_engine_is_listed_with_its_probe(capsys: pytest.CaptureFixture[str]) -> None:
    """The list holds what the engines themselves say, and the rules that they can't show."""
    assert run_cli(["doctor", "--json"]) == ExitCode.HOLDS

    told = {item["engine"]: item for item in json.loads(capsys.readouterr().out)}
    assert list(told) == list(ENGINES)
    for engine in ENGINES:
        probe = probe_engine(engine)
        assert (told[engine]["usable"], told[engine]["version"], told[engine]["remedy"]) == (probe.usable, probe.version, probe.remedy)
    assert told["embedded"]["rules_not_shown"] == []
    assert "time_budget" in told["qemu"]["rules_not_shown"]


def test_a_missing_engine_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A setting that names no program is told, with what to do; asked for that engine alone, the exit code says so."""
    monkeypatch.setenv("QEMU_PATH", "/nowhere/qemu")

    assert run_cli(["doctor", "--engine", "qemu"]) == ExitCode.BAD_INPUT
    told = capsys.readouterr().out
    assert "qemu      not usable" in told
    assert "QEMU_PATH" in told

    assert run_cli(["doctor"]) == ExitCode.HOLDS
    assert "embedded  usable" in capsys.readouterr().out


def test_a_remedy_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets of an extra are no markup."""
    monkeypatch.setattr(doctor, "probe_engine", lambda _: Probe(usable=False, remedy="pip install boot-harness[robot]"))

    assert run_cli(["doctor", "--engine", "qemu"]) == ExitCode.BAD_INPUT
    assert "pip install boot-harness[robot]\n" in capsys.readouterr().out
