"""What a campaign does not do again because it must come out the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.device import Device, Timing
from harness.machine.engines import known_states, make_machine, share_boots, shared_calls
from harness.machine.fresh import FreshMachine
from harness.machine.protocol import Domain, Machine

if TYPE_CHECKING:
    from harness.machine.calls import SharedCalls


@dataclass(frozen=True, slots=True)
class Accelerations:
    """Each can be turned off; the verdicts are the same either way. docs/DESIGN.md gives the arguments.

    Attributes:
        share: boots, see `SharingMachine`. memo: calls inside of boots, see `SharedCalls`.
        prune: runs that differ in a page only which the recovery erases unread, see `ClosedPages`; needs `share`.
        converge: what follows a state that an earlier boot was in, see `KnownStates`.
        reuse: one machine boots again and again, and only pages of the flash that changed are restored; else each boot has a machine of its own.
    """

    share: bool = True
    memo: bool = True
    prune: bool = True
    converge: bool = True
    reuse: bool = True


EVERY_ACCELERATION = Accelerations()
NO_ACCELERATION = Accelerations(share=False, memo=False, prune=False, converge=False)
"""Every boot is made from its reset to its end, on one machine."""


def accelerates(engine: str, accelerations: Accelerations) -> bool:
    """Whether a machine of its own would save anything: only the embedded engine can tell what must come out the same."""
    return engine == "embedded" and replace(accelerations, reuse=True) != NO_ACCELERATION


def machine_of(make: Callable[[], Machine], engine: str, accelerations: Accelerations) -> Machine:
    """Return a machine that `make` makes; where machines are not reused, one that makes another for each boot."""
    return make() if accelerations.reuse else FreshMachine(engine, make)


def make_accelerated(
    engine: str,
    accelerations: Accelerations,
    device: Device,
    part: str,
    domains: Sequence[Domain],
    timing: Timing,
    watched: int | None,
    calls: SharedCalls | None = None,
) -> tuple[Machine, Machine]:
    """Make a machine that does what `accelerations` names only once, and the one inside of it, which makes every boot; see `make_machine`.

    Args:
        calls: where calls are kept; None: in a store of its own, if they are shared.
    """
    calls = (calls or shared_calls(engine)) if accelerations.memo else None
    states = known_states(engine) if accelerations.converge else None
    build = (device, part, domains, timing, watched, calls, states)
    machine = machine_of(lambda: make_machine(engine, *build), engine, accelerations)
    return (share_boots(machine, *build, reuse=accelerations.reuse) if accelerations.share else machine), machine
