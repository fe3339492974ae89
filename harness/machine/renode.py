"""The Renode engine: our board files and flash models (platforms/) in the user's own Renode."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from itertools import chain
from typing import Any

from harness.bundled import bundled_path
from harness.device.loader import device_part
from harness.device.model import Device, Timing
from harness.errors import InputError
from harness.machine.capability import Capability, refuse_peer
from harness.machine.operation_log import RECORD, RecordedOperations, decode_operation
from harness.machine.protocol import Domain, End, Entry, Misuse, MisuseKind, NonVolatile, PeerMaker, Retained, Trace
from harness.machine.renode_host import execute, from_net, models, numbers_to_net, probe, to_net, words_to_net

__all__ = ["SHOWS", "RenodeMachine", "probe"]

SHOWS = frozenset({Capability.MISUSE, Capability.STACK, Capability.OPTION_BYTES, Capability.RETURNS})
"""Renode's count of instructions depends on how it translates, and its time is instructions at one fixed speed."""

_ENTRY = struct.Struct("=QQQQQ")
_MISUSE = struct.Struct("=QQQQ")
NEVER = 2**64 - 1
_NO_DOMAIN = 2**64 - 1
_SEED_LIMIT = 2**64
_MACHINE = "board"
_POLLED = {"stm32f103": 0x00, "nrf52840": 0x108}
"""The boards, and for each the offset of the UART's register that a firmware polls while it waits for input."""
_BLOCK_BYTES = 4096
_PERIPHERALS = ((0x22000000, 0x02000000), (0x40000000, 0x20000000), (0xE0000000, 0x20000000))
"""ARMv7-M: bits of RAM, peripherals, and the core's own; a register that no model answers reads 0."""


