"""Which engines there are, and how to make a machine of one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from harness.device import Device, Timing
from harness.errors import InputError
from harness.machine.capability import Capability, Probe
from harness.machine.fresh import FreshMachine
from harness.machine.protocol import Domain, Machine
from harness.machine.sharing import SharingMachine

if TYPE_CHECKING:
    from harness.machine.calls import SharedCalls
    from harness.machine.convergence import KnownStates
    from harness.machine.debuggee import Debuggee

ENGINES = ("embedded", "renode", "qemu")
"""Names that `--engine` takes. Each has a module of its name, with `SHOWS` (what it can show) and `probe()` (is it usable here?)."""
DEFAULT_ENGINE = ENGINES[0]
"""The one that is meant where none is named."""


def shown_by(engine: str) -> frozenset[Capability]:
    """Return what an engine can show of a boot."""
    shows: frozenset[Capability] = _module(engine).SHOWS
    return shows


def probe_engine(engine: str) -> Probe:
    """Return whether an engine is usable here, in which version, and what is missing if not."""
    result: Probe = _module(engine).probe()
    return result


def _module(engine: str) -> ModuleType:
    return importlib.import_module(f"harness.machine.{engine}")


def make_machine(
    engine: str,
    device: Device,
    part: str,
    domains: Sequence[Domain],
    timing: Timing = Timing.TYPICAL,
    watched: int | None = None,
    calls: SharedCalls | None = None,
    states: KnownStates | None = None,
) -> Machine:
    """Make a machine of the named engine.

    Args:
        part: key of `device.parts`.
        timing: which of the data sheet's durations operations take.
        watched: address of the function whose calls are timed; None: none.
        calls: calls that need not be executed again, see `SharedCalls`; None: every call is executed.
        states: states whose rest of the boot need not be executed again, see `KnownStates`; None: every boot is made to its end.

    Raises:
        InputError: there is no such engine, it is not usable here, or it has no such device.
        EngineError: the engine cannot start here.
    """
    if engine == "embedded":
        from harness.machine.embedded import EmbeddedMachine

        return EmbeddedMachine(device, part, domains, timing, watched, calls=calls, states=states)
    if engine == "qemu":
        from harness.machine.qemu import QemuMachine

        return QemuMachine(device, part, domains)
    if engine == "renode":
        from harness.machine.renode import RenodeMachine

        return RenodeMachine(device, part, domains, timing)
    raise InputError(f"unknown engine {engine!r}", source="--engine", remedy=f"Choose one of: {', '.join(ENGINES)}.")


def make_debuggee(engine: str, device: Device, part: str, domains: Sequence[Domain], timing: Timing = Timing.TYPICAL) -> Debuggee:
    """Make a chip of the named engine that a debugger can halt.

    Raises:
        InputError: the engine is not usable here, or has no such device.
        EngineError: the engine cannot start here.
    """
    if engine == "qemu":
        from harness.machine.qemu_debuggee import QemuDebuggee

        return QemuDebuggee(device, part, domains)
    if engine == "renode":
        from harness.machine.renode_debuggee import RenodeDebuggee

        return RenodeDebuggee(device, part, domains, timing)
    from harness.machine.embedded_debuggee import EmbeddedDebuggee

    return EmbeddedDebuggee(device, part, domains, timing)


def shared_calls(engine: str) -> SharedCalls | None:
    """Return an empty store of calls for the machines of one worker; None where the engine has nothing of the kind."""
    if engine != "embedded":
        return None
    from harness.machine.calls import SharedCalls

    return SharedCalls()


def known_states(engine: str) -> KnownStates | None:
    """Return an empty store of states for the machines of one worker; None where the engine has nothing of the kind."""
    if engine != "embedded":
        return None
    from harness.machine.convergence import KnownStates

    return KnownStates()


def share_boots(
    machine: Machine,
    device: Device,
    part: str,
    domains: Sequence[Domain],
    timing: Timing = Timing.TYPICAL,
    watched: int | None = None,
    calls: SharedCalls | None = None,
    states: KnownStates | None = None,
    *,
    reuse: bool = True,
) -> Machine:
    """Wrap a machine so that boots which must go the same way are made once; an engine that can't record reads stays as it is.

    Args:
        calls, states: those that the machine uses too.
        reuse: one machine makes all boots that are recorded; False: each has one of its own.
    """
    if machine.engine != "embedded":
        return machine

    def make() -> Machine:
        return recording_machine(machine.engine, device, part, domains, timing, watched, calls)

    return SharingMachine(
        machine,
        make if reuse else lambda: FreshMachine(machine.engine, make),
        page_bytes=device.flash.page_bytes.value,
        flash_address=device.flash.address.value,
        calls=calls,
        states=states,
    )


def recording_machine(
    engine: str,
    device: Device,
    part: str,
    domains: Sequence[Domain],
    timing: Timing = Timing.TYPICAL,
    watched: int | None = None,
    calls: SharedCalls | None = None,
) -> Machine:
    """Make a machine whose traces say how each page was used (`Trace.page_uses`); its boots are those of `make_machine`, and take longer.

    Raises:
        InputError: the engine cannot tell.
    """
    if engine != "embedded":
        raise InputError(f"the {engine} engine does not tell which pages a boot looks at", source="--engine", remedy="Take the embedded engine.")
    from harness.machine.embedded import EmbeddedMachine

    return EmbeddedMachine(device, part, domains, timing, watched, records_reads=True, calls=calls)
