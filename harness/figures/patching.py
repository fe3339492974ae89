"""The bootloader that applies patches, watched while it rebuilds its first pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.build.elf import ElfFile
from harness.build.space import BOOTLOADER_PURPOSES, Space, space_of
from harness.errors import EngineError
from harness.machine.embedded import EmbeddedMachine
from harness.scenario.prepare import PrepareOptions, prepare

PATCHED_DEVICES = ("stm32f103", "nrf52840")
"""Those that have a bundled scenario of patches."""

_SEED = 1
_PAGES_WATCHED = 3


@dataclass(frozen=True, slots=True)
class Patching:
    """What a bootloader takes on a device.

    Attributes:
        space: flash by purpose, and variables.
        path_stack_bytes: the stack at the deepest flash operation; boot_stack_bytes: at its deepest in the whole boot, signature and digests included.
    """

    device: str
    space: Space
    path_stack_bytes: int
    boot_stack_bytes: int

    @property
    def path_ram_bytes(self) -> int:
        """Variables, and the stack on the way of a patch from its first byte to the flash."""
        return self.space.static_ram_bytes + self.path_stack_bytes

    @property
    def boot_ram_bytes(self) -> int:
        """Variables, and the stack of the whole boot."""
        return self.space.static_ram_bytes + self.boot_stack_bytes


def watch_patching(device: str) -> Patching:
    """Boot the update of the bundled scenario of a device until a few pages are rebuilt, and look at the stack at each operation."""
    scenario = prepare(f"{device}/speck-delta", PrepareOptions())
    elf = ElfFile(Path(scenario.bootloader_elf))
    flash = scenario.device.flash
    operations = _PAGES_WATCHED * 2 * flash.page_bytes.value // flash.program_unit_bytes.value
    machine = EmbeddedMachine(scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        machine.keep_call_stacks(operations)
        state = scenario.cases[0].state
        trace = machine.boot(state, seed=_SEED, stop_before=operations, instruction_budget=scenario.limits.instructions)
        stacks = [machine.call_stack(number) for number in range(len(trace.operations))]
    finally:
        machine.close()
    start = scenario.regions["bootloader"].address - scenario.flash_address
    top = int.from_bytes(state.flash[start : start + 4], "little")
    return Patching(device, space_of(elf, BOOTLOADER_PURPOSES), max(top - stack.registers[13] for stack in stacks if stack), trace.stack_bytes)


def rebuild_instructions(device: str) -> int:
    """Return the instructions from the first page erase of the bundled update to the last operation in the application region.

    Raises:
        EngineError: it rebuilds nothing.
    """
    scenario = prepare(f"{device}/speck-delta", PrepareOptions())
    machine = EmbeddedMachine(scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        trace = machine.boot(scenario.cases[0].state, seed=_SEED, instruction_budget=scenario.limits.instructions)
    finally:
        machine.close()
    operations = [trace.operations[number] for number in range(len(trace.operations))]
    erases = [operation.instructions for operation in operations if operation.kind.is_erase]
    rebuilt = [operation.instructions for operation in operations if operation.address in scenario.regions["application"].addresses]
    if not rebuilt:
        raise EngineError(f"the update of {scenario.reference} rebuilds no page")
    return max(rebuilt) - min(erases)
