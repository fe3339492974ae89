"""Renode in the hands of a debugger. Its own gdb server listens on every interface: this one does not, because Renode runs in our process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from harness.errors import EngineError
from harness.machine.capability import refuse_peer
from harness.machine.debuggee import PROGRAM_COUNTER, Halt
from harness.machine.protocol import NonVolatile, Operation, PeerMaker, Retained
from harness.machine.renode import NEVER, RenodeMachine, words_of
from harness.machine.renode_host import from_net, to_net, words_to_net

_ASK_MS = 100
_HOLD_MS = 60_000
_BREAKPOINTS_MAX = 64


class RenodeDebuggee(RenodeMachine):
    """One chip on Renode that a debugger halts and looks at; see `Debuggee`.

    A branch to itself and a domain that has settled do not end a boot here: somebody interrupts it.
    """

    @property
    def ending(self) -> str:
        """How the boot ended, once it has."""
        return str(self._recorder.Detail) if self._recorder.Ended else ""

    def power_up(self, state: NonVolatile, *, seed: int, retained: Retained | None, peer: PeerMaker | None, before: Operation | None) -> None:
        """Start a boot and hold it; see `Debuggee.power_up`."""
        refuse_peer(self.engine, peer)
        recorder = self._prepared(state)
        recorder.PowerUp(
            to_net(state.flash),
            to_net(state.option_bytes or self._delivered),
            to_net(retained.ram if retained else b""),
            words_to_net(words_of(retained.registers) if retained else ()),
            seed,
            NEVER if before is None else before.index,
            0 if before is None else before.pc,
        )
        if before is not None and not (recorder.WaitForHalt(_HOLD_MS) and recorder.Held):
            raise EngineError(f"the boot never came to operation {before.index} at {before.pc:#010x}: it ended with {self.ending or 'nothing'}")
        recorder.WaitForHalt(_HOLD_MS)

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        values = [int(value) for value in self._recorder.Registers()]
        values[PROGRAM_COUNTER] &= ~1
        return tuple(values)

    def write_register(self, number: int, value: int) -> None:
        """Set one of r0 to r15, or xPSR."""
        self._recorder.WriteRegister(number, value)

    def read(self, address: int, size_bytes: int) -> bytes | None:
        """Return flash, RAM, option and factory bytes."""
        return from_net(self._recorder.ReadMemory(address, size_bytes)) or None

    def write(self, address: int, content: bytes) -> bool:
        """Write RAM."""
        return bool(self._recorder.WriteMemory(address, to_net(content)))

    def set_breakpoints(self, addresses: AbstractSet[int]) -> bool:
        """Halt before the instructions at these addresses."""
        if len(addresses) > _BREAKPOINTS_MAX:
            return False
        self._recorder.SetBreakpoints(words_to_net(sorted(addresses)))
        return True

    def set_watchpoints(self, watched: Sequence[range]) -> bool:
        """Renode reports an access behind it, and with it slows down all others: not offered."""
        return not watched

    @property
    def watched(self) -> int:
        """Nothing is."""
        raise RuntimeError("the renode engine watches no memory")

    def step(self) -> Halt:
        """Run one instruction."""
        self._recorder.Step()
        return Halt.ENDED if self._recorder.Ended else Halt.STEPPED

    def run(self, interrupted: Callable[[], bool]) -> Halt:
        """Run until something halts the core."""
        recorder = self._recorder
        if not recorder.Ended:
            recorder.Go()
        while not recorder.WaitForHalt(_ASK_MS):
            if interrupted():
                recorder.Interrupt()
                return Halt.INTERRUPTED
        return Halt.ENDED if recorder.Ended else Halt.BREAKPOINT

    def close(self) -> None:
        """Give the board up."""
        self._recorder.LeaveDebugger()
        super().close()
