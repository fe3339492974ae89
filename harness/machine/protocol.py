"""The `Machine` protocol: load non-volatile state, run one boot, return its trace.

An engine knows nothing of cuts, tears or rules. A cut is made from outside: run with `stop_before`, take the flash that
the stopped machine holds, and tear the operation that was about to start.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from harness.device.memory import Domain, NonVolatile
from harness.device.peer import Peer, PeerMaker
from harness.quick_pickle import quickly_pickled

__all__ = [
    "CallTimes",
    "Domain",
    "End",
    "Entry",
    "Machine",
    "Misuse",
    "MisuseKind",
    "NonVolatile",
    "Operation",
    "OperationKind",
    "OperationLog",
    "PageUse",
    "Peer",
    "PeerMaker",
    "Retained",
    "Trace",
]


class End(IntEnum):
    """Why a boot ended. The numbers are shared with the C core."""

    BUDGET = 0
    """The instruction budget is used up."""
    STOPPED = 1
    """The machine stands right before operation `stop_before`, which has not changed a cell."""
    SLEEPING = 2
    """Idle for good: WFI, WFE or a branch to itself, with nothing that could wake the core."""
    WAITING = 3
    """Polling for UART input that never comes."""
    RESET = 4
    """The firmware requested a system reset (AIRCR.SYSRESETREQ)."""
    WATCHDOG = 5
    """The watchdog ran out."""
    HARD_FAULT = 6
    """A fault exception: bus error, undefined instruction, bad exception return."""
    LOCKUP = 7
    """A fault with no usable vector table or stack to take it."""
    ERASED_FLASH = 8
    """The program counter ran into erased flash."""
    UNSUPPORTED = 9
    """The firmware needs something that the engine does not model; `end_detail` names it."""
    SETTLED = 10
    """Code has run for the time after which its domain counts as settled."""


class OperationKind(IntEnum):
    """What the flash controller executed. The numbers are shared with the C core."""

    PROGRAM = 0
    PAGE_ERASE = 1
    MASS_ERASE = 2
    OPTION_PROGRAM = 3
    OPTION_ERASE = 4
    PARTIAL_ERASE = 5
    """A part of a page erase (ERASEPAGEPARTIAL of the nRF52): some of the cells are erased."""

    @property
    def is_erase(self) -> bool:
        """Whether the operation drives bits towards 1."""
        return self not in (OperationKind.PROGRAM, OperationKind.OPTION_PROGRAM)


class PageUse(IntEnum):
    """How a boot depended on a flash page. The numbers are shared with the C core."""

    UNTOUCHED = 0
    READ = 1
    """Its content was looked at: by a load, a fetch, or the flash controller."""
    ERASED_FIRST = 2
    """It was erased before anything looked at it."""


class MisuseKind(IntEnum):
    """A broken rule of the flash controller. The numbers are shared with the C core."""

    PROGRAM_NOT_ERASED = 0
    """PGERR: a half-word that is neither erased nor asked to become 0x0000 (PM0075 3.3.3)."""
    WRITE_PROTECTED = 1
    """WRPRTERR: program or erase of a write-protected page."""
    WRONG_KEY = 2
    """A KEYR write out of sequence: the controller locks until reset and the write faults."""
    LOCKED = 3
    """A write to CR or AR that the lock refused."""
    WRONG_WIDTH = 4
    """A flash store that is not a half-word while PG is set: a bus fault."""
    NOT_ENABLED = 5
    """A flash store while PG is clear: a bus fault."""
    PG_AND_PER = 6
    """PG and PER (or MER) set together when an operation started."""
    ERASE_BIT_LEFT_SET = 7
    """A program operation was attempted while PER or MER was still set from an earlier erase."""
    BUSY_WRITE = 8
    """A flash register or flash array was written while BSY was set, or READY clear."""
    CLOCK_OFF = 9
    """A program or erase without the oscillator that the controller works with (HSI)."""
    TOO_MANY_WRITES = 10
    """A word was written more than n_WRITE times since its last erase (nRF52840 PS 4.3.1); the cells took it all the same."""
    NO_SUCH_PAGE = 11
    """An erase of an address that is no page, or a store to words that the controller can't program (nRF52840 PS 4.3)."""


@quickly_pickled
@dataclass(frozen=True, slots=True)
class Operation:
    """One flash program or erase, as the controller executed it.

    Attributes:
        index: position in the boot's program order, from 0.
        address: first byte, in the main (not the aliased) range.
        old, new: the bytes before and after, equally long: a program unit, a page, or the whole array.
        start_ps, duration_ps: virtual time since reset, and length, in picoseconds.
        pc: address of the instruction that started it.
        instructions: instructions retired before it in this boot.
    """

    index: int
    kind: OperationKind
    address: int
    old: bytes
    new: bytes
    start_ps: int
    duration_ps: int
    pc: int
    instructions: int

    @property
    def size_bytes(self) -> int:
        """Length of the range that the operation changes."""
        return len(self.old)


