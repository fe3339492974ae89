"""The ledger as data: which document says what where, and what measures it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.toml_input import load_toml

_LEDGER = Path(__file__).resolve().parent / "ledger.toml"

Sentence = Annotated[str, Field(pattern=r"\S")]
Value = int | float | str


class Relation(StrEnum):
    """How the measured value must stand to the documented one."""

    IS = "is"
    ABOUT = "about"
    """Equal within the figure's tolerance."""
    AT_MOST = "at most"
    AT_LEAST = "at least"
    BETWEEN = "between"
    """From the documented value to `upper`, both included."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(_Strict):
    """One of the documents that the figures are from."""

    title: Sentence


class SecondValue(_Strict):
    """Another value that the same document gives for the same thing.

    Attributes:
        place: where, and how it follows from there.
    """

    value: Value
    place: Sentence


class Figure(_Strict):
    """One documented figure.

    Attributes:
        document: key of the ledger's documents. place: section or line. quote: the words, shortened.
        documented: a number, or text where the claim is about behaviour. unit: of both values, may be "".
        tolerance: relative, for `about`: 0.25 is a quarter up or down.
        also: another value in the same document: where the two differ, it contradicts itself.
        conditions: under which the figure was measured.
        measure: name of the function that measures it; arguments: what it is called with.
        digits: significant digits that a measured number is rounded to; None: it is exact.
        waits_for: a capability that is not built yet. untestable: why it can't be measured here at all.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    document: str
    place: Sentence
    quote: Sentence
    documented: Value
    relation: Relation = Relation.IS
    upper: float | None = None
    tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None
    unit: str = ""
    also: SecondValue | None = None
    conditions: str = ""
    measure: str | None = None
    arguments: dict[str, str | int] = {}
    digits: Annotated[int, Field(ge=1, le=6)] | None = None
    waits_for: Sentence | None = None
    untestable: Sentence | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if sum(way is not None for way in (self.measure, self.waits_for, self.untestable)) != 1:
            raise ValueError(f"figure {self.id!r} needs exactly one of measure, waits_for and untestable")
        if (self.relation is Relation.ABOUT) != (self.tolerance is not None):
            raise ValueError(f'figure {self.id!r}: tolerance belongs to relation "about", and is needed there')
        if (self.relation is Relation.BETWEEN) != (self.upper is not None):
            raise ValueError(f'figure {self.id!r}: upper belongs to relation "between", and is needed there')
        if isinstance(self.documented, str) and self.relation is not Relation.IS:
            raise ValueError(f"figure {self.id!r}: text is equal or not, it has no relation {self.relation.value!r}")
        return self


class Ledger(_Strict):
    """All figures, in the order of their documents."""

    documents: dict[str, Document]
    figure: Annotated[tuple[Figure, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _references_fit(self) -> Self:
        seen: set[str] = set()
        for figure in self.figure:
            if figure.document not in self.documents:
                raise ValueError(f"figure {figure.id!r} is from {figure.document!r}, which is no document of the ledger")
            if figure.id in seen:
                raise ValueError(f"two figures have the id {figure.id!r}")
            seen.add(figure.id)
        return self


def load_ledger(path: Path = _LEDGER) -> Ledger:
    """Load a ledger, by default the bundled one.

    Raises:
        InputError: the file is malformed.
    """
    return load_toml(path, Ledger)
