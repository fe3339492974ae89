"""Where in the code a cut hits: the line that asked for the interrupted operation, and its callers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import overload

from harness.build.elf import ElfFile, SourceLocation
from harness.build.unwind import Unwinder
from harness.campaign.boots import BootLog, CaseLog, log_of, run_until_settled
from harness.campaign.runner import FaultRunner
from harness.fault.crash import FaultProof
from harness.fault.faults import Faults
from harness.machine.call_stack import CallStack
from harness.machine.capability import Capability
from harness.machine.embedded import EmbeddedMachine
from harness.machine.engines import make_machine, shown_by
from harness.scenario.prepared import BOOTLOADER_DOMAIN, PreparedScenario

_MOST_OPERATIONS = 16_384
"""Of a boot; for those behind, only the line is known."""
_BOOTS_KEPT = 32

CallSite = tuple[SourceLocation, ...]
"""The line that asked for an operation, then its callers; without symbols the address stands for the function."""


class CallSites:
    """Finds the call sites of a campaign's faults. Each boot that was cut is made once more, see `call_sites_of`.

    Args:
        engine: of the campaign. log: returns the run that a fault falls into, given its case and the faults before it.
    """

    def __init__(self, scenario: PreparedScenario, engine: str, log: Callable[[str, Faults], CaseLog]) -> None:
        self._scenario = scenario
        self._engine = engine
        self._log = log
        self._sites: OrderedDict[tuple[str, Faults, int], Sequence[CallSite]] = OrderedDict()

    def of(self, case: str, proof: FaultProof) -> CallSite:
        """Return where the last fault of a sequence hit."""
        *before, fault = proof.faults
        key = (case, tuple(before), fault.boot)
        if key not in self._sites:
            self._sites[key] = call_sites_of(self._scenario, self._log(case, tuple(before)).boots[fault.boot], self._engine)
            if len(self._sites) > _BOOTS_KEPT:
                self._sites.popitem(last=False)
        return self._sites[key][fault.operation]


class Legs:
    """The runs that the faults of a campaign fall into, each made when it is asked for.

    Args:
        seed, engine: those of the campaign.
    """

    def __init__(self, scenario: PreparedScenario, seed: int, engine: str) -> None:
        self._scenario = scenario
        self._seed = seed
        self._engine = engine
        self._clean: dict[str, CaseLog] = {}

    def log(self, case: str, before: Faults) -> CaseLog:
        """Return a clean run, or the recovery after some faults."""
        if case not in self._clean:
            self._clean[case] = self._run(case)
        if not before:
            return self._clean[case]
        runner = FaultRunner(self._scenario, [self._clean[case]], self._seed, self._engine)
        try:
            return runner.log_after(0, before)
        finally:
            runner.close()

    def _run(self, case: str) -> CaseLog:
        scenario = self._scenario
        machine = make_machine(self._engine, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
        try:
            prepared = scenario.case(case)
            return log_of(run_until_settled(machine, scenario, prepared, prepared.state, self._seed), self._seed)
        finally:
            machine.close()


def call_sites_of(scenario: PreparedScenario, boot: BootLog, engine: str) -> Sequence[CallSite]:
    """Return the call site of every operation of a boot.

    On an engine that shows callers the boot is made once more, with the core's registers and stack kept at each operation; callers come from
    the compiler's call frame information. Where that is missing, behind the first operations of a very long boot, and on every other
    engine, only the line is known.

    Args:
        engine: what made the boot.
    """
    if Capability.CALLERS not in shown_by(engine):
        return _BootSites(scenario, boot, [None] * len(boot.operations))
    machine = EmbeddedMachine(scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        machine.keep_call_stacks(min(len(boot.operations), _MOST_OPERATIONS))
        machine.boot(boot.start, seed=boot.seed, instruction_budget=scenario.limits.instructions, retained=boot.retained, peer=boot.peer)
        stacks = [machine.call_stack(operation.index) for operation in boot.operations]
    finally:
        machine.close()
    return _BootSites(scenario, boot, stacks)


class _BootSites(Sequence[CallSite]):
    """The call sites of a boot, each found when it is asked for: a campaign needs few of them.

    Args:
        stacks: what the core held at each operation; None where nobody knows.
    """

    def __init__(self, scenario: PreparedScenario, boot: BootLog, stacks: Sequence[CallStack | None]) -> None:
        self._scenario = scenario
        self._unwinder = _unwinder(scenario.bootloader_elf) if scenario.bootloader_elf else None
        self._program_counters = [operation.pc for operation in boot.operations]
        self._stacks = stacks

    def __len__(self) -> int:
        return len(self._stacks)

    @overload
    def __getitem__(self, index: int) -> CallSite: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CallSite]: ...
    def __getitem__(self, index: int | slice) -> CallSite | Sequence[CallSite]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        asked, stack = self._program_counters[index], self._stacks[index]
        kept = stack is not None and stack.program_counter == asked
        addresses = self._unwinder.callers(stack.registers, stack.word) if kept and stack and self._unwinder else [asked]
        return tuple(_locate(self._scenario, address) for address in addresses)


def _locate(scenario: PreparedScenario, address: int) -> SourceLocation:
    """Return function and line of an address in the bootloader."""
    bootloader = next((domain for domain in scenario.domains if domain.name == BOOTLOADER_DOMAIN), None)
    inside = bootloader is not None and bootloader.address <= address < bootloader.address + bootloader.size_bytes
    located = _elf_file(scenario.bootloader_elf).locate(address) if inside and scenario.bootloader_elf else None
    return located or SourceLocation(f"{address:#010x}", "", 0)


@cache
def _elf_file(path: str) -> ElfFile:
    return ElfFile(Path(path))


@cache
def _unwinder(path: str) -> Unwinder:
    return Unwinder(Path(path))
