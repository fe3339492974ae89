"""The embedded engine in the hands of a debugger: `core/halt.h` halts the core."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum

from harness.device.model import Device, Timing
from harness.errors import EngineError
from harness.machine import native
from harness.machine.debuggee import REGISTERS, STEPS_PER_SLICE, Halt
from harness.machine.embedded import EmbeddedMachine
from harness.machine.peer_line import PeerLine
from harness.machine.protocol import Domain, NonVolatile, Operation, PeerMaker, Retained, Trace

_BUDGET_INSTRUCTIONS = 2**62
"""Nobody waits for a boot's budget at a debugger."""


class _Halt(IntEnum):
    """`enum halt_cause`."""

    PLACE = 1
    BREAKPOINT = 2
    STEPPED = 3
    ENDED = 4
    WATCHED = 5


_HALTS = {_Halt.PLACE: Halt.PLACE, _Halt.BREAKPOINT: Halt.BREAKPOINT, _Halt.STEPPED: Halt.STEPPED, _Halt.ENDED: Halt.ENDED, _Halt.WATCHED: Halt.WATCHED}


class _Watch(ctypes.Structure):
    """`struct halt_watch`."""

    _fields_ = (("address", ctypes.c_uint32), ("size_bytes", ctypes.c_uint32), ("last", ctypes.c_uint8 * 16))


class EmbeddedDebuggee(EmbeddedMachine):
    """One chip that a debugger halts and looks at; see `Debuggee`."""

    def __init__(self, device: Device, part: str, domains: Sequence[Domain] = (), timing: Timing = Timing.TYPICAL) -> None:
        super().__init__(device, part, domains, timing, halts=True)
        self._line: PeerLine | None = None
        self.trace: Trace | None = None
        """What the boot did, once it has ended."""

    @property
    def ending(self) -> str:
        """How the boot ended, once it has."""
        if self.trace is None:
            return ""
        return self.trace.end.name.lower().replace("_", " ") + (f": {self.trace.end_detail}" if self.trace.end_detail else "")

    def power_up(self, state: NonVolatile, *, seed: int, retained: Retained | None, peer: PeerMaker | None, before: Operation | None) -> None:
        """Start a boot and hold it; see `Debuggee.power_up`."""
        self._hang_up()
        self._line = PeerLine(peer.make()) if peer else None
        request = self._request(state, seed, None, _BUDGET_INSTRUCTIONS, b"", retained, self._line)
        entry = int.from_bytes(state.flash[4:8], "little") & ~1
        instructions, pc = (0, entry) if before is None else (before.instructions, before.pc)
        result = native.Result()
        halt = self._halt(self._core.machine_power_up(self._handle, ctypes.byref(request), instructions, pc, ctypes.byref(result)), result)
        if before is not None and halt is not Halt.PLACE:
            raise EngineError(f"the boot never came to operation {before.index} at {pc:#010x}: it ended with {self.ending}")

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        values = (ctypes.c_uint32 * REGISTERS)()
        self._core.machine_read_registers(self._handle, values)
        return tuple(values)

    def write_register(self, number: int, value: int) -> None:
        """Set one of r0 to r15, or xPSR."""
        self._core.machine_write_register(self._handle, number, value)

    def read(self, address: int, size_bytes: int) -> bytes | None:
        """Return flash, RAM, option and factory bytes, and the registers of the flash controller and of the SCB."""
        content = ctypes.create_string_buffer(max(1, size_bytes))
        found = self._core.machine_read_memory(self._handle, address, size_bytes, content)
        return content.raw[:size_bytes] if found else None

    def write(self, address: int, content: bytes) -> bool:
        """Write RAM."""
        return bool(self._core.machine_write_memory(self._handle, address, len(content), content))

    def set_breakpoints(self, addresses: AbstractSet[int]) -> bool:
        """Halt before the instructions at these addresses."""
        values = (ctypes.c_uint32 * len(addresses))(*sorted(addresses))
        return bool(self._core.machine_set_breakpoints(self._handle, values, len(addresses)))

    def set_watchpoints(self, watched: Sequence[range]) -> bool:
        """Halt behind the instruction that changes flash or RAM in these ranges: at most four, of 16 bytes at most."""
        values = (_Watch * len(watched))(*(_Watch(span.start, len(span)) for span in watched))
        return bool(self._core.machine_set_watches(self._handle, values, len(watched)))

    @property
    def watched(self) -> int:
        """The address whose change halted the core last."""
        return int(self._core.machine_watched(self._handle))

    def step(self) -> Halt:
        """Run one instruction."""
        return self._go(1)

    def run(self, interrupted: Callable[[], bool]) -> Halt:
        """Run until something halts the core."""
        while (halt := self._go(STEPS_PER_SLICE)) is Halt.STEPPED:
            if interrupted():
                return Halt.INTERRUPTED
        return halt

    def close(self) -> None:
        """Release what the engine holds."""
        super().close()
        self._line = None

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line:
            line.hang_up()

    def _go(self, steps: int) -> Halt:
        self._require_open()
        result = native.Result()
        return self._halt(self._core.machine_go(self._handle, steps, ctypes.byref(result)), result)

    def _halt(self, code: int, result: native.Result) -> Halt:
        self._require_no_error(code)
        halt = _HALTS[_Halt(code)]
        if halt is not Halt.ENDED:
            self.trace = None
        elif self.trace is None:
            self._hang_up()
            self.trace = self._trace(result)
        return halt
