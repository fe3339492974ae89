"""A replay in the hands of a debugger: held right before the operation that is cut, then what the cut left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from harness.campaign.boots import BootLog, log_of
from harness.campaign.replay import Replay
from harness.machine.debuggee import PROGRAM_COUNTER, Debuggee, Halt
from harness.machine.gdb_server import Signal, Stop
from harness.machine.protocol import Operation

_SIGNALS = {
    Halt.PLACE: Signal.TRAP,
    Halt.BREAKPOINT: Signal.TRAP,
    Halt.STEPPED: Signal.TRAP,
    Halt.WATCHED: Signal.TRAP,
    Halt.INTERRUPTED: Signal.INTERRUPTED,
}


class HeldRun:
    """The boots of a replay, one after the other, on a chip that a debugger halts.

    The first is the boot that the last fault of the replay cuts, and it is held right before the operation. Where the core goes on from there, power is
    lost: the chip stands at its reset again, the flash as the cut left it, RAM as noise. Each later boot begins where the one before it ended. A replay
    without a fault begins at the first reset.

    Args:
        seed: that of the replay.
    """

    def __init__(self, result: Replay, seed: int, debuggee: Debuggee) -> None:
        self._debuggee = debuggee
        self._boots: list[BootLog] = []
        self._held: Operation | None = None
        self._cut = ""
        for log, proof in result.cuts:
            self._boots = [log.boots[proof.fault.boot]]
            self._held = self._boots[0].operations[proof.fault.operation]
            self._cut = f"Power is lost: operation {proof.fault.operation}, tear {proof.fault.tear.value}."
        self._boots += log_of(result.run, seed).boots
        self._number = 0
        self._breakpoints: AbstractSet[int] = frozenset()
        self._watchpoints: tuple[range, ...] = ()
        self._power_up()

    @property
    def held(self) -> Operation | None:
        """The operation that is about to start; None: the core stands at its reset, or power was lost already."""
        return self._held

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        return self._debuggee.registers()

    def write_register(self, number: int, value: int) -> None:
        """Set a register; a core that is sent elsewhere is not cut any more."""
        self._debuggee.write_register(number, value)
        if number == PROGRAM_COUNTER and self._held is not None and value & ~1 != self._held.pc:
            self._held = None

    def read(self, address: int, size_bytes: int) -> bytes | None:
        """Return memory; None where there is none."""
        return self._debuggee.read(address, size_bytes)

    def write(self, address: int, content: bytes) -> bool:
        """Write RAM; false elsewhere."""
        return self._debuggee.write(address, content)

    def set_breakpoints(self, addresses: AbstractSet[int]) -> bool:
        """Replace the breakpoints; they stay over losses of power."""
        if not self._debuggee.set_breakpoints(addresses):
            return False
        self._breakpoints = frozenset(addresses)
        return True

    def set_watchpoints(self, watched: Sequence[range]) -> bool:
        """Replace the watchpoints; they stay over losses of power."""
        if not self._debuggee.set_watchpoints(watched):
            return False
        self._watchpoints = tuple(watched)
        return True

    def step(self) -> Stop:
        """Run one instruction."""
        return self._lose_power() if self._held is not None else self._stop(self._debuggee.step())

    def run(self, interrupted: Callable[[], bool]) -> Stop:
        """Run until something halts the core."""
        return self._lose_power() if self._held is not None else self._stop(self._debuggee.run(interrupted))

    def close(self) -> None:
        """Release the engine."""
        self._debuggee.close()

    def _lose_power(self) -> Stop:
        self._held = None
        return self._next_boot(self._cut)

    def _stop(self, halt: Halt) -> Stop:
        if halt is not Halt.ENDED:
            return Stop(_SIGNALS[halt], watched=self._debuggee.watched if halt is Halt.WATCHED else None)
        return self._next_boot(f"The boot ended with {self._debuggee.ending}.")

    def _next_boot(self, why: str) -> Stop:
        if self._number + 1 == len(self._boots):
            return Stop(None, f"{why} It was the last of the run.")
        self._number += 1
        self._power_up()
        return Stop(Signal.POWER, f"{why} The chip stands at its next reset, boot {self._number + 1} of {len(self._boots)}.")

    def _power_up(self) -> None:
        boot = self._boots[self._number]
        self._debuggee.power_up(boot.start, seed=boot.seed, retained=boot.retained, peer=boot.peer, before=self._held)
        self._debuggee.set_breakpoints(self._breakpoints)
        self._debuggee.set_watchpoints(self._watchpoints)
