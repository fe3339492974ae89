"""Times: instructions counted on the emulated device, and operations timed by its flash controller."""

from __future__ import annotations

from harness.device.calculation import load_calculation_device
from harness.errors import EngineError
from harness.figures.bench import Bench, operations_of
from harness.figures.registry import measure
from harness.image.keys import PrivateKey
from harness.machine.protocol import Trace

_SEED = bytes(range(32))
_VERIFY, _SIGN = 0, 1


def crypto_trace(bench: Bench, *, signing: bool) -> Trace:
    """Sign or verify the 16 KiB of the message region on the device; the result was checked there.

    Raises:
        EngineError: the device's result is wrong.
    """
    region = bench.regions["message"]
    message = bytes(index * 7 % 251 for index in range(region.bytes))
    key = PrivateKey.from_seed(_SEED)
    contents = {
        region.address: message,
        bench.input_address(8): key.public_key.raw,
        bench.input_address(16): key.sign(message),
        bench.input_address(32): _SEED,
    }
    trace = bench.run("crypto", _SIGN if signing else _VERIFY, contents)
    if [operation.new[0] for operation in bench.marks(trace)] != [1, 2]:
        raise EngineError("the measuring program crypto made or accepted another signature than the host")
    return trace


def _instructions(bench: Bench, trace: Trace) -> int:
    before, after = bench.marks(trace)
    return after.instructions - before.instructions


@measure
def sign_ms(bench: Bench, device: str) -> float:
    """Return the calculated time to sign 16 KiB."""
    return load_calculation_device(device).milliseconds(_instructions(bench, crypto_trace(bench, signing=True)))


@measure
def verify_ms(bench: Bench, device: str) -> float:
    """Return the calculated time to verify a signature over 16 KiB."""
    return load_calculation_device(device).milliseconds(_instructions(bench, crypto_trace(bench, signing=False)))


@measure
def calculated_erase_ms(_bench: Bench, device: str) -> float:
    """Return the typical time of the smallest erase that covers 4 KiB."""
    return load_calculation_device(device).sector_erase_us.typical / 1e3


@measure
def calculated_write_ms(_bench: Bench, device: str, size_bytes: int) -> float:
    """Return the typical time to program so many bytes, program unit by program unit."""
    chip = load_calculation_device(device)
    return size_bytes / chip.program_unit_bytes.value * chip.program_us.typical / 1e3


def _flash_times(bench: Bench) -> Trace:
    trace = bench.run("flash_times")
    if trace.uart != b"+":
        raise EngineError("the measuring program flash_times could not erase and program")
    return trace


@measure
def erase_4_kib_ms(bench: Bench) -> float:
    """Return the virtual time in which the emulated device erases 4 KiB, page by page."""
    erases = [operation for operation in operations_of(_flash_times(bench)) if operation.kind.is_erase]
    return sum(operation.duration_ps for operation in erases) / 1e9


@measure
def write_256_bytes_ms(bench: Bench) -> float:
    """Return the virtual time in which the emulated device's controller programs 256 bytes."""
    programs = [operation for operation in operations_of(_flash_times(bench)) if not operation.kind.is_erase]
    return sum(operation.duration_ps for operation in programs) / 1e9
