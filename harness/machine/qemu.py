"""The QEMU engine: the nRF51822 of QEMU's `microbit`, with QEMU's own flash controller, cut by gdb watchpoints."""

from __future__ import annotations

from collections.abc import Sequence

from harness.device.loader import device_part
from harness.device.model import Device
from harness.errors import EngineError, InputError
from harness.machine.capability import Capability, refuse_peer
from harness.machine.gdb_remote import GdbRemote
from harness.machine.noise import power_on_noise
from harness.machine.protocol import Domain, End, NonVolatile, OperationKind, PeerMaker, Retained, Trace
from harness.machine.qemu_boot import Chip, Ended, QemuBoot
from harness.machine.qemu_process import EndedError, QemuProcess, probe
from harness.machine.thumb import PC, SP

__all__ = ["SHOWS", "QemuMachine", "probe"]

SHOWS = frozenset[Capability]()
"""QEMU counts neither instructions nor time, records no misuse, erases UICR in every reset; nor is a return to the first domain seen."""

_BOARDS = {("nrf51822", "qfaa"): "microbit"}
_ADDRESS_LAST = 0xFFFFFFFF
_XPSR, _XPSR_THUMB, _XPSR_FLAGS = 16, 1 << 24, 0xF0000000
_NOISY_REGISTERS = 13
_SENTINEL = 0x5EED5EED
_RESET_POLLS = 10_000
_SEED_LIMIT = 2**64
_UART_BYTES_MOST = 32_768
"""What surely fits in a pipe."""

_INSTRUCTIONS_PER_SECOND = 5_000_000
_LEAST_SECONDS = 20.0
"""How long a budget of instructions is waited for: far longer than the slowest machine takes for it."""


