"""Cases with modules: what cannot be meant is refused when the file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InputError
from harness.scenario.model import load_scenario
from harness.scenario.prepare import PrepareOptions, prepare

HEAD = 'name = "x"\ndevice = "stm32f103"\nprofile = "{profile}"\nparts = ["c8"]\n[[case]]\nname = "a"\nend = "old"\n'
INSTALLED = "installed = { version = 1 }\n"

WRONG = {
    "the new module of none": (INSTALLED + 'module = { end = "new" }', 'module.end = "new" needs module.staged'),
    "the old module of none": (INSTALLED + 'module = { staged = { version = 1 }, end = "old" }', 'module.end = "old" needs module.installed'),
    "a third bank": (INSTALLED + 'module = { installed = { version = 1 }, bank = 2, end = "old" }', "case[0].module.bank"),
    "a version that no counter holds": (INSTALLED + 'module = { counter = 281474976710656, end = "none" }', "case[0].module.counter"),
    "a patch's defect": (INSTALLED + 'module = { staged = { version = 1, defect = "other-base" }, end = "new" }', "is one of patches"),
    "a module's defect": ('installed = { version = 1, defect = "wild-relocation" }', "is one of modules"),
    "an image and a module in the slot": (
        INSTALLED + 'staged = { version = 2 }\nmodule = { staged = { version = 1 }, end = "new" }',
        "an image or a module, not both",
    ),
}


@pytest.mark.parametrize(("case", "message"), WRONG.values(), ids=WRONG)
def test_a_case_that_cannot_be_meant_is_refused(case: str, message: str, tmp_path: Path) -> None:
    """The error names the file and the field."""
    path = tmp_path / "scenario.toml"
    path.write_text(HEAD.format(profile="speck-module") + case, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_scenario(str(path))
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_modules_need_an_application_that_loads_them(tmp_path: Path) -> None:
    """A profile without modules refuses the case, and says which profile has them."""
    path = tmp_path / "scenario.toml"
    path.write_text(HEAD.format(profile="speck-delta") + INSTALLED + 'module = { end = "none" }', encoding="utf-8")
    with pytest.raises(InputError, match="loads no modules"):
        prepare(str(path), PrepareOptions())