@dataclass(frozen=True, slots=True)
class Entry:
    """The program counter moved from one domain into another.

    Attributes:
        domain: name of the domain entered; "" for an address in no domain.
        pc: first address executed there.
        operations: how many operations had been executed in this boot: with the log, they give the flash at that moment.
        time_ps: virtual time since reset. time_low_ps, time_high_ps: the range that it stands for, see `Trace`.
        stack_pointer: the stack pointer at that moment.
    """

    domain: str
    pc: int
    operations: int
    time_ps: int
    time_low_ps: int = 0
    time_high_ps: int = 0
    stack_pointer: int = 0


@dataclass(frozen=True, slots=True)
class CallTimes:
    """All finished calls of one function in one boot, and the time in them together, with its range."""

    calls: int = 0
    time_ps: int = 0
    time_low_ps: int = 0
    time_high_ps: int = 0


@dataclass(frozen=True, slots=True)
class Misuse:
    """One broken rule of the flash controller."""

    kind: MisuseKind
    address: int
    pc: int
    operations: int


class OperationLog(Protocol):
    """A boot's operations in program order, decoded when asked for: most campaigns only count them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Operation: ...


@dataclass(frozen=True, slots=True)
class Retained:
    """What a reset leaves and a loss of power does not: the next boot of the same chip finds it.

    Attributes:
        registers: reset flags, backup or retention registers, a watchdog that runs on; only the engine that gave them reads them.
        ram: all of RAM; empty where this reset leaves it undefined.
    """

    registers: bytes
    ram: bytes = b""


@dataclass(frozen=True, slots=True)
class Trace:
    """What one boot did.

    Attributes:
        end: why it stopped; `pc` is where, `end_detail` a word more (fault address, unsupported register), may be "".
        domain: name of the domain of `pc`, "" for none.
        final: the non-volatile state at the end.
        operations: the log; complete, or the engine raises.
        pending: with `End.STOPPED`, the operation that was about to start, with the old and new bytes that it would have.
        entries: changes of domain in order; the first is the reset.
        erases: erases per page, one entry a page of the array.
        page_uses: a `PageUse` a page; empty where the machine does not record it.
        erased_by: beside it, for each page that was erased before anything looked at it, the operation that did it.
        reach: beside it, how many bytes of each page, from its start, hold all that was looked at before the page was erased, if it ever was.
        uart: bytes that the firmware sent.
        instructions: exact count of retired instructions. time_ps: virtual time.
        cycles_low, cycles_high: range of the core cycles passed, stalls included, from the core's instruction timings.
        time_low_ps, time_high_ps: the range of virtual time that follows from it; 0 where an engine cannot tell.
        watchdog_longest_ps, watchdog_period_ps: of the feeding that came closest to the watchdog's end, how long after the one
            before it came, and the period at that time; both 0 where no watchdog ran.
        watched: calls of the function that the machine was told to time.
        stack_bytes: how deep the stack went below its initial pointer, by the RAM that still holds what it held before: after a reset
            that kept RAM, no more than that.
        retained: what the next boot finds where the chip starts again by itself; None: it stands still until its power is cycled.
        unmodelled: (address, accesses) of registers that the engine does not model and treats as plain storage.
    """

    end: End
    end_detail: str
    pc: int
    domain: str
    final: NonVolatile
    operations: OperationLog
    pending: Operation | None
    entries: tuple[Entry, ...]
    misuses: tuple[Misuse, ...]
    erases: bytes
    uart: bytes
    instructions: int
    time_ps: int
    stack_bytes: int
    unmodelled: tuple[tuple[int, int], ...] = ()
    cycles_low: int = 0
    cycles_high: int = 0
    time_low_ps: int = 0
    time_high_ps: int = 0
    watchdog_longest_ps: int = 0
    watchdog_period_ps: int = 0
    watched: CallTimes = CallTimes()
    page_uses: bytes = b""
    erased_by: tuple[int, ...] = ()
    reach: tuple[int, ...] = ()
    retained: Retained | None = None


class Machine(Protocol):
    """One emulated device that can be booted any number of times."""

    engine: str
    """Name of the engine, as `--engine` takes it."""

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
        """Power the device up with `state` and run it to an end.

        Args:
            state: flash and option bytes; the flash has exactly the part's size.
            seed: 0..2**64-1, fills RAM and registers; equal arguments give equal traces.
            stop_before: end with `End.STOPPED` right before the operation of this number; None: never.
            instruction_budget: end with `End.BUDGET` at about this count.
            uart_input: what a host peer sends from reset on.
            retained: what the boot before left, whose end was a reset; None: power-on.
            peer: who answers what the device sends, after `uart_input`; a new one for each boot. None: nobody.

        Raises:
            InputError: the engine can't connect a peer.
            EngineError: the engine failed; says nothing about the firmware.
        """
        ...

    def close(self) -> None:
        """Release what the engine holds; the machine can't be used afterwards."""
        ...
