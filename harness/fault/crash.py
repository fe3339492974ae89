"""Crash images: initial flash + a prefix of the operation log + one torn operation.

Only non-volatile state survives a cut, so no snapshot of the core is needed to make one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.device.memory import CellState
from harness.errors import EngineError
from harness.fault.cells import Torn
from harness.fault.digest import FlashPieces, RangeDigests, bytes_of_rest, digest_of, pieces_of
from harness.fault.disturbed import still_disturbed
from harness.fault.faults import Fault, Faults, Tear
from harness.fault.flash_map import FlashMap
from harness.fault.tears import tear_operation
from harness.fault.write_count import CellHistory, HistoryLog, history_after, history_of, history_of_cut
from harness.machine.protocol import NonVolatile, Operation, OperationKind
from harness.quick_pickle import quickly_pickled

_KIND_NAMES = {kind: kind.name.lower() for kind in OperationKind}


@quickly_pickled
@dataclass(frozen=True, slots=True)
class FaultProof:
    """That a fault fired, and where.

    Attributes:
        kind, address, size_bytes, pc: the interrupted operation.
        cells_changing: bits that the whole operation changes. cells_changed: bits that it had changed when power went.
        crash_digest: of the crash image, see `digest_of`.
        time_us: virtual time since reset at which the operation started.
        fraction: how much of its duration had passed; cut_us: virtual time of the cut. None: the tear does not say.
        cells_weak, cells_metastable: cells that the cut left disturbed.
        earlier: proofs of the faults before it, in order; times count from the power-on before each.
    """

    fault: Fault
    kind: str
    address: int
    size_bytes: int
    pc: int
    time_us: float
    cells_changing: int
    cells_changed: int
    crash_digest: str
    fraction: float | None = None
    cut_us: float | None = None
    cells_weak: int = 0
    cells_metastable: int = 0
    earlier: tuple[FaultProof, ...] = ()

    @property
    def faults(self) -> Faults:
        """The whole sequence, this fault last."""
        return (*(proof.fault for proof in self.earlier), self.fault) if self.earlier else (self.fault,)


class CrashImage:
    """The state that a fault leaves, made when it is asked for, and the proof that the fault fired."""

    __slots__ = ("_make", "_state", "proof")

    def __init__(self, proof: FaultProof, make: Callable[[], NonVolatile]) -> None:
        self.proof = proof
        self._make = make
        self._state: NonVolatile | None = None

    @property
    def state(self) -> NonVolatile:
        """The state."""
        if self._state is None:
            self._state = self._make()
        return self._state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CrashImage):
            return NotImplemented
        return (self.proof, self.state) == (other.proof, other.state)

    __hash__ = None  # type: ignore[assignment] # it is compared, never kept in a set

    def after(self, earlier: tuple[FaultProof, ...]) -> CrashImage:
        """Return the same, as the last of a sequence of faults."""
        return CrashImage(replace(self.proof, earlier=earlier), self._make)


class FlashReplay:
    """The flash at any point of an operation log.

    Moves forwards by each operation's new bytes and backwards by its old ones. Every step checks that the bytes it
    replaces are those that the log claims, so a log with a hole cannot go unnoticed.

    Args:
        initial: the state before the first operation.
        operations: the complete log of one boot.
    """

    def __init__(self, initial: NonVolatile, operations: Sequence[Operation], flash_map: FlashMap) -> None:
        self._operations = operations
        self._map = flash_map
        self._flash = bytearray(initial.flash)
        self._option_bytes = bytearray(initial.option_bytes)
        self._disturbed = initial.disturbed
        self._history = HistoryLog(history_of(initial), operations, flash_map)
        self._position = 0
        self._pieces: FlashPieces | None = None
        self._stale: set[int] = set()  # pieces that changed since
        self._whole = (-1, "")  # an operation, and the digest of the state before it: two cuts leave that
        self._rest: tuple[CellHistory, bytes] | None = None  # what a digest takes of the option bytes and a history; neighbours have the same
        self._found: _Interrupted | None = None  # the operation at the current position, once a cut was in it

    def state_before(self, operation: int) -> NonVolatile:
        """Return the state right before operation `operation`; the log's length gives the state after the last."""
        self._move_to(operation)
        done = (self._operations[index] for index in range(operation))
        state = NonVolatile(bytes(self._flash), bytes(self._option_bytes), still_disturbed(self._disturbed, done))
        return self._history.before(operation).of(state)

    def crash_image(self, fault: Fault, seed: int) -> CrashImage:
        """Return what `fault` leaves.

        Raises:
            EngineError: the log has no such operation, or contradicts the flash: the fault cannot have fired.
        """
        if not 0 <= fault.operation < len(self._operations):
            raise EngineError(f"fault {fault} did not fire: the boot has only {len(self._operations)} operations")
        self._move_to(fault.operation)
        found = self._found or self._find(fault)
        operation = found.operation
        torn = tear_operation(operation, fault, seed)
        if self._disturbed or torn.disturbed:
            return tear_state(self.state_before(fault.operation), operation, fault, seed, self._map)
        proof = found.proof(fault, torn, self._digest_with(found, fault, torn))
        return CrashImage(proof, lambda: _torn_state(self.state_before(fault.operation), operation, fault, torn, self._map))

    def _find(self, fault: Fault) -> _Interrupted:
        operation = self._operations[fault.operation]
        array, start = self._locate(operation)
        if array[start : start + operation.size_bytes] != operation.old:
            raise _not_fired(fault, operation)
        self._found = _Interrupted(operation)
        return self._found

    def _digest_with(self, found: _Interrupted, fault: Fault, torn: Torn) -> str:
        """Return the digest of the arrays with the cells of a cut."""
        whole = {Tear.NONE: fault.operation, Tear.ALL: fault.operation + 1}.get(fault.tear, -1)
        if 0 <= whole == self._whole[0]:
            return self._whole[1]
        operation = found.operation
        array, start = self._locate(operation)
        history = _history_of_tear(self._history.before(fault.operation), operation, fault, torn, self._map)
        end = start + operation.size_bytes
        if array is self._flash:
            found.digests = found.digests or self._settled_pieces().around(self._flash, start, end)
            digest = found.digests.digest(torn.cells, self._rest_with(history))
        else:
            option_bytes = bytes(array[:start] + torn.cells + array[end:])
            digest = self._settled_pieces().digest(history.of(NonVolatile(b"", option_bytes)))
        if whole >= 0:
            self._whole = (whole, digest)
        return digest

    def _rest_with(self, history: CellHistory) -> bytes:
        if self._rest is None or self._rest[0] is not history:
            self._rest = (history, bytes_of_rest(history.of(NonVolatile(b"", bytes(self._option_bytes)))))
        return self._rest[1]

    def _settled_pieces(self) -> FlashPieces:
        self._pieces = self._pieces or FlashPieces(self._flash)
        self._pieces.update(self._flash, self._stale)
        self._stale.clear()
        return self._pieces

    def _move_to(self, operation: int) -> None:
        if self._position == operation:
            return
        self._found = None
        while self._position < operation:
            step = self._operations[self._position]
            self._replace(step, step.old, step.new)
            self._position += 1
        while self._position > operation:
            self._position -= 1
            step = self._operations[self._position]
            self._replace(step, step.new, step.old)

    def _replace(self, step: Operation, expected: bytes, content: bytes) -> None:
        array, offset = self._locate(step)
        end = offset + len(content)
        if array[offset:end] != expected:
            raise EngineError(f"the operation log contradicts the flash at operation {step.index}, address {step.address:#010x}")
        array[offset:end] = content
        if array is self._flash:
            self._stale.update(pieces_of(offset, end))
        else:
            self._rest = None

    def _locate(self, step: Operation) -> tuple[bytearray, int]:
        offset = step.address - self._map.flash_address
        if 0 <= offset < len(self._flash):
            return self._flash, offset
        return self._option_bytes, step.address - self._map.option_bytes_address


