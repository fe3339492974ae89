"""Which engines there are, and how to make a machine of one."""

from __future__ import annotations

from collections.abc import Sequence

from harness.device import Device, Timing
from harness.errors import InputError
from harness.machine.protocol import Domain, Machine
from harness.machine.sharing import SharingMachine

ENGINES = ("embedded",)
"""Names that `--engine` takes."""


def make_machine(engine: str, device: Device, part: str, domains: Sequence[Domain], timing: Timing = Timing.TYPICAL, watched: int | None = None) -> Machine:
    """Make a machine of the named engine.

    Args:
        part: key of `device.parts`.
        timing: which of the data sheet's durations operations take.
        watched: address of the function whose calls are timed; None: none.

    Raises:
        InputError: there is no such engine.
        EngineError: the engine cannot start here.
    """
    if engine == "embedded":
        from harness.machine.embedded import EmbeddedMachine

        return EmbeddedMachine(device, part, domains, timing, watched)
    raise InputError(f"unknown engine {engine!r}", source="--engine", remedy=f"Choose one of: {', '.join(ENGINES)}.")


def share_boots(machine: Machine, device: Device, part: str, domains: Sequence[Domain], timing: Timing = Timing.TYPICAL, watched: int | None = None) -> Machine:
    """Wrap a machine so that boots which must go the same way are made once; an engine that can't record reads stays as it is."""
    if machine.engine != "embedded":
        return machine
    from harness.machine.embedded import EmbeddedMachine

    return SharingMachine(
        machine,
        lambda: EmbeddedMachine(device, part, domains, timing, watched, records_reads=True),
        page_bytes=device.flash.page_bytes.value,
        flash_address=device.flash.address.value,
    )
