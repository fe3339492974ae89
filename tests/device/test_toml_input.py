"""A malformed TOML file is told with file, dotted key, what is wrong and what is allowed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.errors import InputError
from harness.toml_input import load_toml

if TYPE_CHECKING:
    from pathlib import Path


class Colour(StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Wheel(BaseModel):
    """A table with bounds and a choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius_mm: Annotated[int, Field(gt=0, le=999)]
    colour: Colour = Colour.RED


class Cart(BaseModel):
    """A table with tables in every place that a model may have them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z]+$")]
    length_mm: float = 1.0
    wheel: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    axles: dict[str, Wheel] = {}
    axle_sets: dict[str, dict[str, Wheel]] = {}

    @model_validator(mode="after")
    def _no_ghosts(self) -> Cart:
        if self.name == "ghost":
            raise ValueError("a cart is not a ghost")
        return self


MALFORMED = {
    "a misspelt key is told with the one that was meant": ('name = "a"\nlenght_mm = 2', "lenght_mm", "unknown key", "'length_mm'"),
    "a key like no other is told with all known ones": ('name = "a"\nxyzzy = 2', "xyzzy", "unknown key", "Known keys: name,"),
    "a misspelt key in an array of tables is told with its place": (
        'name = "a"\n[[wheel]]\nradius_mm = 1\n[[wheel]]\nradius = 1',
        "wheel[1].radius",
        "unknown key",
        "'radius_mm'",
    ),
    "a misspelt key in an optional table": ('name = "a"\nspare = {radius_mm = 1, color = "red"}', "spare.color", "unknown", "'colour'"),
    "a misspelt key in a table of tables": (
        'name = "a"\n[axles.front]\nradius_mm = 1\ncolor = "red"',
        "axles.front.color",
        "unknown key",
        "'colour'",
    ),
    "a misspelt key two tables deep": (
        'name = "a"\n[axle_sets.x.y]\nradius_mm = 1\ncolor = "red"',
        "axle_sets.x.y.color",
        "unknown key",
        "'colour'",
    ),
    "a missing key": ("length_mm = 2", "name", "missing", "Add it"),
    "a value that is none of the allowed": (
        'name = "a"\nspare = {radius_mm = 1, colour = "green"}',
        "spare.colour",
        '"green" is not an allowed value',
        "'red' or 'blue'",
    ),
    "a negative number": ('name = "a"\nspare = {radius_mm = -4}', "spare.radius_mm", "-4 is out of range", "greater than 0"),
    "a number too great": ('name = "a"\nspare = {radius_mm = 1000}', "spare.radius_mm", "1000 is out of range", "at most 999"),
    "a number in quotes": ('name = "a"\nspare = {radius_mm = "4"}', "spare.radius_mm", '"4" is not an integer', "Give an integer"),
    "a truth value for a number": ('name = "a"\nspare = {radius_mm = true}', "spare.radius_mm", "true is not an integer", "integer"),
    "a fraction for a whole number": ('name = "a"\nspare = {radius_mm = 1.5}', "spare.radius_mm", "1.5 is not an integer", "integer"),
    "a table for a string": ("name = {}", "name", "{} is not a string", "Give a string"),
    "a string for a table": ('name = "a"\nspare = "x"', "spare", '"x" is not a table', "Give a table"),
    "a string for an array": ('name = "a"\nwheel = "x"', "wheel", '"x" is not an array', "Give an array"),
    "a date for a number": ('name = "a"\nlength_mm = 2020-01-01', "length_mm", '"2020-01-01" is not a number', "number"),
    "a string of the wrong form": ('name = "A B"', "name", '"A B" is not allowed', "^[a-z]+$"),
    "a rule of the whole model": ('name = "ghost"', None, "a cart is not a ghost", "Correct"),
    "two mistakes are both told": ("length_mm = true\nspare = 1", "name", "missing", "Also wrong: length_mm, spare"),
    "text that is not TOML": ("name = \n", None, "not valid TOML", "line 1"),
    "a key given twice": ('name = "a"\nname = "b"\n', None, "not valid TOML", "line 2"),
    "a number of too many digits": ("name = " + "9" * 5000, None, "not valid TOML", "Correct"),
    "arrays without end": ("name = " + "[" * 100_000, None, "not valid TOML", "Correct"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_told(case: str, tmp_path: Path) -> None:
    """Each malformed file gives an `InputError` with file, key, problem and remedy."""
    text, field, problem, remedy = MALFORMED[case]
    path = tmp_path / "cart.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError) as caught:
        load_toml(path, Cart)

    assert caught.value.source == str(path)
    assert caught.value.field == field
    assert problem in str(caught.value)
    assert remedy in str(caught.value)


def test_a_good_file_loads(tmp_path: Path) -> None:
    """Arrays become tuples, strings become enums, whole numbers serve as fractions."""
    path = tmp_path / "cart.toml"
    path.write_text('name = "a"\nlength_mm = 3\n[[wheel]]\nradius_mm = 0x10\ncolour = "blue"', encoding="utf-8")

    assert load_toml(path, Cart) == Cart(name="a", length_mm=3.0, wheel=(Wheel(radius_mm=16, colour=Colour.BLUE),))


UNREADABLE = {
    "a file that is not there": (None, "No such file"),
    "a file that is not text": (b"name = '\xff'", "not UTF-8 text (byte 8)"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files_are_told(case: str, tmp_path: Path) -> None:
    """A file that can't be read is bad input, not a traceback."""
    content, problem = UNREADABLE[case]
    path = tmp_path / "cart.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        load_toml(path, Cart)

    assert problem in str(caught.value)
