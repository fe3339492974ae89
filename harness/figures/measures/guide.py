"""The security guide's A/B update, made as it is written, with power cut at every operation."""

from __future__ import annotations

import functools
from collections.abc import Callable

from harness.device import NonVolatile
from harness.fault.crash import FlashReplay
from harness.fault.flash_map import flash_map_of
from harness.fault.plan import every_operation
from harness.figures.bench import Bench, operations_of
from harness.figures.registry import measure
from harness.machine.protocol import Operation, Trace

_OLD, _NEW = (1).to_bytes(4, "little").ljust(64, b"\x11"), (2).to_bytes(4, "little").ljust(64, b"\x22")
_UPDATE, _SWITCH_TO_B, _INCREMENT = 1, 2, 3
_CHOICE_ADDRESS = 0x0800FFF0
_A, _ERASED = b"\xaa" * 4, b"\xff" * 4
_SEED = 1


def _contents(bench: Bench, choice: bytes, new: bytes = _NEW) -> dict[int, bytes]:
    regions = bench.regions
    return {
        regions["partition_a"].address: _OLD,
        regions["counter"].address: (1).to_bytes(4, "little"),
        bench.input_address(16): new,
        _CHOICE_ADDRESS: choice,
    }


@functools.cache
def _update(bench: Bench, choice: bytes) -> tuple[NonVolatile, Trace]:
    state = NonVolatile(bench.flash("guide_update", _UPDATE, _contents(bench, choice)), bench.device.option_bytes.delivery_state.value)
    return state, bench.boot(state)


def _booted(bench: Bench, state: NonVolatile) -> str:
    """Return partition and version that the guide's boot selects, such as "A1"."""
    return bench.boot(state).uart[:2].decode()


def _share(bench: Bench, choice: bytes, chosen: Callable[[Operation], bool], good: set[str]) -> float:
    """Return the percentage of cuts, over every chosen operation and every tear, after which a good version is selected."""
    state, trace = _update(bench, choice)
    operations = operations_of(trace)
    replay = FlashReplay(state, operations, flash_map_of(bench.scenario))
    faults = [fault for fault in every_operation([operations]) if chosen(operations[fault.operation])]
    found = [_booted(bench, replay.crash_image(fault, _SEED).state) in good for fault in faults]
    return 100 * sum(found) / len(found)


def _in(bench: Bench, region: str) -> Callable[[Operation], bool]:
    place = bench.regions[region]
    return lambda operation: place.address <= operation.address < place.end


@measure
def selected_before_update(bench: Bench) -> str:
    """Return what boots where power was lost before the first write."""
    state, _ = _update(bench, _ERASED)
    return _booted(bench, state)


@measure
def old_firmware_after_cut_write(bench: Bench) -> float:
    """Return the share of cuts in erase and programs of the inactive partition after which the old firmware is selected."""
    return _share(bench, _ERASED, _in(bench, "partition_b"), {"A1"})


@measure
def selected_before_switch(bench: Bench) -> str:
    """Return what boots where power was lost after the write and before the switch."""
    state, trace = _update(bench, _ERASED)
    operations = operations_of(trace)
    first = next(operation.index for operation in operations if _in(bench, "choice")(operation))
    return _booted(bench, FlashReplay(state, operations, flash_map_of(bench.scenario)).state_before(first))


@measure
def selected_after_update(bench: Bench, choice: str) -> str:
    """Return what boots after the update ran to its end, from an erased choice word or from one that says A."""
    _, trace = _update(bench, _ERASED if choice == "erased" else _A)
    return _booted(bench, trace.final)


@measure
def cut_switch_is_safe(bench: Bench) -> float:
    """Return the share of cuts in the switch after which the old or the new firmware is selected."""
    return _share(bench, _ERASED, _in(bench, "choice"), {"A1", "B2"})


@measure
def new_firmware_after_cut_increment(bench: Bench) -> float:
    """Return the share of cuts in the counter's increment after which the new firmware is selected; 0 where it makes no operation."""
    _, trace = _update(bench, _ERASED)
    if not any(_in(bench, "counter")(operation) for operation in operations_of(trace)):
        return 100.0 if _booted(bench, trace.final) == "B2" else 0.0
    return _share(bench, _ERASED, _in(bench, "counter"), {"B2"})


@measure
def update_reports(bench: Bench) -> str:
    """Return what the guide's update function returns in the end."""
    _, trace = _update(bench, _ERASED)
    return "success" if trace.uart[2:3] == b"+" else "error"


@measure
def old_firmware_after_failed_write(bench: Bench) -> str:
    """Return what boots where the inactive partition can't be written, because it is write-protected."""
    page = (bench.regions["partition_b"].address - bench.device.flash.address.value) // bench.device.flash.page_bytes.value
    assert bench.device.flash.write_protection_pages_per_bit is not None
    bit = page // bench.device.flash.write_protection_pages_per_bit.value
    option_bytes = bytearray(bench.device.option_bytes.delivery_state.value)
    option_bytes[8 + 2 * (bit // 8)] &= ~(1 << bit % 8)
    option_bytes[9 + 2 * (bit // 8)] |= 1 << bit % 8
    trace = bench.run("guide_update", _UPDATE, _contents(bench, _ERASED), bytes(option_bytes))
    return _booted(bench, trace.final)


@measure
def choice_after_switch(bench: Bench, choice: str) -> str:
    """Return the choice word after the guide's switch to B, from an erased word or from one that says A."""
    trace = bench.run("guide_update", _SWITCH_TO_B, _contents(bench, _ERASED if choice == "erased" else _A))
    return f"0x{int.from_bytes(bench.read(trace, _CHOICE_ADDRESS, 4), 'little'):08X}"


@measure
def operations_of_switch(bench: Bench) -> int:
    """Return how many flash operations the switch of an erased choice word takes."""
    return len(bench.run("guide_update", _SWITCH_TO_B, _contents(bench, _ERASED)).operations)


@measure
def choice_after_protected_switch(bench: Bench) -> str:
    """Return the choice word after a switch, with the bootloader's area, in which the word lies, write-protected."""
    option_bytes = bytearray(bench.device.option_bytes.delivery_state.value)
    option_bytes[10:12] = 0x7F, 0x80
    trace = bench.run("guide_update", _SWITCH_TO_B, _contents(bench, _ERASED), bytes(option_bytes))
    return f"0x{int.from_bytes(bench.read(trace, _CHOICE_ADDRESS, 4), 'little'):08X}"


@measure
def counter_after_increment(bench: Bench) -> int:
    """Return the counter, which was 1, after the guide's increment."""
    trace = bench.run("guide_update", _INCREMENT, _contents(bench, _ERASED))
    return int.from_bytes(bench.read(trace, bench.regions["counter"].address, 4), "little")