def tear_state(before: NonVolatile, operation: Operation, fault: Fault, seed: int, flash_map: FlashMap) -> CrashImage:
    """Apply the tear of `fault` to the state right before `operation`.

    Args:
        before: from a replayed log, or from a machine that stopped right before the operation.

    Raises:
        EngineError: `before` does not hold the operation's old bytes.
    """
    torn = tear_operation(operation, fault, seed)
    state = _torn_state(before, operation, fault, torn, flash_map)
    return CrashImage(_Interrupted(operation).proof(fault, torn, digest_of(state)), lambda: state)


def _torn_state(before: NonVolatile, operation: Operation, fault: Fault, torn: Torn, flash_map: FlashMap) -> NonVolatile:
    if flash_map.read(before, operation.address, operation.size_bytes) != operation.old:
        raise _not_fired(fault, operation)
    kept = still_disturbed(before.disturbed, [operation] if fault.tear is Tear.ALL else [])
    state = replace(flash_map.replace(before, operation.address, torn.cells), disturbed=kept + torn.disturbed)
    return _history_of_tear(history_of(before), operation, fault, torn, flash_map).of(state)


def _history_of_tear(before: CellHistory, operation: Operation, fault: Fault, torn: Torn, flash_map: FlashMap) -> CellHistory:
    if fault.tear is Tear.ALL:
        return history_after(before, [operation], flash_map)
    return before if fault.tear is Tear.NONE else history_of_cut(before, operation, torn.cells, flash_map)


def _not_fired(fault: Fault, operation: Operation) -> EngineError:
    return EngineError(f"fault {fault} did not fire: the flash at {operation.address:#010x} is not what the operation read")


class _Interrupted:
    """An operation that is cut, and what all of its cuts have in common.

    Attributes:
        digests: of the states that they leave, once one was asked for.
    """

    __slots__ = ("_changing", "_kind", "_old_bits", "_time_us", "digests", "operation")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.digests: RangeDigests | None = None
        self._kind = _KIND_NAMES[operation.kind]
        self._old_bits = int.from_bytes(operation.old, "little")
        self._changing = (self._old_bits ^ int.from_bytes(operation.new, "little")).bit_count()
        self._time_us = operation.start_ps / 1e6

    def proof(self, fault: Fault, torn: Torn, crash_digest: str) -> FaultProof:
        """Return the proof that a cut of it fired."""
        operation, fraction = self.operation, torn.fraction
        return FaultProof(
            fault,
            self._kind,
            operation.address,
            len(operation.old),
            operation.pc,
            self._time_us,
            self._changing,
            (self._old_bits ^ int.from_bytes(torn.cells, "little")).bit_count(),
            crash_digest,
            fraction,
            None if fraction is None else (operation.start_ps + fraction * operation.duration_ps) / 1e6,
            _count(torn, CellState.WEAK),
            _count(torn, CellState.METASTABLE),
        )


def _count(torn: Torn, state: CellState) -> int:
    return sum(cells.count for cells in torn.disturbed if cells.state is state) if torn.disturbed else 0
