"""What an engine offers to a debugger: a core that stands still between two instructions, and memory to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Protocol

from harness.device.memory import NonVolatile
from harness.machine.protocol import Operation, PeerMaker, Retained

REGISTERS = 17
"""r0 to r15, xPSR."""
PROGRAM_COUNTER = 15

STEPS_PER_SLICE = 1_000_000
"""Instructions that a core runs before somebody asks again whether it is to stop."""


class Halt(Enum):
    """Why a core stands still."""

    PLACE = "place"
    """Where its boot was told to hold."""
    BREAKPOINT = "breakpoint"
    STEPPED = "stepped"
    WATCHED = "watched"
    """Memory that is watched was written, or is about to be."""
    INTERRUPTED = "interrupted"
    ENDED = "ended"
    """The boot is over: nothing would happen any more, or the core cannot go on."""


class Debuggee(Protocol):
    """One chip in the hands of a debugger."""

    engine: str
    """Name of the engine, as `--engine` takes it."""

    @property
    def ending(self) -> str:
        """How the boot ended, once it has."""
        ...

    def power_up(self, state: NonVolatile, *, seed: int, retained: Retained | None, peer: PeerMaker | None, before: Operation | None) -> None:
        """Start a boot, as `Machine.boot` does, and hold it.

        Args:
            peer: who answers what the device sends; None: nobody.
            before: hold right before the instruction that starts this operation; None: before the first instruction.

        Raises:
            InputError: the engine can't connect a peer.
            EngineError: the boot never came there.
        """
        ...

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        ...

    def write_register(self, number: int, value: int) -> None:
        """Set one of r0 to r15, or xPSR (16)."""
        ...

    def read(self, address: int, size_bytes: int) -> bytes | None:
        """Return memory without a side effect; None where there is none that can be shown."""
        ...

    def write(self, address: int, content: bytes) -> bool:
        """Write RAM; false elsewhere: the cells of the flash change by the controller only."""
        ...

    def set_breakpoints(self, addresses: AbstractSet[int]) -> bool:
        """Halt before the instructions at these addresses; false where they are too many."""
        ...

    def set_watchpoints(self, watched: Sequence[range]) -> bool:
        """Halt where the core changes memory in these ranges; false where they are too many or too large, or the engine can't."""
        ...

    @property
    def watched(self) -> int:
        """The address whose change halted the core last."""
        ...

    def step(self) -> Halt:
        """Run one instruction."""
        ...

    def run(self, interrupted: Callable[[], bool]) -> Halt:
        """Run until something halts the core.

        Args:
            interrupted: asked now and then; whether to halt wherever the core is.
        """
        ...

    def close(self) -> None:
        """Release what the engine holds."""
        ...
