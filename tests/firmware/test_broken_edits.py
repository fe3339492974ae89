"""The seeded bugs fit the sources that they edit, and there is one for every rule."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.build.bugs import SeededBug, apply_edits, load_bugs
from harness.bundled import bundled_path
from harness.errors import InputError
from harness.oracle.rules import RULES

FIRMWARE = bundled_path("firmware")
BUGS = load_bugs(FIRMWARE)
AT_LEAST = 12


@pytest.fixture
def firmware_copy(tmp_path: Path) -> Path:
    """A copy of the firmware folder."""
    return Path(shutil.copytree(FIRMWARE, tmp_path / "firmware"))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_edits_apply(bug: SeededBug, firmware_copy: Path) -> None:
    """Every edit finds its text exactly once, and changes the file that it names."""
    for edit in bug.edits:
        before = (firmware_copy / edit.file).read_text(encoding="utf-8")
        apply_edits(firmware_copy, [edit])
        assert (firmware_copy / edit.file).read_text(encoding="utf-8") != before


def test_stale_edit_is_refused(firmware_copy: Path) -> None:
    """An edit whose text is gone is an error, not a bootloader without its bug."""
    bug = BUGS[0]
    apply_edits(firmware_copy, bug.edits)
    source = firmware_copy / bug.edits[0].file
    source.write_text(source.read_text(encoding="utf-8").replace(bug.edits[0].after, ""), encoding="utf-8")
    with pytest.raises(InputError, match="stale edit"):
        apply_edits(firmware_copy, bug.edits[:1])


def test_every_rule_has_a_bug() -> None:
    """The bugs name known rules, every rule is named, and there are enough of them."""
    assert {bug.rule for bug in BUGS} == set(RULES)
    assert len(BUGS) >= AT_LEAST


def test_bugs_differ() -> None:
    """No two bugs make the same edits."""
    assert len({bug.edits for bug in BUGS}) == len(BUGS)
