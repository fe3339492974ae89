"""The Speck flash driver, run register access for register access on the flash controller."""

from __future__ import annotations

from harness.figures.bench import Bench, operations_of
from harness.figures.registry import measure
from harness.machine.protocol import Trace

_DATA = bytes(range(1, 17))
_ERASE_THEN_WRITE, _WRITE_THEN_ERASE, _ERASE_METADATA_PAGE, _WRITE = range(4)


def _driver(bench: Bench, what: int, before: bytes) -> Trace:
    return bench.run("speck_driver", what, {bench.input_address(16): _DATA, bench.regions["scratch"].address: before})


@measure
def driver_written_bytes(bench: Bench, erase_first: str) -> int:
    """Return how many of 16 bytes the flash holds after the driver wrote them, to a used page that it erased, or to a fresh one."""
    trace = _driver(bench, _ERASE_THEN_WRITE, bytes(16)) if erase_first == "yes" else _driver(bench, _WRITE, b"\xff" * 16)
    written = bench.read(trace, bench.regions["scratch"].address, len(_DATA))
    return sum(found == wanted for found, wanted in zip(written, _DATA, strict=True))


@measure
def driver_misuses(bench: Bench) -> str:
    """Return the rules of the controller that the driver breaks when it writes after an erase."""
    kinds = {misuse.kind.name.lower().replace("_", " ") for misuse in _driver(bench, _ERASE_THEN_WRITE, bytes(16)).misuses}
    return ", ".join(sorted(kinds)) or "none"


@measure
def driver_metadata_page(bench: Bench) -> str:
    """Return which page the driver erases for PageId 63."""
    erases = [f"0x{operation.address:08X}" for operation in operations_of(_driver(bench, _ERASE_METADATA_PAGE, b"\xff")) if operation.kind.is_erase]
    return ", ".join(erases) or "none"


@measure
def unerased_write(bench: Bench) -> str:
    """Return what a write over programmed cells does: the page is used, the driver does not erase it."""
    before = bytes(reversed(_DATA))
    trace = _driver(bench, _WRITE, before)
    return "refused" if bench.read(trace, bench.regions["scratch"].address, len(before)) == before and trace.misuses else "written"
