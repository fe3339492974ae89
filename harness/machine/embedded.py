"""The embedded engine: Unicorn executes, the C core in `core/` does everything around it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import struct
from collections.abc import Sequence
from itertools import pairwise

from harness.device.loader import device_part
from harness.device.model import Device, Part, Timing
from harness.errors import EngineError, InputError
from harness.machine import native
from harness.machine.call_stack import CALL_STACK, CallStack, decode_call_stack
from harness.machine.calls import SharedCalls
from harness.machine.capability import EVERYTHING, Probe
from harness.machine.convergence import KnownStates
from harness.machine.operation_log import RECORD, RecordedOperations, decode_operation
from harness.machine.peer_line import PeerLine
from harness.machine.protocol import CallTimes, Domain, End, Entry, Misuse, MisuseKind, NonVolatile, PeerMaker, Retained, Trace

SHOWS = EVERYTHING

_ENTRY = struct.Struct("=QQQIIiI")
_MISUSE = struct.Struct("=IIII")
_UNMODELLED = struct.Struct("=II")
_HISTORY = struct.Struct("=II")
_REACH_ENDED = 0x8000_0000
"""Of `reads.h`: the page was erased."""
_NEVER = 2**64 - 1
_NOTHING = 2**32 - 1
_BLOCK_BYTES = 4096
_CHIPS = {("fpec", "cortex-m3"): 0, ("fpec", "cortex-m4"): 0, ("nvmc", "cortex-m4"): 1, ("nvmc", "cortex-m0"): 2}
"""`enum chip_kind`: flash controller and core tell the chip."""
_CORES = {"cortex-m3": 0, "cortex-m4": 1, "cortex-m0": 2}
"""`enum cycle_core`."""
_FLASH_SIZE_BYTES = {"fpec": 2, "nvmc": 4}
"""Width of the flash size register."""
_SEED_LIMIT = 2**64


def probe() -> Probe:
    """Return whether the compiled core loads, and which Unicorn it runs on."""
    try:
        native.load_core()
        return Probe(usable=True, version=f"Unicorn {importlib.metadata.version('unicorn')}")
    except (EngineError, importlib.metadata.PackageNotFoundError) as error:
        return Probe(usable=False, remedy=str(error))


class EmbeddedMachine:
    """One chip that boots any number of times; every boot is a function of its arguments alone.

    Args:
        part: key of `device.parts`.
        domains: at most 16 ranges of code addresses that do not overlap.
        timing: which of the data sheet's durations the flash takes.
        watched: address of the function whose calls are timed; None: none.
        records_reads: fill `Trace.page_uses`, `Trace.erased_by` and `Trace.reach`, and record calls; a boot takes a few times as long.
        halts: a debugger can halt the core, see `EmbeddedDebuggee`; a boot takes a few times as long.
        calls: do not execute calls again that must do the same, see `SharedCalls`; None: execute every call.
        states: end a boot that comes to a state of an earlier one with what followed there, see `KnownStates`; None: make every boot to its end.

    Raises:
        ValueError: too many domains, or two that overlap.
        InputError: the device has no such part, or a core and flash controller that this engine does not combine.
        EngineError: the compiled core is missing, or Unicorn does not start.
    """

    engine = "embedded"

    def __init__(
        self,
        device: Device,
        part: str,
        domains: Sequence[Domain] = (),
        timing: Timing = Timing.TYPICAL,
        watched: int | None = None,
        *,
        records_reads: bool = False,
        halts: bool = False,
        calls: SharedCalls | None = None,
        states: KnownStates | None = None,
    ) -> None:
        self._names = tuple(domain.name for domain in domains)
        self._delivery_option_bytes = device.option_bytes.delivery_state.value
        self._config = _make_config(device, part, domains, timing)
        self._config.watched_address = _NOTHING if watched is None else watched
        self._config.records_reads = records_reads
        self._config.halts = halts
        self._calls = calls
        self._config.memo = calls.handle if calls else None
        self._states = states
        self._config.converge = states.handle if states else None
        self._handle: int | None = None
        self._call_stacks: ctypes.Array[ctypes.c_char] | None = None
        self._core = native.load_core()
        self._handle = self._core.machine_create(ctypes.byref(self._config))
        if not self._handle:
            raise EngineError("the embedded engine could not start: no memory, or an incompatible Unicorn")

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
        line = PeerLine(peer.make()) if peer else None
        request = self._request(state, seed, stop_before, instruction_budget, uart_input, retained, line)
        result = native.Result()
        status = self._core.machine_boot(self._handle, ctypes.byref(request), ctypes.byref(result))
        if line:
            line.hang_up()
        self._require_no_error(status)
        return self._trace(result)

    def _request(
        self,
        state: NonVolatile,
        seed: int,
        stop_before: int | None,
        instruction_budget: int,
        uart_input: bytes,
        retained: Retained | None,
        line: PeerLine | None,
    ) -> native.Request:
        option_bytes = state.option_bytes or self._delivery_option_bytes
        self._check(state.flash, option_bytes, seed, stop_before, instruction_budget)
        self._check_retained(retained)
        return native.Request(
            flash=state.flash,
            option_bytes=option_bytes,
            uart_input=uart_input,
            uart_input_bytes=len(uart_input),
            peer=line.ask if line else native.NO_PEER,
            peer_timeout_ps=line.timeout_ps if line else 0,
            ram=retained.ram if retained and retained.ram else None,
            retained=_registers_of(retained),
            writes=_history(state.writes),
            partial_erases=_history(state.partial_erases),
            writes_count=len(state.writes),
            partial_erases_count=len(state.partial_erases),
            seed=seed,
            stop_before=_NEVER if stop_before is None else stop_before,
            instruction_budget=instruction_budget,
        )

    def _require_no_error(self, code: int) -> None:
        if code < 0:
            reason = self._core.machine_error_text(self._handle).decode()
            raise EngineError(f"the embedded engine stopped without a reason that it knows: {reason}")

    def keep_call_stacks(self, most: int) -> None:
        """Keep the call stack of each of the first `most` operations of the boots that follow."""
        self._require_open()
        self._call_stacks = ctypes.create_string_buffer(most * CALL_STACK.size)
        self._core.machine_keep_call_stacks(self._handle, self._call_stacks, most)

    def call_stack(self, operation: int) -> CallStack | None:
        """Return the call stack of an operation that the last boot made; None where it was not kept."""
        if self._call_stacks is None or operation >= len(self._call_stacks) // CALL_STACK.size:
            return None
        return decode_call_stack(ctypes.string_at(ctypes.addressof(self._call_stacks) + operation * CALL_STACK.size, CALL_STACK.size))

    def ram(self) -> bytes:
        """Return RAM as the last boot left it."""
        self._require_open()
        return ctypes.string_at(self._core.machine_ram(self._handle), self._config.ram_bytes)

    def close(self) -> None:
        """Release what the engine holds; the machine can't be used afterwards."""
        if self._handle:
            self._core.machine_destroy(self._handle)
            self._handle = None

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()

    def _require_open(self) -> None:
        if not self._handle:
            raise RuntimeError("the machine is closed")

    def _check(self, flash: bytes, option_bytes: bytes, seed: int, stop_before: int | None, budget: int) -> None:
        self._require_open()
        if len(flash) != self._config.flash_bytes:
            raise ValueError(f"the flash must have {self._config.flash_bytes} bytes, not {len(flash)}")
        if len(option_bytes) != len(self._delivery_option_bytes):
            raise ValueError(f"there are {len(self._delivery_option_bytes)} option bytes, not {len(option_bytes)}")
        if not 0 <= seed < _SEED_LIMIT:
            raise ValueError(f"the seed {seed} is not in 0..2**64-1")
        if stop_before is not None and stop_before < 0:
            raise ValueError(f"operations are numbered from 0, not {stop_before}")
        if not 0 < budget < _SEED_LIMIT:
            raise ValueError(f"the instruction budget {budget} is not positive")

    def _check_retained(self, retained: Retained | None) -> None:
        if retained is None:
            return
        if len(retained.ram) not in (0, self._config.ram_bytes):
            raise ValueError(f"the RAM must have {self._config.ram_bytes} bytes, not {len(retained.ram)}")
        if len(retained.registers) != ctypes.sizeof(native.RetainedState):
            raise ValueError(f"the retained registers take {ctypes.sizeof(native.RetainedState)} bytes, not {len(retained.registers)}")

    def _retained(self, state: native.RetainedState) -> Retained | None:
        return Retained(bytes(state), self.ram() if state.keeps_ram else b"") if state.restarts else None

    def _by_page(self, array: int | None) -> tuple[int, ...]:
        """Return a number for each page, from the core's array of them; empty where there is none."""
        if not array:
            return ()
        return tuple(memoryview(ctypes.string_at(array, 4 * (self._config.flash_bytes // self._config.page_bytes))).cast("I"))

    def _name(self, domain: int) -> str:
        return self._names[domain] if domain >= 0 else ""

    def _trace(self, result: native.Result) -> Trace:
        copy = ctypes.string_at
        config = self._config
        arena = copy(result.arena, result.arena_bytes)
        entries = _ENTRY.iter_unpack(copy(result.entries, result.entry_count * _ENTRY.size))
        misuses = _MISUSE.iter_unpack(copy(result.misuses, result.misuse_count * _MISUSE.size))
        end = End(result.end)
        return Trace(
            end=end,
            end_detail=result.detail.decode(),
            pc=result.pc,
            domain=self._name(result.domain),
            final=NonVolatile(
                copy(result.flash, config.flash_bytes),
                copy(result.option_bytes, config.option_size_bytes),
                writes=tuple(_HISTORY.iter_unpack(copy(result.writes, result.writes_count * _HISTORY.size))),
                partial_erases=tuple(_HISTORY.iter_unpack(copy(result.partial_erases, result.partial_erases_count * _HISTORY.size))),
            ),
            operations=RecordedOperations(copy(result.operations, result.operation_count * RECORD.size), arena),
            pending=decode_operation(bytes(result.pending), result.operation_count, arena) if end == End.STOPPED else None,
            entries=tuple(
                Entry(self._name(domain), pc, count, time_ps, low_ps, high_ps, stack) for time_ps, low_ps, high_ps, pc, count, domain, stack in entries
            ),
            misuses=tuple(Misuse(MisuseKind(kind), address, pc, count) for kind, address, pc, count in misuses),
            erases=copy(result.erases, config.flash_bytes // config.page_bytes),
            page_uses=copy(result.page_uses, config.flash_bytes // config.page_bytes) if result.page_uses else b"",
            erased_by=self._by_page(result.erased_by),
            reach=tuple(reach & ~_REACH_ENDED for reach in self._by_page(result.reach)),
            uart=copy(result.uart, result.uart_bytes),
            instructions=result.instructions,
            time_ps=result.time_ps,
            time_low_ps=result.time_low_ps,
            time_high_ps=result.time_high_ps,
            cycles_low=result.cycles_low,
            cycles_high=result.cycles_high,
            watched=CallTimes(result.watched.calls, result.watched.time_ps, result.watched.time_low_ps, result.watched.time_high_ps),
            watchdog_longest_ps=result.watchdog_longest_ps,
            watchdog_period_ps=result.watchdog_period_ps,
            stack_bytes=result.stack_bytes,
            retained=self._retained(result.retained),
            unmodelled=tuple(_UNMODELLED.iter_unpack(copy(result.unmodelled, result.unmodelled_count * _UNMODELLED.size))),
        )


def _history(entries: tuple[tuple[int, int], ...]) -> ctypes.Array[native.CellHistory]:
    return (native.CellHistory * len(entries))(*(native.CellHistory(address, value) for address, value in entries))


def _registers_of(retained: Retained | None) -> ctypes._Pointer[native.RetainedState] | None:
    return None if retained is None else ctypes.pointer(native.RetainedState.from_buffer_copy(retained.registers))


def _make_config(device: Device, part_name: str, domains: Sequence[Domain], timing: Timing) -> native.Config:
    part = device_part(device, part_name)
    flash, clocks = device.flash, device.clocks
    config = native.Config(
        program_ps=flash.program_us.at_ps(timing),
        page_erase_ps=flash.page_erase_us.at_ps(timing),
        mass_erase_ps=flash.mass_erase_us.at_ps(timing),
        flash_address=flash.address.value,
        flash_alias_address=(flash.alias_address or flash.address).value,
        flash_bytes=part.flash_bytes.value,
        page_bytes=flash.page_bytes.value,
        protection_pages=flash.write_protection_pages_per_bit.value if flash.write_protection_pages_per_bit else 0,
        ram_address=device.ram_address.value,
        ram_bytes=part.ram_bytes.value,
        option_address=device.option_bytes.address.value,
        option_size_bytes=len(device.option_bytes.delivery_state.value),
        writes_per_unit=flash.writes_per_unit.value if flash.writes_per_unit else 0,
        **_addresses(device),
        hsi_hz=clocks.internal_hz.value,
        hse_hz=clocks.crystal_hz.value,
        lsi_hz=clocks.low_speed_hz.value,
        core=_CORES[device.core],
        flash_wait_states=device.cycles.flash_wait_states.value,
        chip=_chip_of(device),
        domain_count=len(domains),
    )
    _place_factory_bytes(config, device, part)
    for index, domain in enumerate(_check_domains(domains)):
        config.domains[index] = native.DomainRange(domain.address, domain.size_bytes, domain.settles_after_ps)
    return config


def _chip_of(device: Device) -> int:
    try:
        return _CHIPS[device.flash.controller, device.core]
    except KeyError:
        known = ", ".join(f"{core} with {controller}" for controller, core in _CHIPS)
        raise InputError(
            f"the embedded engine has no {device.core} with the flash controller {device.flash.controller!r}",
            source=device.name,
            field="core",
            remedy=f"It has: {known}.",
        ) from None


def _addresses(device: Device) -> dict[str, int]:
    """Return where the peripherals are that the core finds by its configuration."""
    names = {"fpec": {"fpec": "flash_controller", "rcc": "rcc", "usart1": "usart1", "iwdg": "iwdg"}, "nvmc": {"nvmc": "flash_controller"}}
    return {f"{field}_address": device.registers[name].value for field, name in names[device.flash.controller].items()}


def _place_factory_bytes(config: native.Config, device: Device, part: Part) -> None:
    """Fill in the block that holds the option bytes and all read-only words."""
    ranges = [(item.address.value, item.delivery_state.value) for item in (device.unique_id, *device.factory.values())]
    ranges.append((device.flash_size_register.value, part.flash_size_kib.value.to_bytes(_FLASH_SIZE_BYTES[device.flash.controller], "little")))
    places = [(device.option_bytes.address.value, device.option_bytes.delivery_state.value), *ranges]
    config.system_address = min(address for address, _ in places) // _BLOCK_BYTES * _BLOCK_BYTES
    end = max(address + len(content) for address, content in places)
    config.system_bytes = -(-(end - config.system_address) // _BLOCK_BYTES) * _BLOCK_BYTES
    config.factory_count = len(ranges)
    for index, (address, content) in enumerate(ranges):
        config.factory[index] = native.FactoryRange(address, len(content), tuple(content))


def _check_domains(domains: Sequence[Domain]) -> Sequence[Domain]:
    if len(domains) > native.DOMAIN_MAX:
        raise ValueError(f"{len(domains)} domains; the engine tells {native.DOMAIN_MAX} apart")
    for before, after in pairwise(sorted(domains, key=lambda domain: domain.address)):
        if before.address + before.size_bytes > after.address:
            raise ValueError(f"the domains {before.name!r} and {after.name!r} overlap")
    return domains
