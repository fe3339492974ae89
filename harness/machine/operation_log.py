"""A boot's operations as the C core logged them, decoded when asked for."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from harness.machine.protocol import Operation, OperationKind, OperationLog

RECORD = struct.Struct("=QQQIIIIIIB7x")
"""`struct operation` of the C core."""

_ERASED = 0xFF
_KIND_OFFSET = 48
_WORDS = RECORD.size // 4
_UNITS = {2: "H", 4: "I"}
"""How `struct` spells a program unit, by its bytes."""
_ADDRESS_WORD, _SIZE_WORD, _OLD_WORD, _NEW_WORD = 6, 9, 10, 11
_WORD = 0xFFFF_FFFF

Log = npt.NDArray[np.void]
"""Operations, one a row."""
_FIELDS = np.dtype(
    {
        "names": ["address", "size_bytes", "old", "new", "kind"],
        "formats": ["<u4", "<u4", "<u4", "<u4", "u1"],
        "offsets": [4 * _ADDRESS_WORD, 4 * _SIZE_WORD, 4 * _OLD_WORD, 4 * _NEW_WORD, _KIND_OFFSET],
        "itemsize": RECORD.size,
    }
)


@dataclass(frozen=True, slots=True)
class OperationColumns:
    """All operations of a log side by side, for who only looks where they go.

    Attributes:
        kinds: one byte each, values of `OperationKind`. addresses, sizes_bytes: of the cells.
        old, new: cells of programs as numbers, little endian; of erases they say nothing.
    """

    kinds: bytes
    addresses: list[int]
    sizes_bytes: list[int]
    old: list[int]
    new: list[int]

    def program(self, flash: bytearray, flash_address: int, some: range) -> None:
        """Write what some programs, one after the other, leave in a flash."""
        addresses, sizes, new = (column[some.start : some.stop] for column in (self.addresses, self.sizes_bytes, self.new))
        if not addresses:
            return
        size, count, first = sizes[0], len(addresses), addresses[0] - flash_address
        unit = _UNITS.get(size)
        if unit is not None and addresses == list(range(addresses[0], addresses[0] + size * count, size)) and sizes == [size] * count:
            flash[first : first + size * count] = struct.pack(f"<{count}{unit}", *new)
            return
        for address, size_bytes, cells in zip(addresses, sizes, new, strict=True):
            offset = address - flash_address
            flash[offset : offset + size_bytes] = cells.to_bytes(size_bytes, "little")


@runtime_checkable
class ColumnarLog(Protocol):
    """A log that tells its columns without decoding operations."""

    def columns(self) -> OperationColumns:
        """Return all operations side by side."""
        ...

    def array(self) -> Log:
        """Return all operations as an array; see `array_of`."""
        ...


def columns_of(log: OperationLog) -> OperationColumns:
    """Return the operations of any log side by side."""
    if isinstance(log, ColumnarLog):
        return log.columns()
    operations = [log[index] for index in range(len(log))]
    return OperationColumns(
        bytes(operation.kind for operation in operations),
        [operation.address for operation in operations],
        [operation.size_bytes for operation in operations],
        [int.from_bytes(operation.old, "little") for operation in operations],
        [int.from_bytes(operation.new, "little") for operation in operations],
    )


def array_of(log: OperationLog) -> Log:
    """Return the operations of any log as an array with the fields `kind`, `address`, `size_bytes`, `old` and `new`, see `OperationColumns`."""
    if isinstance(log, ColumnarLog):
        return log.array()
    columns = columns_of(log)
    rows = zip(columns.addresses, columns.sizes_bytes, columns.old, columns.new, columns.kinds, strict=True)
    packed = b"".join(RECORD.pack(0, 0, 0, address, 0, 0, size, old & _WORD, new & _WORD, kind) for address, size, old, new, kind in rows)
    return np.frombuffer(packed, _FIELDS)


def decode_operation(record: bytes, index: int, arena: bytes) -> Operation:
    """Decode one operation.

    Args:
        record: `RECORD.size` bytes. arena: the old bytes of all erases, and the new ones of the partial ones.
    """
    start_ps, duration_ps, instructions, address, pc, arena_offset, size_bytes, old, new, kind = RECORD.unpack(record)
    operation_kind = OperationKind(kind)
    if operation_kind is OperationKind.PARTIAL_ERASE:
        old_bytes = arena[arena_offset : arena_offset + size_bytes]
        new_bytes = arena[arena_offset + size_bytes : arena_offset + 2 * size_bytes]
    elif operation_kind.is_erase:
        old_bytes = arena[arena_offset : arena_offset + size_bytes]
        new_bytes = bytes([_ERASED]) * size_bytes
    else:
        old_bytes, new_bytes = old.to_bytes(size_bytes, "little"), new.to_bytes(size_bytes, "little")
    return Operation(index, operation_kind, address, old_bytes, new_bytes, start_ps, duration_ps, pc, instructions)


class RecordedOperations:
    """The operation log of one boot: one copy of the core's records, and no object for an operation until it is asked for.

    Args:
        records: `RECORD.size` bytes an operation, in program order.
        arena: the old bytes of all erases.
    """

    __slots__ = ("_arena", "_count", "_records")

    def __init__(self, records: bytes, arena: bytes) -> None:
        self._records = records
        self._arena = arena
        self._count = len(records) // RECORD.size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Operation:
        position = index + self._count if index < 0 else index
        if not 0 <= position < self._count:
            raise IndexError(f"operation {index} of {self._count}")
        start = position * RECORD.size
        return decode_operation(self._records[start : start + RECORD.size], position, self._arena)

    def __iter__(self) -> Iterator[Operation]:
        return (self[index] for index in range(self._count))

    def columns(self) -> OperationColumns:
        """Return all operations side by side."""
        words = memoryview(self._records).cast("I")
        address, size, old, new = (words[first::_WORDS].tolist() for first in (_ADDRESS_WORD, _SIZE_WORD, _OLD_WORD, _NEW_WORD))
        return OperationColumns(self._records[_KIND_OFFSET :: RECORD.size], address, size, old, new)

    def array(self) -> Log:
        """Return all operations as an array; see `array_of`."""
        return np.frombuffer(self._records, _FIELDS)

    def kinds(self) -> set[OperationKind]:
        """Return which kinds of operations there are, without decoding one."""
        return {OperationKind(kind) for kind in set(self._records[_KIND_OFFSET :: RECORD.size])}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordedOperations):
            return NotImplemented
        return (self._records, self._arena) == (other._records, other._arena)

    def __hash__(self) -> int:
        return hash((self._records, self._arena))

    def __repr__(self) -> str:
        return f"<{self._count} operations>"
