"""The harness's proof that it can fail, as any user runs it."""

from __future__ import annotations

import json

import pytest

from harness.build.bugs import load_bugs
from harness.cli import run_cli
from harness.oracle.rules import RULES


def test_every_seeded_bug_is_found_by_its_rule_and_the_good_bootloader_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    """`harness selftest --json`: all found, all by the intended rule, no false alarm over the whole good sweep."""
    code = run_cli(["selftest", "--json"])

    summary = json.loads(capsys.readouterr().out)
    assert code == 0
    missed = [row for row in summary["results"] if row["intended_rule"] not in row["rules"]]
    assert missed == []
    assert summary["bugs"] == summary["found"] == summary["by_intended_rule"] >= 10
    assert summary["false_alarms"] == 0
    assert summary["good_cuts"] > 8000
    assert all(row["replay_id"] for row in summary["results"])


def test_every_rule_has_a_seeded_bug_that_names_it() -> None:
    """A rule that no firmware trips has not been shown to work."""
    assert {bug.rule for bug in load_bugs()} == set(RULES)