class RenodeMachine:
    """One chip on Renode. The machines of a process share Renode's one emulation, and boot in turn.

    Args:
        part: key of `device.parts`.
        domains: ranges of code addresses that do not overlap, in multiples of 1 KiB.
        timing: which of the data sheet's durations the flash takes.

    Raises:
        InputError: there is no board for this device, or Renode is not usable here.
        EngineError: Renode refuses the board.
    """

    engine = "renode"

    def __init__(self, device: Device, part: str, domains: Sequence[Domain] = (), timing: Timing = Timing.TYPICAL) -> None:
        self._device = device
        self._part = part
        self._domains = tuple(domains)
        self._timing = timing
        self._delivered = device.option_bytes.delivery_state.value
        self._open = True
        self._recorder = self._board()

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
        """Power the device up with `state` and run it to an end; see `Machine.boot`."""
        refuse_peer(self.engine, peer)
        option_bytes = state.option_bytes or self._delivered
        self._check(state.flash, option_bytes, seed, stop_before, instruction_budget)
        recorder = self._prepared(state)
        recorder.Boot(
            to_net(state.flash),
            to_net(option_bytes),
            to_net(retained.ram if retained else b""),
            words_to_net(words_of(retained.registers) if retained else ()),
            to_net(uart_input),
            seed,
            NEVER if stop_before is None else stop_before,
            instruction_budget,
        )
        return self._trace(recorder)

    def _prepared(self, state: NonVolatile) -> Any:
        """Return the recorder, told what the cells of a state remember besides their bits."""
        recorder = self._recorder = self._board()
        recorder.SetHistory(words_to_net([*chain(*state.writes)]), words_to_net([*chain(*state.partial_erases)]))
        return recorder

    def ram(self) -> bytes:
        """Return RAM as the last boot left it."""
        return from_net(self._recorder.Ram)

    def close(self) -> None:
        """Give the board up; the emulation itself lasts as long as the process."""
        self._open = False

    def _board(self) -> Any:
        if not self._open:
            raise RuntimeError("the machine is closed")
        return _open_board(self._device, self._part).prepared(self._domains, self._timing)

    def _check(self, flash: bytes, option_bytes: bytes, seed: int, stop_before: int | None, budget: int) -> None:
        size_bytes = device_part(self._device, self._part).flash_bytes.value
        if len(flash) != size_bytes:
            raise ValueError(f"the flash must have {size_bytes} bytes, not {len(flash)}")
        if len(option_bytes) != len(self._delivered):
            raise ValueError(f"there are {len(self._delivered)} option bytes, not {len(option_bytes)}")
        if not 0 <= seed < _SEED_LIMIT:
            raise ValueError(f"the seed {seed} is not in 0..2**64-1")
        if stop_before is not None and stop_before < 0:
            raise ValueError(f"operations are numbered from 0, not {stop_before}")
        if not 0 < budget < _SEED_LIMIT:
            raise ValueError(f"the instruction budget {budget} is not positive")

    def _trace(self, recorder: Any) -> Trace:
        end = End(recorder.EndKind)
        records = from_net(recorder.Operations())
        pending = from_net(recorder.Pending())
        arena = from_net(recorder.Arena())
        return Trace(
            end=end,
            end_detail=str(recorder.Detail),
            pc=recorder.EndPc,
            domain=self._name(recorder.EndDomain),
            final=NonVolatile(
                from_net(recorder.Flash()),
                from_net(recorder.OptionBytes),
                writes=_pairs(recorder.WriteCounts),
                partial_erases=_pairs(recorder.PartialErases),
            ),
            operations=RecordedOperations(records, arena),
            pending=decode_operation(pending, len(records) // RECORD.size, arena) if pending else None,
            entries=tuple(
                Entry(self._name(-1 if domain == _NO_DOMAIN else domain), pc, operations, time_ps, stack_pointer=stack)
                for domain, pc, operations, time_ps, stack in _ENTRY.iter_unpack(from_net(recorder.Entries()))
            ),
            misuses=tuple(Misuse(MisuseKind(kind), address, pc, count) for kind, address, pc, count in _MISUSE.iter_unpack(from_net(recorder.Misuses()))),
            erases=from_net(recorder.Erases),
            uart=from_net(recorder.Output),
            instructions=recorder.Instructions,
            time_ps=recorder.TimePs,
            stack_bytes=recorder.StackBytes(),
            retained=_retained(end, recorder),
        )

    def _name(self, domain: int) -> str:
        return self._domains[domain].name if domain >= 0 else ""


class _Board:
    """The board that the emulation holds.

    Attributes:
        key: device and part.
    """

    def __init__(self, device: Device, part: str) -> None:
        self.key = (device.name, part)
        self._device = device
        self._domains: tuple[Domain, ...] | None = None
        namespace = models()
        execute("Clear")
        execute(f'mach create "{_MACHINE}"')
        with tempfile.NamedTemporaryFile("w", suffix=".repl", encoding="utf-8") as file:
            file.write(board_text(device, part))
            file.flush()
            execute(f"machine LoadPlatformDescription @{file.name}")
        execute("logLevel 3")
        self._recorder = namespace.BootRecorder(_MACHINE, device.ram_address.value, _POLLED[device.name])
        for address, content in _factory_bytes(device, part):
            self._recorder.WriteFactory(address, to_net(content))

    def prepared(self, domains: tuple[Domain, ...], timing: Timing) -> Any:
        """Return the recorder, told which ranges to tell apart and how long operations take."""
        flash = self._device.flash
        self._recorder.SetTimes(flash.program_us.at_ps(timing), flash.page_erase_us.at_ps(timing), flash.mass_erase_us.at_ps(timing))
        if domains != self._domains:
            code = [number for domain in domains for number in (domain.address, domain.size_bytes)]
            settles = numbers_to_net([domain.settles_after_ps for domain in domains])
            self._recorder.SetRanges(words_to_net(code), settles, words_to_net([*chain(*_used_ranges(self._device))]))
            self._domains = domains
        return self._recorder


_board: _Board | None = None


def _open_board(device: Device, part: str) -> _Board:
    global _board  # Renode has one emulation a process
    device_part(device, part)
    if device.name not in _POLLED:
        raise InputError(f"the renode engine has no board for {device.name}", source="--engine", field="renode", remedy=f"It has: {', '.join(_POLLED)}.")
    if _board is None or _board.key != (device.name, part):
        _board = _Board(device, part)
    return _board


def board_text(device: Device, part_name: str) -> str:
    """Return the platform description of one part: the board file, with the memories that this part has."""
    part = device_part(device, part_name)
    path = bundled_path("platforms") / device.name / "board.repl"
    return f'using "{path}"\n\nflash:\n    size: {part.flash_bytes.value:#x}\n\nram:\n    size: {part.ram_bytes.value:#x}\n'


def _factory_bytes(device: Device, part_name: str) -> list[tuple[int, bytes]]:
    size = device_part(device, part_name).flash_size_kib.value
    ranges = [(item.address.value, item.delivery_state.value) for item in (device.unique_id, *device.factory.values())]
    return [*ranges, (device.flash_size_register.value, size.to_bytes(4, "little"))]


def _used_ranges(device: Device) -> list[tuple[int, int]]:
    """Where the chip has something besides flash and RAM; a load or store elsewhere is a bus error."""
    places = (device.option_bytes.address.value, device.unique_id.address.value, device.flash_size_register.value)
    blocks = sorted({place // _BLOCK_BYTES * _BLOCK_BYTES for place in places})
    return [*_PERIPHERALS, *((block, _BLOCK_BYTES) for block in blocks)]


def _retained(end: End, recorder: Any) -> Retained | None:
    """Return what the next boot finds: every reset keeps RAM, and the registers of its cause where the board has them."""
    if end not in (End.RESET, End.WATCHDOG):
        return None
    return Retained(b"".join(word.to_bytes(4, "little") for word in recorder.FlagsAfterReset), from_net(recorder.Ram))


def words_of(content: bytes) -> list[int]:
    return [int.from_bytes(content[start : start + 4], "little") for start in range(0, len(content), 4)]


def _pairs(words: Any) -> tuple[tuple[int, int], ...]:
    numbers = list(words)
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
