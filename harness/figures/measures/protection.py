"""Read protection as the flash controller of the STM32F103 has it."""

from __future__ import annotations

from harness.device import NonVolatile
from harness.figures.bench import Bench
from harness.figures.registry import measure
from harness.machine.debug_port import DebugPort
from harness.machine.protocol import End

_SHOW, _LIFT = 0, 1
_OBR_RDPRT = 1 << 1
_SECRET = 0x5EC2E7


def _option_bytes(bench: Bench, rdp: int, wrp0: int = 0xFF) -> bytes:
    delivered = bytearray(bench.device.option_bytes.delivery_state.value)
    delivered[0:2] = rdp, rdp ^ 0xFF
    delivered[8:10] = wrp0, wrp0 ^ 0xFF
    return bytes(delivered)


def _is_protected(bench: Bench, rdp: int) -> bool:
    trace = bench.run("read_protection", _SHOW, option_bytes=_option_bytes(bench, rdp))
    return bool(int.from_bytes(trace.uart[:4], "little") & _OBR_RDPRT)


@measure
def protection_levels(bench: Bench) -> int:
    """Return how many levels the controller tells apart, over all 256 values of RDP.

    A level that could not be left again would be another one: every protected value is also lifted.
    """
    states = {("protected", _lifted(bench, rdp)) if _is_protected(bench, rdp) else ("open", True) for rdp in range(256)}
    return len(states)


def _lifted(bench: Bench, rdp: int) -> bool:
    trace = bench.run("read_protection", _LIFT, option_bytes=_option_bytes(bench, rdp))
    return trace.final.option_bytes[:1] == b"\xa5"


@measure
def level_of(bench: Bench, rdp: int) -> str:
    """Return the level that an RDP value means."""
    return "level 1" if _is_protected(bench, rdp) else "level 0"


@measure
def bytes_left_by_regression(bench: Bench) -> int:
    """Return how many bytes of the flash survive the way from level 1 to level 0."""
    trace = bench.run("read_protection", _LIFT, option_bytes=_option_bytes(bench, 0x00))
    return sum(byte != 0xFF for byte in trace.final.flash)


@measure
def write_protection_after_regression(bench: Bench) -> str:
    """Return WRP0 after the way from level 1 to level 0; before, its lowest bit protects."""
    trace = bench.run("read_protection", _LIFT, option_bytes=_option_bytes(bench, 0x00, wrp0=0xFE))
    return f"0x{trace.final.option_bytes[8]:02X}"


@measure
def flash_read_by_code(bench: Bench) -> str:
    """Return whether code in flash still reads flash at level 1."""
    contents = {bench.input_address(1): _SECRET.to_bytes(4, "little")}
    trace = bench.run("read_protection", _SHOW, contents, _option_bytes(bench, 0x00))
    return "reads" if int.from_bytes(trace.uart[4:8], "little") == _SECRET else "does not read"


@measure
def boots_at_level_1(bench: Bench) -> str:
    """Return how the installed application fares on a device at level 1."""
    state = NonVolatile(bench.scenario.case("update").state.flash, _option_bytes(bench, 0x00))
    return "runs" if bench.machine.boot(state, seed=1).end is End.SLEEPING else "does not run"


@measure
def debugger_gets(bench: Bench, what: str, rdp: int) -> str:
    """Return how a debugger fares: it reads flash or RAM, or runs code in RAM that reads the flash."""
    state = NonVolatile(bench.flash("read_protection"), _option_bytes(bench, rdp))
    port = DebugPort(bench.device, state, bytes(bench.ram_bytes))
    port.connect()
    address = bench.device.ram_address.value
    accesses = {"flash": port.read_flash, "ram": lambda: port.read_ram(address, 4)[0], "flash by code in ram": port.run_from_ram}
    return accesses[what]().value
