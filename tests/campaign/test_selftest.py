"""The harness's proof that it can fail, as any user runs it."""

from __future__ import annotations

import json

import pytest

from harness.build.bugs import SeededBug, bugs_of, load_bugs
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions
from harness.cli import run_cli
from harness.oracle.rules import RULES
from harness.scenario.prepare import PrepareOptions

CHIP = "stm32f103"
PLAIN = [bug for bug in bugs_of("speck", CHIP) if bug.cuts == 1 and bug.tears is None]
FIRST_OF_EACH_RULE = list({bug.rule_on(CHIP): bug for bug in reversed(PLAIN)}.values())


@pytest.mark.parametrize("bug", FIRST_OF_EACH_RULE, ids=lambda bug: bug.rule_on(CHIP))
def test_a_rule_finds_a_bug_that_was_seeded_for_it(bug: SeededBug) -> None:
    """One bug for each rule; `tox -e long` tries them all."""
    result = sweep_bug(bug, f"{CHIP}/speck-full", PrepareOptions(), SweepOptions())

    assert result.by_intended_rule, f"found: {result.rules or 'nothing'}, in {result.runs} runs"


@pytest.mark.long
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
