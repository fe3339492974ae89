"""Patches applied in place on either chip: a slice of the sweep; `tox -e delta` makes all of it."""

from __future__ import annotations

import json

import pytest

from harness.cli import run_cli

SLICES = [
    ("stm32f103", "counter-behind", "0-14", "some,metastable"),
    ("stm32f103", "update", "14-16", "none,some"),
    ("nrf52840", "log-rotation", "0-10", "most"),
]


@pytest.mark.parametrize(("chip", "case", "operations", "tears"), SLICES, ids=lambda value: str(value))
def test_no_cut_breaks_a_rule(chip: str, case: str, operations: str, tears: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Cut in the log, in scratch and in a move of the log, the update is finished and every rule holds."""
    arguments = ["sweep", f"{chip}/speck-delta", "--case", case, "--operations", operations, "--tears", tears, "--jobs", "1", "--json"]
    code = run_cli(arguments)
    summary = json.loads(capsys.readouterr().out)
    assert code == 0, summary
    assert summary["fired"] >= 4
