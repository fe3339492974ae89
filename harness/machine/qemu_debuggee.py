"""QEMU in the hands of a debugger: its core is held by the boot's own watchpoints, which are taken away then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from harness.device.model import Device
from harness.errors import EngineError
from harness.machine.capability import refuse_peer
from harness.machine.debuggee import Halt
from harness.machine.gdb_remote import GdbRemote
from harness.machine.protocol import Domain, End, NonVolatile, Operation, PeerMaker, Retained
from harness.machine.qemu import QemuMachine
from harness.machine.qemu_process import EndedError

_ASK_SECONDS = 0.1
_BREAKPOINTS_MAX = 64


class QemuDebuggee(QemuMachine):
    """One chip on QEMU that a debugger halts and looks at; see `Debuggee`.

    Nothing tells an idle core from a busy one here, and QEMU resets the chip by itself: a boot goes on until somebody interrupts it, or the core locks up.
    """

    def __init__(self, device: Device, part: str, domains: Sequence[Domain] = ()) -> None:
        self._breakpoints: AbstractSet[int] = frozenset()
        self.ending = ""
        super().__init__(device, part, domains)

    def power_up(self, state: NonVolatile, *, seed: int, retained: Retained | None, peer: PeerMaker | None, before: Operation | None) -> None:
        """Start a boot and hold it; see `Debuggee.power_up`."""
        refuse_peer(self.engine, peer)
        self._stop()  # whatever the debugger did to this QEMU must not show in the next boot
        self._start()
        self._breakpoints = frozenset()
        self.ending = ""
        if before is None:
            _, gdb = self._with_flash(state.flash)
            self._reset(gdb, seed, retained)
        else:
            trace = self.boot(state, seed=seed, stop_before=before.index, retained=retained)
            if trace.end is not End.STOPPED:
                raise EngineError(f"the boot never came to operation {before.index}: it ended with {trace.end.name.lower()}")
        self._remote.unwatch_writes(self._chip.watched)

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        return self._remote.registers()

    def write_register(self, number: int, value: int) -> None:
        """Set one of r0 to r15, or xPSR."""
        self._remote.write_registers({number: value})

    def read(self, address: int, size_bytes: int) -> bytes | None:
        """Return memory, registers of peripherals too."""
        try:
            return self._remote.read(address, size_bytes)
        except EndedError:
            raise
        except EngineError:
            return None

    def write(self, address: int, content: bytes) -> bool:
        """Write RAM."""
        ram = self._chip.ram
        if address not in ram or address + len(content) > ram.stop:
            return False
        self._remote.write(address, content)
        return True

    def set_breakpoints(self, addresses: AbstractSet[int]) -> bool:
        """Halt before the instructions at these addresses."""
        if len(addresses) > _BREAKPOINTS_MAX:
            return False
        self._remote.change_breakpoints(add=addresses - self._breakpoints, remove=self._breakpoints - addresses)
        self._breakpoints = frozenset(addresses)
        return True

    def set_watchpoints(self, watched: Sequence[range]) -> bool:
        """QEMU sees no erase of a cell, and stops before a store, not behind it: not offered."""
        return not watched

    @property
    def watched(self) -> int:
        """Nothing is."""
        raise RuntimeError("the qemu engine watches no memory for a debugger")

    def step(self) -> Halt:
        """Run one instruction."""
        try:
            return self._halt(self._remote.step(), Halt.STEPPED)
        except EndedError:
            return self._locked_up()

    def run(self, interrupted: Callable[[], bool]) -> Halt:
        """Run until something halts the core."""
        try:
            self._remote.resume()
            while (stop := self._remote.wait(_ASK_SECONDS)) is None:
                if interrupted():
                    return self._halt(self._remote.interrupt(), Halt.INTERRUPTED)
            return self._halt(stop, Halt.BREAKPOINT)
        except EndedError:
            return self._locked_up()

    @property
    def _remote(self) -> GdbRemote:
        if self._gdb is None:
            raise EndedError
        return self._gdb

    def _halt(self, stop: str, halt: Halt) -> Halt:
        return self._locked_up() if stop[0] in "WX" else halt

    def _locked_up(self) -> Halt:
        self.ending = "lockup: the core locked up, and QEMU ended"
        self._stop()
        return Halt.ENDED
