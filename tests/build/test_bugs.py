"""Seeded bugs: edits that fit the sources, or are told to be stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.build import Edit, load_bug, load_bugs
from harness.build.bugs import apply_edits, bug_names
from harness.bundled import bundled_path
from harness.errors import InputError

BUG = """\
name = "tiny-bug"
title = "One thing is wrong."
story = "It happened."
rule = "bootable"
[[edit]]
file = "boot/main.c"
before = "one"
after = "two"
"""


def make_bug(root: Path, text: str) -> Path:
    """Write a firmware folder with one seeded bug and one source, and return it."""
    (root / "broken").mkdir()
    (root / "boot").mkdir()
    (root / "broken" / "tiny-bug.toml").write_text(text)
    (root / "boot" / "main.c").write_text("one three\n")
    return root


@pytest.mark.parametrize("name", bug_names())
def test_bundled_bug_fits_the_sources(tmp_path: Path, name: str) -> None:
    """Each edit of each bundled bug still finds its text exactly once."""
    root = shutil.copytree(bundled_path("firmware"), tmp_path / "firmware")
    apply_edits(root, load_bug(name).edits)


def test_edits_apply(tmp_path: Path) -> None:
    """A bug is loaded, and its edit replaces the text."""
    root = make_bug(tmp_path, BUG)
    (bug,) = load_bugs(root)
    apply_edits(root, bug.edits)
    assert (root / "boot" / "main.c").read_text() == "two three\n"


STALE = {
    "the text is gone": (Edit(file="boot/main.c", before="four", after=""), "occurs 0 times"),
    "the text is there twice": (Edit(file="boot/main.c", before="e", after=""), "occurs 3 times"),
    "the file is gone": (Edit(file="boot/none.c", before="one", after=""), "no such file"),
}


@pytest.mark.parametrize(("edit", "told"), STALE.values(), ids=STALE)
def test_stale_edit_is_told(tmp_path: Path, edit: Edit, told: str) -> None:
    """An edit that does not fit the sources is an error, and names the file."""
    root = make_bug(tmp_path, BUG)
    with pytest.raises(InputError, match=told) as raised:
        apply_edits(root, [edit])
    assert f"firmware/{edit.file}" in str(raised.value)
    assert "stale" in str(raised.value)


HAL_EDIT = """\
[[edit]]
file = "hal/nrf52840.c"
before = "one"
after = "two"
"""

MALFORMED = {
    "no edit": (BUG[: BUG.index("[[edit]]")], "edit"),
    "an empty text": (BUG.replace('before = "one"', 'before = ""'), "edit[0].before"),
    "a file outside": (BUG.replace("boot/main.c", "../main.c"), "edit[0].file"),
    "another name than the file's": (BUG.replace("tiny-bug", "other-bug"), "Write 'tiny-bug'"),
    "no story": (BUG.replace('story = "It happened."', 'story = " "'), "story"),
    "a device that is not there": (BUG.replace("[[edit]]", 'chips = ["stm32f104"]\n[[edit]]', 1), "no device 'stm32f104'"),
    "a rule for a device that is not there": (BUG.replace("[[edit]]", 'rules = { avr = "bootable" }\n[[edit]]', 1), "no device 'avr'"),
    "a rule for a device that cannot have it": (
        BUG.replace("[[edit]]", 'chips = ["stm32f103"]\nrules = { nrf52840 = "bootable" }\n[[edit]]', 1),
        "does not name nrf52840",
    ),
    "an edit for a device that cannot have it": (BUG.replace("[[edit]]", 'chips = ["stm32f103"]\n[[edit]]', 1) + HAL_EDIT, "does not name nrf52840"),
    "an edit for one of the devices that can have it": (BUG[: BUG.index("[[edit]]")] + HAL_EDIT, "no edit is made on nrf51822"),
}


@pytest.mark.parametrize(("text", "told"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_bug_is_told(tmp_path: Path, text: str, told: str) -> None:
    """The error names file and key."""
    with pytest.raises(InputError) as raised:
        load_bug("tiny-bug", make_bug(tmp_path, text))
    assert told in str(raised.value)
    assert "tiny-bug.toml" in str(raised.value)


def test_unknown_bug_names_the_known_ones(tmp_path: Path) -> None:
    """An unknown name is answered with the names that there are."""
    with pytest.raises(InputError, match="tiny-bug"):
        load_bug("tiny-bag", make_bug(tmp_path, BUG))


def test_an_edit_of_a_chips_own_file_is_made_on_that_chip_only(tmp_path: Path) -> None:
    """A mistake that each driver makes in its own way has an edit for each, and may be found by another rule."""
    text = BUG.replace("[[edit]]", 'rules = { nrf52840 = "flash_discipline" }\n[[edit]]', 1) + HAL_EDIT
    bug = load_bug("tiny-bug", make_bug(tmp_path, text))
    assert [edit.file for edit in bug.edits_on("stm32f103")] == ["boot/main.c"]
    assert [edit.file for edit in bug.edits_on("nrf52840")] == ["boot/main.c", "hal/nrf52840.c"]
    assert (bug.rule_on("stm32f103"), bug.rule_on("nrf52840")) == ("bootable", "flash_discipline")


def test_an_edit_of_a_familys_file_is_made_on_each_of_its_chips(tmp_path: Path) -> None:
    """The nRF chips share their driver: one edit of it is for all of them, and for no other chip."""
    bug = load_bug("tiny-bug", make_bug(tmp_path, BUG + HAL_EDIT.replace("nrf52840.c", "nrf.h")))
    assert [edit.file for edit in bug.edits_on("stm32f103")] == ["boot/main.c"]
    assert [edit.file for edit in bug.edits_on("nrf51822")] == [edit.file for edit in bug.edits_on("nrf52840")] == ["boot/main.c", "hal/nrf.h"]


def test_a_bug_of_one_chip_does_not_exist_on_the_other(tmp_path: Path) -> None:
    """`chips` keeps a bug away from devices that cannot have it."""
    bug = load_bug("tiny-bug", make_bug(tmp_path, BUG[: BUG.index("[[edit]]")] + 'chips = ["nrf52840"]\n' + HAL_EDIT))
    assert bug.exists_on("nrf52840")
    assert not bug.exists_on("stm32f103")
    assert load_bug("mass-erase").exists_on("stm32f103")
    assert load_bug("mass-erase").exists_on("nrf52840")
