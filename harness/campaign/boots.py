"""Boot a state until it settles. A run is a function of (state, seed) alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.errors import EngineError
from harness.fault.crash import CrashImage, FaultProof, FlashReplay, tear_state
from harness.fault.digest import digest_of
from harness.fault.disturbed import read_at_power_up, still_disturbed
from harness.fault.faults import Fault
from harness.fault.flash_map import flash_map_of
from harness.fault.write_count import history_after, history_of
from harness.machine.protocol import End, Machine, NonVolatile, Operation, OperationLog, PeerMaker, Retained, Trace
from harness.oracle.run import Run, is_settled
from harness.scenario.prepared import APPLICATION_DOMAIN, PreparedCase, PreparedScenario

RAM_FILLINGS = 4
"""How many different contents of RAM a campaign draws for each boot of a run."""

_POWER_CYCLES = 1
"""After a run has settled: nothing may change any more."""
_POWER_CYCLES_DISTURBED = 2
"""After a run has settled with cells still disturbed: what reads right in one boot may not in the next."""


def ram_seed(seed: int, state_digest: str, boot: int) -> int:
    """Return what fills RAM and registers in boot `boot` of the run that starts from a state.

    One of a few fillings, chosen by the state: a firmware that trusts what was left in RAM meets more than one of them, and yet
    most boots that read the same flash are the same boot, and are made once.
    """
    filling = filling_of(state_digest)
    return int.from_bytes(hashlib.blake2b(f"{seed}:{filling}:{boot}".encode(), digest_size=8).digest(), "little")


def filling_of(state_digest: str) -> int:
    """Return which of the RAM fillings a run from a state has."""
    return int(state_digest[:8], 16) % RAM_FILLINGS


def run_until_settled(machine: Machine, scenario: PreparedScenario, case: PreparedCase, start: NonVolatile, seed: int, fault: FaultProof | None = None) -> Run:
    """Boot `start` again and again until the application settles or the allowed boots are used; if it settled, cycle the power once more.

    A boot that ended with a reset of the chip's own is followed by one that finds what that reset keeps; any other, by a power cycle.
    The case's peer is there until the application has settled, and gone in the power cycles after that.

    Cells that the cut left disturbed are drawn anew for each boot. Where some are left after the application has settled,
    two more power cycles follow.
    """
    state_digest = digest_of(start) if fault is None else fault.crash_digest
    traces: list[Trace] = []
    starts: list[NonVolatile] = []
    state = start
    power_cycles: int | None = None
    retained: Retained | None = None
    peer = case.peer
    boots_left = scenario.limits.boots
    while boots_left:
        boot_seed = ram_seed(seed, state_digest, len(traces))
        found = read_at_power_up(state, flash_map_of(scenario), boot_seed)
        trace = machine.boot(found, seed=boot_seed, instruction_budget=scenario.limits.instructions, retained=retained, peer=peer)
        if trace.end is End.UNSUPPORTED:
            raise EngineError(f"the {machine.engine} engine does not model what the firmware needs: {trace.end_detail} (pc {trace.pc:#010x})")
        traces.append(trace)
        retained = trace.retained
        starts.append(found)
        left = still_disturbed(found.disturbed, _all_of(trace.operations))
        state = replace(trace.final, disturbed=left) if left else trace.final
        boots_left -= 1
        if is_settled(trace):
            peer = None
            if power_cycles is None:
                power_cycles = _POWER_CYCLES_DISTURBED if state.disturbed else _POWER_CYCLES
            boots_left = scenario.limits.boots if power_cycles else 0
            power_cycles -= 1
    return Run(scenario, case, start, fault, tuple(traces), tuple(starts) if start.disturbed else ())


def _all_of(operations: OperationLog) -> Iterator[Operation]:
    return (operations[index] for index in range(len(operations)))


@dataclass(frozen=True, slots=True)
class BootLog:
    """One boot of a run that is to be cut: what it found, how RAM was filled, and what it did to the flash.

    Attributes:
        start: disturbed cells as this boot read them.
        entered: how many operations had been executed each time that it entered the application.
        retained: what the reset before it had kept; None: a power-on. time_ps: how long it took.
        peer: who was at the other end of the UART.
    """

    start: NonVolatile
    seed: int
    operations: tuple[Operation, ...]
    entered: tuple[int, ...] = ()
    retained: Retained | None = None
    time_ps: int = 0
    peer: PeerMaker | None = None


@dataclass(frozen=True, slots=True)
class CaseLog:
    """A run of a case, as crash images need it: the clean run, or a recovery."""

    case: PreparedCase
    boots: tuple[BootLog, ...]


def log_of(run: Run, seed: int) -> CaseLog:
    """Turn a run into the log that its crash images are made from.

    Raises:
        EngineError: a log does not lead from the flash before the boot to the flash after it.
    """
    digest = digest_of(run.start)
    boots = []
    retained: Retained | None = None
    peer = run.case.peer
    for number, trace in enumerate(run.traces):
        start = run.state_before_boot(number)
        operations = tuple(_all_of(trace.operations))
        entered = tuple(entry.operations for entry in trace.entries if entry.domain == APPLICATION_DOMAIN)
        boots.append(BootLog(start, ram_seed(seed, digest, number), operations, entered, retained, trace.time_ps, peer))
        peer = None if is_settled(trace) else peer
        after = FlashReplay(start, operations, flash_map_of(run.scenario)).state_before(len(operations))
        if (after.flash, after.option_bytes) != (trace.final.flash, trace.final.option_bytes):
            raise EngineError(f"case {run.case.name}, boot {number}: the operation log does not lead to the final state")
        retained = trace.retained
    return CaseLog(run.case, tuple(boots))


def live_crash_image(machine: Machine, scenario: PreparedScenario, log: Sequence[BootLog], fault: Fault, seed: int) -> CrashImage:
    """Make a crash image by stopping the machine right before the operation, not from the log.

    Raises:
        EngineError: the machine never came to that operation: the fault did not fire.
    """
    boot = log[fault.boot]
    trace = machine.boot(
        boot.start,
        seed=boot.seed,
        stop_before=fault.operation,
        instruction_budget=scenario.limits.instructions,
        retained=boot.retained,
        peer=boot.peer,
    )
    if trace.end is not End.STOPPED or trace.pending is None:
        raise EngineError(f"fault {fault} did not fire: the boot ended with {trace.end.name.lower()} before operation {fault.operation}")
    flash_map = flash_map_of(scenario)
    left = still_disturbed(boot.start.disturbed, _all_of(trace.operations))
    history = history_after(history_of(boot.start), _all_of(trace.operations), flash_map)
    return tear_state(history.of(replace(trace.final, disturbed=left)), trace.pending, fault, seed, flash_map)
