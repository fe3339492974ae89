"""TOML files as checked models: the one place where a malformed file becomes an `InputError`."""

from __future__ import annotations

import difflib
import json
import tomllib
import types
import typing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import InputError

if typing.TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound=BaseModel)

Location = tuple[int | str, ...]

_TYPES = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "list_type": "an array",
    "tuple_type": "an array",
    "set_type": "an array",
}
"""What pydantic's type errors ask for, in the words of TOML."""

_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
"""Pydantic's bound errors: name of the bound in the error's context, and how it reads."""


def load_toml(path: Path, model: type[ModelT]) -> ModelT:
    """Read a TOML file as `model`.

    Args:
        path: the file.
        model: a pydantic model; with `extra="forbid"` an unknown key is an error that names the nearest known one.

    Raises:
        InputError: the file can't be read, is not TOML, or does not fit the model; names file, dotted key and allowed values.
    """
    return check_table(read_toml(path), model, source=str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as plain values.

    Raises:
        InputError: the file can't be read or is not TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Give the path of a readable TOML file.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start})", source=str(path), remedy="Save the file as UTF-8; TOML allows nothing else.") from error
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Besides TOMLDecodeError: numbers of thousands of digits are a ValueError, and endless nesting a RecursionError.
        raise InputError(f"is not valid TOML: {error}", source=str(path), remedy="Correct the file at that place.") from error


def check_table(table: dict[str, Any], model: type[ModelT], *, source: str) -> ModelT:
    """Check plain values against `model`.

    Args:
        table: what a TOML parser returns.
        model: a pydantic model.
        source: the file that errors name.

    Raises:
        InputError: the values do not fit the model.
    """
    # Strict JSON mode is what a TOML file means: arrays may become tuples and strings enums, but "5" or true is no integer.
    text = json.dumps(table, default=str)
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _translated(error, model, source) from error


def _translated(error: ValidationError, model: type[BaseModel], source: str) -> InputError:
    """Return the most telling of the errors as an `InputError`."""
    details = error.errors(include_url=False)
    # A misspelt key is also reported as the missing right one: tell the misspelling first.
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    problem, remedy = _explained(first, model)
    if len(details) > 1:
        others = ", ".join(_dotted(detail["loc"]) or "the file" for detail in details if detail is not first)
        remedy += f" Also wrong: {others}."
    return InputError(problem, source=source, field=_dotted(first["loc"]) or None, remedy=remedy)


def _explained(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Return problem and remedy of one error."""
    kind, context, location = detail["type"], detail.get("ctx", {}), detail["loc"]
    given = json.dumps(detail.get("input"), default=str)
    given = given if len(given) <= 60 else given[:57] + "..."
    if kind == "extra_forbidden":
        return "unknown key", _known_keys_remedy(model, location)
    if kind == "missing":
        return "the key is missing", "Add it."
    if kind in ("enum", "literal_error"):
        return f"{given} is not an allowed value", f"Allowed: {context['expected']}."
    if kind in _TYPES:
        return f"{given} is not {_TYPES[kind]}", f"Give {_TYPES[kind]}."
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{given} is out of range", f"The value must be {words} {context[name]}."
    if kind == "string_pattern_mismatch":
        return f"{given} is not allowed", f"The value must match {context['pattern']}."
    if kind == "too_short":
        return "it has too few entries", f"Give at least {context['min_length']}."
    if kind == "value_error":
        return str(context["error"]), "Correct the value."
    return f"{given}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", "Correct the value."


def _known_keys_remedy(model: type[BaseModel], location: Location) -> str:
    """Return which key may have been meant in place of the unknown one at `location`."""
    known = _keys_at(model, location[:-1])
    nearest = difflib.get_close_matches(str(location[-1]), known, n=1)
    if nearest:
        return f"Did you mean {nearest[0]!r}?"
    return f"Known keys: {', '.join(known)}." if known else "Remove it."


def _keys_at(annotation: object, location: Location) -> list[str]:
    """Return the keys of the model that stands at `location` below `annotation`, [] if there is none."""
    for candidate in _models_in(annotation):
        if not location:
            return list(candidate.model_fields)
        field = candidate.model_fields.get(str(location[0]))
        if field is not None:
            rest = location[1:]
            while rest and not any(str(rest[0]) in inner.model_fields for inner in _models_in(field.annotation)):
                rest = rest[1:]  # an array index or a key of a dict: the models are its values
            keys = _keys_at(field.annotation, rest)
            if keys:
                return keys
    return []


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models that occur in a type, such as `dict[str, Part]` or `Slot | None`."""
    if isinstance(annotation, types.GenericAlias) or typing.get_origin(annotation) is not None:
        return [model for argument in typing.get_args(annotation) for model in _models_in(argument)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return []


def _dotted(location: Location) -> str:
    """Return a location as one would write it: `case[2].end`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")
