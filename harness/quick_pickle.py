"""Records that cross from process to process by the thousand."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TypeVar

RecordT = TypeVar("RecordT")


def quickly_pickled(record: type[RecordT]) -> type[RecordT]:
    """Pickle a frozen dataclass of at least two fields as a call of itself: its own way walks the fields in Python, and takes many times as long."""
    values = attrgetter(*(field.name for field in fields(record)))  # type: ignore[arg-type] # a decorator cannot ask for a dataclass

    def reduce(self: RecordT) -> tuple[type[RecordT], tuple[object, ...]]:
        return record, values(self)

    record.__reduce__ = reduce  # type: ignore[assignment,method-assign] # it returns less than it might
    return record