class QemuMachine:
    """One nRF51822 on QEMU that boots any number of times; a boot does the same for equal arguments, but for how long it takes.

    Args:
        part: key of `device.parts`.
        domains: ranges of code addresses that do not overlap.

    Raises:
        InputError: QEMU has no board with this chip, or is not installed.
        EngineError: it does not start.
    """

    engine = "qemu"

    def __init__(self, device: Device, part: str, domains: Sequence[Domain] = ()) -> None:
        self._process: QemuProcess | None = None
        self._gdb: GdbRemote | None = None
        if (device.name, part) not in _BOARDS:
            known = ", ".join(f"{name} {chip}" for name, chip in _BOARDS)
            raise InputError(f"QEMU has no board with the chip {device.name} {part}", source="--engine", field="qemu", remedy=f"It has: {known}.")
        self._board = _BOARDS[device.name, part]
        self._domains = tuple(domains)
        self._delivered = device.option_bytes.delivery_state.value
        self._chip = _chip_of(device, part)
        self._held = b""
        self._tainted = False
        self._open = True
        self._start()

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
        """Power the device up with `state` and run it to an end; see `Machine.boot`. A budget becomes a time to wait."""
        refuse_peer(self.engine, peer)
        self._check(state, seed, stop_before, instruction_budget, uart_input)
        process, gdb = self._with_flash(state.flash)
        registers = self._reset(gdb, seed, retained)
        process.uart.clear()
        process.log.clear()
        process.give_input(uart_input)
        self._tainted = bool(uart_input)
        boot = QemuBoot(process, gdb, self._chip, self._domains, entry=registers[PC], stack=registers[SP], stop_before=stop_before)
        try:
            ended = boot.run(max(_LEAST_SECONDS, instruction_budget / _INSTRUCTIONS_PER_SECOND))
            final = NonVolatile(gdb.read(self._chip.flash.start, len(self._chip.flash)), gdb.read(self._chip.option_bytes.start, len(self._delivered)))
            self._held = final.flash
            process.drain()
            self._tainted |= boot.unsettled
            kept = Retained(b"", gdb.read(self._chip.ram.start, len(self._chip.ram))) if ended.end is End.RESET else None
        except EndedError:
            process.drain()
            ended, final, kept = self._after_lockup(boot, state.flash)
        boot.take_entries()
        return self._trace(boot, ended, final, bytes(process.uart), kept)

    def close(self) -> None:
        """End QEMU; the machine can't be used afterwards."""
        self._open = False
        self._stop()

    def __del__(self) -> None:
        self._stop()

    def _start(self) -> None:
        self._process = QemuProcess(self._board, _outside(self._domains, self._chip.flash.start))
        self._gdb = GdbRemote(self._process)
        self._held = b""
        self._gdb.watch_writes(self._chip.watched)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.close()
        self._process = self._gdb = None

    def _with_flash(self, flash: bytes) -> tuple[QemuProcess, GdbRemote]:
        """Return a QEMU that holds `flash`: the running one, unless it has ended or may have kept input for its UART."""
        if self._process is None or self._gdb is None or self._tainted or not self._process.alive:
            self._stop()
            self._start()
        assert self._process is not None
        assert self._gdb is not None
        page_bytes = self._chip.page_bytes
        changed = [start for start in range(0, len(flash), page_bytes) if self._held[start : start + page_bytes] != flash[start : start + page_bytes]]
        if len(changed) == len(flash) // page_bytes:
            self._gdb.write(self._chip.flash.start, flash)
        else:
            for start in changed:
                self._gdb.write(self._chip.flash.start + start, flash[start : start + page_bytes])
        self._held = flash
        return self._process, self._gdb

    def _reset(self, gdb: GdbRemote, seed: int, retained: Retained | None) -> tuple[int, ...]:
        """Reset the chip and fill RAM and registers; return these as the first instruction finds them."""
        gdb.write_registers({0: _SENTINEL})
        gdb.monitor("system_reset")
        for _ in range(_RESET_POLLS):
            registers = gdb.registers()
            if registers[0] != _SENTINEL:
                break
        else:
            raise EngineError("QEMU does not reset its machine")
        ram, noise = power_on_noise(seed, len(self._chip.ram), _NOISY_REGISTERS + 1)
        gdb.write(self._chip.ram.start, retained.ram if retained is not None and retained.ram else ram)
        status = registers[_XPSR] & _XPSR_THUMB | noise[_NOISY_REGISTERS] & _XPSR_FLAGS
        gdb.write_registers({**dict(enumerate(noise[:_NOISY_REGISTERS])), _XPSR: status})
        return gdb.registers()

    def _after_lockup(self, boot: QemuBoot, flash: bytes) -> tuple[Ended, NonVolatile, Retained | None]:
        """The core locked up, and QEMU ended with it: what the flash held is what the log says.

        Raises:
            EngineError: QEMU ended for another reason.
        """
        if self._process is None or not self._process.ended_in_lockup():
            raise EngineError("QEMU ended in the middle of a boot, and not by a lockup of the core")
        cells = bytearray(flash)
        options = bytearray(self._delivered)
        for operation in boot.operations:
            array, start = (options, self._chip.option_bytes.start) if operation.address in self._chip.option_bytes else (cells, self._chip.flash.start)
            array[operation.address - start : operation.address - start + operation.size_bytes] = operation.new
        self._stop()
        return Ended(End.LOCKUP, boot.entries[-1].pc, "the core locked up, and QEMU ended"), NonVolatile(bytes(cells), bytes(options)), None

    def _trace(self, boot: QemuBoot, ended: Ended, final: NonVolatile, uart: bytes, kept: Retained | None) -> Trace:
        return Trace(
            end=ended.end,
            end_detail=ended.detail,
            pc=ended.pc,
            domain=boot.domain_of(ended.pc),
            final=final,
            operations=tuple(boot.operations),
            pending=boot.pending,
            entries=tuple(boot.entries),
            misuses=(),
            erases=self._erases(boot),
            uart=uart,
            instructions=0,
            time_ps=0,
            stack_bytes=0,
            retained=kept,
        )

    def _erases(self, boot: QemuBoot) -> bytes:
        page_bytes = self._chip.page_bytes
        counts = bytearray(len(self._chip.flash) // page_bytes)
        for operation in boot.operations:
            if operation.kind in (OperationKind.PAGE_ERASE, OperationKind.MASS_ERASE):
                first = (operation.address - self._chip.flash.start) // page_bytes
                for page in range(first, first + operation.size_bytes // page_bytes):
                    counts[page] = min(counts[page] + 1, 255)
        return bytes(counts)

    def _check(self, state: NonVolatile, seed: int, stop_before: int | None, budget: int, uart_input: bytes) -> None:
        if not self._open:
            raise RuntimeError("the machine is closed")
        if len(state.flash) != len(self._chip.flash):
            raise ValueError(f"the flash must have {len(self._chip.flash)} bytes, not {len(state.flash)}")
        if state.option_bytes not in (b"", self._delivered):
            raise EngineError("the qemu engine can't start with a UICR that is not erased: QEMU erases it in every reset")
        if not 0 <= seed < _SEED_LIMIT:
            raise ValueError(f"the seed {seed} is not in 0..2**64-1")
        if stop_before is not None and stop_before < 0:
            raise ValueError(f"operations are numbered from 0, not {stop_before}")
        if budget <= 0:
            raise ValueError(f"the instruction budget {budget} is not positive")
        if len(uart_input) > _UART_BYTES_MOST:
            raise ValueError(f"{len(uart_input)} bytes of UART input; the qemu engine takes {_UART_BYTES_MOST}")


def _chip_of(device: Device, part_name: str) -> Chip:
    part = device_part(device, part_name)
    flash, ram, options = device.flash.address.value, device.ram_address.value, device.option_bytes.address.value
    return Chip(
        flash=range(flash, flash + part.flash_bytes.value),
        ram=range(ram, ram + part.ram_bytes.value),
        option_bytes=range(options, options + len(device.option_bytes.delivery_state.value)),
        page_bytes=device.flash.page_bytes.value,
        controller=device.registers["flash_controller"].value,
        uart=device.registers["uart0"].value,
    )


def _outside(domains: Sequence[Domain], vectors: int) -> list[tuple[int, int]]:
    """Return all addresses outside of the domain that the core starts from: few blocks run there, and all of them can be logged."""
    first = next((domain for domain in domains if 0 <= vectors - domain.address < domain.size_bytes), None)
    if first is None:
        return [(0, _ADDRESS_LAST)] if domains else []
    before = [(0, first.address - 1)] if first.address else []
    return [*before, (first.address + first.size_bytes, _ADDRESS_LAST)]
