"""Every seeded bug whose rule QEMU can show, found on QEMU. `tox -e qemu` runs it; it takes minutes."""

from __future__ import annotations

import pytest

from harness.build.bugs import SeededBug, bugs_of
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown
from harness.scenario.prepare import PrepareOptions

pytestmark = pytest.mark.engine("qemu")

CHIP, PROFILE = "nrf51822", "speck"
BUGS = [bug for bug in bugs_of(PROFILE, CHIP) if bug.cuts == 1 and bug.tears is None and bug.rule_on(CHIP) not in rules_not_shown(shown_by("qemu"))]
"""Those of the profile that the chip has, which take one cut with the tears of a sweep."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_seeded_bug_is_found_by_its_rule(bug: SeededBug) -> None:
    """As on the embedded engine."""
    result = sweep_bug(bug, f"{CHIP}/speck-full", PrepareOptions(), SweepOptions(engine="qemu"))

    assert result.by_intended_rule, f"found: {result.rules or 'nothing'}, in {result.runs} runs"
