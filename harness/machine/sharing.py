"""Boots that must go the same way are made once: shared work by read set, for whole boots.

A boot is a function of the flash pages that it reads before it erases them, of its option bytes, RAM filling, UART input, peer
and budget, and of what a reset kept. Where a later boot agrees with an earlier one on all of these, it executes the same instructions, so its trace
is the earlier one's, but for what nobody looked at: the pages that stay untouched keep their own content, and the log shows
their own old bytes where they are erased. docs/DESIGN.md gives the argument.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

from harness.machine.boot_records import BootRecord, BootRecords, ReadSet
from harness.machine.calls import SharedCalls
from harness.machine.convergence import KnownStates
from harness.machine.operation_log import Log, OperationColumns, RecordedOperations, array_of, columns_of
from harness.machine.piece_hashes import PieceHashes
from harness.machine.protocol import Machine, NonVolatile, Operation, OperationKind, OperationLog, PageUse, PeerMaker, Retained, Trace
from harness.machine.recording import Recordings

_Entries = tuple[tuple[int, int], ...]

Key = tuple[int, int, bytes, bytes, bytes, bytes | None]
"""What a boot depends on besides flash: seed, instruction budget, UART input, option bytes, digest of what a reset kept, with writes of option bytes; peer."""


_Kind = tuple[Key, tuple[int, ...]]


class SharingMachine:
    """A machine that does not repeat a boot whose outcome is known.

    Args:
        machine: makes boots. make_recorder: makes a second machine that also records page uses; called when first needed.
        page_bytes: size of a flash page. flash_address: first address of the flash array.
        calls: those that the machines share. states: those whose rest of the boot `machine` knows.

    Attributes:
        keen: record the first boot of a kind at once: many more states of that kind are to come.
        boots_made, boots_shared: how many were asked for, by where they came from. instructions_made: of those that were made, shared calls included.
    """

    def __init__(
        self,
        machine: Machine,
        make_recorder: Callable[[], Machine],
        *,
        page_bytes: int,
        flash_address: int,
        calls: SharedCalls | None = None,
        states: KnownStates | None = None,
    ) -> None:
        self.keen = True
        self.engine = machine.engine
        self.boots_made = 0
        self.boots_shared = 0
        self.instructions_made = 0
        self._machine = machine
        self._make_recorder = make_recorder
        self._recorder: Machine | None = None
        self._page_bytes = page_bytes
        self._flash_address = flash_address
        self._records = BootRecords()
        self._bases: dict[Key, tuple[bytes, ...]] = {}
        self._hashes = PieceHashes(page_bytes)
        self._last: tuple[bytes, tuple[bytes, ...]] = (b"", ())
        self._calls = calls
        self._states = states
        self._recordings = Recordings()

    def boot(
        self,
        state: NonVolatile,
        *,
        seed: int,
        stop_before: int | None = None,
        instruction_budget: int = 200_000_000,
        uart_input: bytes = b"",
        retained: Retained | None = None,
        peer: PeerMaker | None = None,
    ) -> Trace:
        """Boot, or return the trace of an earlier boot that this one must repeat; see `Machine.boot`."""
        if stop_before is not None:
            return self._machine.boot(
                state, seed=seed, stop_before=stop_before, instruction_budget=instruction_budget, uart_input=uart_input, retained=retained, peer=peer
            )
        key = (seed, instruction_budget, uart_input, state.option_bytes, _digest_of(retained, self._outside(state)), peer.identity if peer else None)
        shared = self._shared(key, state)
        if shared is not None:
            self.boots_shared += 1
            return shared
        self.boots_made += 1

        def boot(machine: Machine) -> Trace:
            return machine.boot(state, seed=seed, instruction_budget=instruction_budget, uart_input=uart_input, retained=retained, peer=peer)

        kind = self._kind_of(key, state.flash)
        executed_before = self.instructions_executed
        records = self._recordings.is_worth_it(kind, kind[1], keen=self.keen)
        if records:
            if self._recorder is None:
                self._recorder = self._make_recorder()
            trace = boot(self._recorder)
            self._remember(key, state, trace)
        else:
            trace = boot(self._machine)
        self.instructions_made += trace.instructions
        done = self._recordings.recorded if records else self._recordings.made
        done(kind, kind[1], self.instructions_executed - executed_before)
        return trace

    @property
    def instructions_shared(self) -> int:
        """How many of the instructions of the boots that were made belong to shared calls."""
        return self._calls.counts().instructions if self._calls else 0

    @property
    def instructions_converged(self) -> int:
        """How many of the instructions of the boots that were made follow a state that an earlier boot was in."""
        return self._states.counts().instructions if self._states else 0

    @property
    def instructions_executed(self) -> int:
        """How many of the instructions of the boots that were made were executed."""
        return self.instructions_made - self.instructions_shared - self.instructions_converged

    def close(self) -> None:
        """Release both machines."""
        self._machine.close()
        if self._recorder is not None:
            self._recorder.close()

    def _shared(self, key: Key, state: NonVolatile) -> Trace | None:
        record = self._records.find(key, lambda read_set: self._held(state, read_set))
        return None if record is None else self._rebased(record, state)

    def _kind_of(self, key: Key, flash: bytes) -> _Kind:
        """States are told apart by the pages in which they differ from the first one seen."""
        digests = self._digests_of(flash)
        base = self._bases.setdefault(key, digests)
        return key, tuple(page for page, (here, there) in enumerate(zip(digests, base, strict=True)) if here != there)

    def _remember(self, key: Key, state: NonVolatile, trace: Trace) -> None:
        if not _kinds_of(trace.operations) <= {OperationKind.PROGRAM, OperationKind.PAGE_ERASE}:
            return  # rarer operations are not worth an argument of their own
        erased_unread = {trace.erased_by[page]: page for page, use in enumerate(trace.page_uses) if use == PageUse.ERASED_FIRST}
        pages = tuple(page for page, use in enumerate(trace.page_uses) if use == PageUse.READ)
        untouched = tuple(page for page, use in enumerate(trace.page_uses) if use == PageUse.UNTOUCHED)
        final = trace.final
        final_pages = {page: self._page(final.flash, page) for page, use in enumerate(trace.page_uses) if use != PageUse.UNTOUCHED}
        sparse = replace(trace, final=replace(final, flash=b""))
        self._records.keep(key, pages, lambda read_set: self._held(state, read_set), BootRecord(sparse, final_pages, erased_unread, untouched))

    def _rebased(self, record: BootRecord, state: NonVolatile) -> Trace:
        flash = state.flash
        final = bytearray(flash)
        for page, content in record.final_pages.items():
            start = page * self._page_bytes
            final[start : start + self._page_bytes] = content
        old_pages = {index: self._page(flash, page) for index, page in record.erased_unread.items()}
        operations = RebasedOperations(record.trace.operations, old_pages)
        writes, partial_erases = self._history(record.trace.final, record.untouched, inside=False)
        own_writes, own_partial_erases = self._history(state, record.untouched, inside=True)
        return replace(
            record.trace,
            final=NonVolatile(
                bytes(final),
                record.trace.final.option_bytes,
                writes=tuple(sorted([*writes, *own_writes])),
                partial_erases=tuple(sorted([*partial_erases, *own_partial_erases])),
            ),
            operations=operations,
        )

    def _history(self, state: NonVolatile, pages: tuple[int, ...], *, inside: bool) -> tuple[_Entries, _Entries]:
        """Return what the cells of some pages, or of all others, remember besides their bits."""
        if not state.writes and not state.partial_erases:
            return (), ()
        chosen = set(pages)
        writes = tuple(entry for entry in state.writes if (self._page_of(entry[0]) in chosen) == inside)
        return writes, tuple(entry for entry in state.partial_erases if (self._page_of(entry[0]) in chosen) == inside)

    def _outside(self, state: NonVolatile) -> _Entries:
        """Return what the option bytes remember."""
        return tuple(entry for entry in state.writes if not 0 <= entry[0] - self._flash_address < len(state.flash))

    def _page_of(self, address: int) -> int:
        return (address - self._flash_address) // self._page_bytes

    def _page(self, flash: bytes, page: int) -> bytes:
        return flash[page * self._page_bytes : (page + 1) * self._page_bytes]

    def _held(self, state: NonVolatile, read_set: ReadSet) -> Hashable:
        """Return what the pages of a read set hold, as digests, and what their cells remember besides."""
        return read_set.chosen(self._digests_of(state.flash)), self._history(state, read_set.pages, inside=True)

    def _digests_of(self, flash: bytes) -> tuple[bytes, ...]:
        """Return the digest of each page."""
        last, digests = self._last
        if flash is not last:
            digests = tuple(self._hashes.of(flash))
            self._last = (flash, digests)
        return digests


def _digest_of(retained: Retained | None, writes: _Entries) -> bytes:
    kept = b"" if retained is None else hashlib.sha256(retained.registers + retained.ram).digest()
    return kept + (repr(writes).encode() if writes else b"")


class RebasedOperations:
    """An operation log with other old bytes at some of its erases."""

    __slots__ = ("_log", "_old_pages")

    def __init__(self, log: OperationLog, old_pages: dict[int, bytes]) -> None:
        self._log = log
        self._old_pages = old_pages

    def __len__(self) -> int:
        return len(self._log)

    def __getitem__(self, index: int) -> Operation:
        operation = self._log[index]
        old = self._old_pages.get(operation.index)
        return operation if old is None else replace(operation, old=old)

    def __iter__(self) -> Iterator[Operation]:
        return _operations_of(self)

    def columns(self) -> OperationColumns:
        """Return all operations side by side: the old bytes of an erase are no part of that."""
        return columns_of(self._log)

    def array(self) -> Log:
        """Return all operations as an array: the old bytes of an erase are no part of that either."""
        return array_of(self._log)


def _kinds_of(log: OperationLog) -> set[OperationKind]:
    if isinstance(log, RecordedOperations):
        return log.kinds()
    return {operation.kind for operation in _operations_of(log)}


def _operations_of(log: OperationLog) -> Iterator[Operation]:
    return (log[index] for index in range(len(log)))
