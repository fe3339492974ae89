"""Seeded bugs: edits of the good firmware, each a mistake that a rule must find."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.build.profile import InnerPath, Strict
from harness.bundled import bundled_path
from harness.device import device_names
from harness.errors import InputError
from harness.toml_input import load_toml

Sentence = Annotated[str, Field(pattern=r"\S")]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]


class Edit(Strict):
    """One replacement of text in a firmware source.

    Attributes:
        file: relative to the firmware folder.
        before: text that occurs exactly once in it. after: what stands there instead.
    """

    file: InnerPath
    before: Annotated[str, Field(min_length=1)]
    after: str

    @property
    def chips(self) -> tuple[str, ...]:
        """The devices that the file is for, none where it is for all: `hal/nrf52840.c` is for one, `hal/nrf.h` for each whose name begins so."""
        path = PurePosixPath(self.file)
        return tuple(name for name in device_names() if name.startswith(path.stem)) if path.parent.name == "hal" else ()


class SeededBug(Strict):
    """A bootloader that differs from the good one by one real mistake.

    Attributes:
        title: the mistake, in one sentence.
        story: what it does in the field, and who made it.
        rule: name of the rule that must find it.
        profile: the profile whose bootloader, or application, has it. image: which of the two.
        chips: devices whose firmware can have it; all where it is left out.
        rules: the rule that must find it, by device, where a chip's flash makes another one speak.
        tears: the tears that show it, as `--tears` takes them; None: those of a sweep.
        cuts: the fewest cuts in a row that show it.
        edit: the edits that make it; one of a chip's own file is made on that chip only.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    title: Sentence
    story: Sentence
    rule: RuleName
    profile: Sentence = "speck"
    image: Literal["bootloader", "application"] = "bootloader"
    chips: tuple[str, ...] = ()
    rules: dict[str, RuleName] = Field(default_factory=dict)
    tears: Sentence | None = None
    cuts: Annotated[int, Field(ge=1, le=1000)] = 1
    edit: Annotated[tuple[Edit, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_its_chips(self) -> Self:
        known = device_names()
        for chip in (*self.chips, *self.rules):
            if chip not in known:
                raise ValueError(f"there is no device {chip!r}: known are {', '.join(known)}")
        for chip in known:
            if self.exists_on(chip) and not self.edits_on(chip):
                raise ValueError(f"no edit is made on {chip}: name the devices that it is for in `chips`, or add an edit of hal/{chip}.c")
            if not self.exists_on(chip) and (chip in self.rules or any(chip in edit.chips for edit in self.edit)):
                raise ValueError(f"`chips` does not name {chip}, but a rule or an edit is for it")
        return self

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, those for other chips too."""
        return self.edit

    def exists_on(self, chip: str) -> bool:
        """Whether the firmware of this device can have it."""
        return not self.chips or chip in self.chips

    def edits_on(self, chip: str) -> tuple[Edit, ...]:
        """Return the edits that make it on a device, as `build_bootloader` and `build_application` take them."""
        return tuple(edit for edit in self.edit if not edit.chips or chip in edit.chips)

    def rule_on(self, chip: str) -> str:
        """Return the name of the rule that must find it on a device."""
        return self.rules.get(chip, self.rule)


def bug_names(root: Path | None = None) -> list[str]:
    """Return the names of the seeded bugs of a firmware folder, by default the bundled one."""
    return sorted(path.stem for path in (root or bundled_path("firmware")).glob("broken/*.toml"))


def load_bug(name: str, root: Path | None = None) -> SeededBug:
    """Load one seeded bug.

    Raises:
        InputError: there is no such bug, or its file is malformed.
    """
    root = root or bundled_path("firmware")
    known = bug_names(root)
    if name not in known:
        raise InputError("no such seeded bug", source=repr(name), remedy=f"Known bugs: {', '.join(known)}.")
    path = root / "broken" / f"{name}.toml"
    bug = load_toml(path, SeededBug)
    if bug.name != name:
        raise InputError(f"{bug.name!r} is not the name of its file", source=str(path), field="name", remedy=f"Write {name!r}.")
    return bug


def load_bugs(root: Path | None = None) -> tuple[SeededBug, ...]:
    """Load all seeded bugs, in the order of their names."""
    return tuple(load_bug(name, root) for name in bug_names(root))


def bugs_of(profile: str, chip: str) -> list[SeededBug]:
    """Return the bundled seeded bugs that the firmware of a profile can have on a device, in the order of their names."""
    return [bug for bug in load_bugs() if bug.profile == profile and bug.exists_on(chip)]


def apply_edits(root: Path, edits: Iterable[Edit]) -> None:
    """Edit the firmware folder `root` in place: give it a copy.

    Raises:
        InputError: an edit is stale: its file is gone, or its text does not occur exactly once.
    """
    for edit in edits:
        path = root / edit.file
        if not path.is_file():
            raise InputError("stale edit: there is no such file", source=f"firmware/{edit.file}", remedy="Adapt the edit to the sources.")
        text = path.read_text(encoding="utf-8")
        count = text.count(edit.before)
        if count != 1:
            raise InputError(
                f"stale edit: the text occurs {count} times instead of once: {edit.before.strip()[:60]!r}",
                source=f"firmware/{edit.file}",
                remedy="Adapt the edit's `before` to the sources.",
            )
        path.write_text(text.replace(edit.before, edit.after), encoding="utf-8")
