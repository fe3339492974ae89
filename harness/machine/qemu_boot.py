"""One boot on QEMU: the stores that a watchpoint stops become the operation log."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import EngineError
from harness.machine.gdb_remote import GdbRemote
from harness.machine.protocol import Domain, End, Entry, Operation, OperationKind
from harness.machine.qemu_idle import find_idle
from harness.machine.qemu_process import EndedError, QemuProcess
from harness.machine.thumb import PC, MemoryAccess, memory_access

_CONFIG, _ERASEPAGE, _ERASEALL, _ERASEPCR0, _ERASEUICR = 0x504, 0x508, 0x50C, 0x510, 0x514
_CONTROLLER_BYTES = _ERASEUICR + 4 - _CONFIG
_WRITES, _ERASES, _ERASE_START = 1, 2, 1
_AIRCR = 0xE000ED0C
_RESET_MASK, _RESET_REQUEST = 0xFFFF0004, 0x05FA0004
_WORD_BYTES = 4
_UART_EVENTS = range(0x100, 0x200)

_QUIET_SECONDS = 0.02
_QUIET_SECONDS_MOST = 0.5

_BLOCK = re.compile(rb"Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/[^\n]*\n(?:R00[^T]*?R13=([0-9a-f]{8}))?")
"""A block that is about to run: its address, and the stack pointer."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What a boot must know of the chip.

    Attributes:
        flash, ram, option_bytes: their addresses. page_bytes: what ERASEPAGE erases.
        controller, uart: where their registers begin.
    """

    flash: range
    ram: range
    option_bytes: range
    page_bytes: int
    controller: int
    uart: int

    @property
    def watched(self) -> tuple[range, ...]:
        """Stores to these are stopped: both arrays, the controller's registers, and the one that requests a reset."""
        registers = range(self.controller + _CONFIG, self.controller + _CONFIG + _CONTROLLER_BYTES)
        return self.flash, registers, self.option_bytes, range(_AIRCR, _AIRCR + 4)


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a boot ended, and where."""

    end: End
    pc: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Change:
    """What a store asks of the flash controller: an operation to come."""

    kind: OperationKind
    address: int
    size_bytes: int
    value: int = 0

    def overlaps(self, address: int) -> bool:
        """Whether it may change the half-word at an address."""
        return address < self.address + self.size_bytes and address + 2 > self.address

    def new(self, old: bytes) -> bytes:
        """Return what it makes of the cells, by the manual."""
        if self.kind.is_erase:
            return b"\xff" * len(old)
        return (int.from_bytes(old, "little") & self.value).to_bytes(len(old), "little")


class QemuBoot:
    """Runs the core from its reset to an end.

    Args:
        process, gdb: QEMU, its core stopped at reset and its watchpoints set.
        entry: where the core starts. stack: its stack pointer.
        stop_before: end right before the operation of this number; None: never.
    """

    def __init__(self, process: QemuProcess, gdb: GdbRemote, chip: Chip, domains: Sequence[Domain], *, entry: int, stack: int, stop_before: int | None) -> None:
        self.operations: list[Operation] = []
        self.pending: Operation | None = None
        self.unsettled = False
        """The boot ended before a store that QEMU half knows of: it must not make another boot."""
        self._process = process
        self._gdb = gdb
        self._chip = chip
        self._domains = domains
        self._stop_before = stop_before
        self._config = 0
        self._instructions: dict[int, int] = {}
        self._domain = self.domain_of(entry)
        self.entries = [Entry(self._domain, entry, 0, 0, stack_pointer=stack)]

    def run(self, limit_seconds: float) -> Ended:
        """Run until an end is reached or shown, or until time is up.

        Raises:
            EndedError: QEMU ended, as it does when the core locks up.
        """
        deadline = time.monotonic() + limit_seconds
        quiet = _QUIET_SECONDS
        while True:
            self._gdb.resume()
            stop = self._gdb.wait(quiet) or self._gdb.interrupt()
            if stop[0] in "WX":
                raise EndedError
            self._process.drain()
            self.take_entries()
            registers = self._gdb.registers()
            access = self._watched_store(registers)
            if access is not None:
                ended = self._take_store(registers[PC], access, raced="watch:" not in stop)
                quiet = _QUIET_SECONDS
            elif "watch:" in stop:
                raise EngineError(f"QEMU stopped at {registers[PC]:#010x} for a store to flash, where there is none")
            else:
                ended = self._find_end(deadline)
                quiet = min(2 * quiet, _QUIET_SECONDS_MOST)
            if ended is not None:
                return ended

    def take_entries(self) -> None:
        """Note the changes of domain that the log of executed blocks shows."""
        for found in _BLOCK.finditer(self._process.log):
            pc = int(found[1], 16)
            domain = self.domain_of(pc)
            if domain != self._domain:
                self._domain = domain
                self.entries.append(Entry(domain, pc, len(self.operations), 0, stack_pointer=int(found[2] or b"0", 16)))
        self._process.log.clear()

    def domain_of(self, pc: int) -> str:
        """Return the name of the domain of an address, "" for none."""
        return next((domain.name for domain in self._domains if 0 <= pc - domain.address < domain.size_bytes), "")

    def _find_end(self, deadline: float) -> Ended | None:
        if not self._process.input_pending():
            uart = range(self._chip.uart + _UART_EVENTS.start, self._chip.uart + _UART_EVENTS.stop)
            idle = find_idle(self._gdb, (self._chip.flash, self._chip.ram), uart)
            if idle is not None:
                return Ended(idle.end, idle.pc, idle.detail)
        if time.monotonic() > deadline:
            return Ended(End.BUDGET, self._gdb.registers()[PC])
        return None

    def _watched_store(self, registers: tuple[int, ...]) -> MemoryAccess | None:
        """Return the store that the core stands before, if it goes where stores are watched."""
        access = memory_access(self._instruction(registers[PC]), registers)
        return access if access is not None and access.stores and self._spans_of(access) else None

    def _instruction(self, pc: int) -> int:
        """Return the half-word at an address; few stores are executed often."""
        if pc not in self._instructions:
            self._instructions[pc] = int.from_bytes(self._gdb.read(pc, 2), "little")
        return self._instructions[pc]

    def _spans_of(self, access: MemoryAccess) -> list[range]:
        return [span for span in self._chip.watched if access.address < span.stop and access.address + access.length_bytes > span.start]

    def _take_store(self, pc: int, access: MemoryAccess, *, raced: bool) -> Ended | None:
        """Log what a store starts, or end before it.

        Args:
            raced: the core was interrupted just when it came to the store. QEMU has then taken note of the watchpoint without telling,
                and would let the next store to a watched address pass: it is this one that must be stepped over with the watchpoint set.
        """
        self._domain = self.domain_of(pc)
        self.unsettled = raced
        if access.address == _AIRCR and access.values[0] & _RESET_MASK == _RESET_REQUEST:
            return Ended(End.RESET, pc, "SYSRESETREQ")
        changes = list(self._changes(access))
        if self._stop_before is not None and self._stop_before < len(self.operations) + len(changes):
            self._stop_at(changes, pc)
            return Ended(End.STOPPED, pc)
        self._execute(changes, access, pc, raced=raced)
        return None

    def _execute(self, changes: Sequence[_Change], access: MemoryAccess, pc: int, *, raced: bool) -> None:
        """Let the store happen, and log what it really changed."""
        config = range(self._chip.controller + _CONFIG, self._chip.controller + _CONFIG + _WORD_BYTES)
        looked_at = [config, *(range(change.address, change.address + change.size_bytes) for change in changes)]
        stop, before, after = self._gdb.step_unwatched([] if raced else self._spans_of(access), looked_at)
        if stop[0] not in "WX" and raced and self._gdb.registers()[PC] == pc:
            stop, before, after = self._gdb.step_unwatched(self._spans_of(access), looked_at)
        if stop[0] in "WX":
            raise EndedError
        self.unsettled = False
        self._config = int.from_bytes(after[0], "little")
        for change, old, new in zip(changes, before[1:], after[1:], strict=True):
            self.operations.append(self._operation(change, old, new, pc))
            self._instructions = {place: value for place, value in self._instructions.items() if not change.overlaps(place)}

    def _stop_at(self, changes: Sequence[_Change], pc: int) -> None:
        if self._stop_before != len(self.operations):
            raise EngineError(f"QEMU makes the operations from {len(self.operations)} on in one step: it can't stop before operation {self._stop_before}")
        change = changes[0]
        old = self._gdb.read(change.address, change.size_bytes)
        self.pending = self._operation(change, old, change.new(old), pc)

    def _operation(self, change: _Change, old: bytes, new: bytes, pc: int) -> Operation:
        return Operation(len(self.operations), change.kind, change.address, old, new, 0, 0, pc, 0)

    def _changes(self, access: MemoryAccess) -> Iterator[_Change]:
        """Yield the operations that a store starts, in the order in which the embedded engine logs them."""
        if access.address in self._chip.flash:
            yield from self._programs(access, OperationKind.PROGRAM)
        elif access.address in self._chip.option_bytes:
            yield from self._programs(access, OperationKind.OPTION_PROGRAM)
        elif self._config & _ERASES:
            yield from self._erases(access.address - self._chip.controller, access.values[0])

    def _programs(self, access: MemoryAccess, kind: OperationKind) -> Iterator[_Change]:
        if self._config & _WRITES and access.size_bytes == _WORD_BYTES:
            for place, value in enumerate(access.values):
                yield _Change(kind, access.address + _WORD_BYTES * place, _WORD_BYTES, value)

    def _erases(self, register: int, value: int) -> Iterator[_Change]:
        options = _Change(OperationKind.OPTION_ERASE, self._chip.option_bytes.start, len(self._chip.option_bytes))
        if register in (_ERASEPAGE, _ERASEPCR0) and value in self._chip.flash:
            yield _Change(OperationKind.PAGE_ERASE, value - value % self._chip.page_bytes, self._chip.page_bytes)
        elif register == _ERASEALL and value == _ERASE_START:
            yield options
            yield _Change(OperationKind.MASS_ERASE, self._chip.flash.start, len(self._chip.flash))
        elif register == _ERASEUICR and value == _ERASE_START:
            yield options
