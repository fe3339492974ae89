"""The rules of a chip's flash controller as data: what docs/SPEC.md shows as a table and a conformance program is compared with."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.bundled import bundled_path
from harness.device.model import NonEmpty, Strict
from harness.errors import InputError
from harness.toml_input import load_toml

_FILE_NAME = "rules.toml"

Sentence = Annotated[str, Field(pattern=r"^[^|\n]*\S[^|\n]*$")]
"""One line that fits in a cell of a Markdown table."""


class KnownDifference(Strict):
    """What an engine that nobody here wrote is known to do instead.

    Attributes:
        seen: what the conformance program sees there. cause: why.
    """

    seen: Annotated[str, Field(pattern=r"^[^\s|]+$")]
    cause: Sentence


class Rule(Strict):
    """One rule of a flash controller.

    Attributes:
        id: as the conformance program prints it. rule: what the controller does.
        mistake: what firmware gets wrong in the field. source: document and section.
        assumption: what we chose, and why, where the source leaves it open.
        expected: what the conformance program must see, one word.
        misuse: what an engine must record while it shows the rule, by the names of `MisuseKind`, since nothing tells firmware of it.
        known_differences: by engine.
        test: `file: sentence` of the test that shows it, besides the conformance program.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}$")]
    rule: Sentence
    mistake: Sentence
    source: Sentence
    assumption: Sentence | None = None
    expected: Annotated[str, Field(pattern=r"^[^\s|]+$")]
    misuse: tuple[Annotated[str, Field(pattern=r"^[a-z]+(_[a-z]+)*$")], ...] = ()
    known_differences: dict[str, KnownDifference] = Field(default_factory=dict)
    test: Annotated[str, Field(pattern=r"^tests/\S+\.py: \S")]


class Rules(Strict):
    """The rules of one chip.

    Attributes:
        controller: what the chip's maker calls the flash controller.
    """

    controller: NonEmpty
    rule: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_ascend(self) -> Self:
        ids = [rule.id for rule in self.rule]
        if ids != sorted(set(ids)):
            raise ValueError("the ids of the rules are not different and in ascending order")
        return self


def rules_names() -> list[str]:
    """Return the names of the devices whose rules are written down."""
    return sorted(path.parent.name for path in bundled_path("platforms").glob(f"*/{_FILE_NAME}"))


def load_rules(device_name: str) -> Rules:
    """Load the rules of a bundled device.

    Raises:
        InputError: the device has none, or their file is malformed.
    """
    known = rules_names()
    if device_name not in known:
        raise InputError("the rules of the device are not written down", source=repr(device_name), remedy=f"Devices with rules: {', '.join(known)}.")
    return load_toml(bundled_path("platforms") / device_name / _FILE_NAME, Rules)
