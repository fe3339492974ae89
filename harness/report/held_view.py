"""What a debugger's user must know of a run that is held."""

from __future__ import annotations

import shlex

from rich.console import Console

from harness.bundled import bundled_path
from harness.machine.gdb_server import LOOPBACK
from harness.machine.protocol import Operation
from harness.scenario.prepared import PreparedScenario


def print_held(console: Console, scenario: PreparedScenario, held: Operation | None, port: int) -> None:
    """Print where the core stands, and the command that attaches gdb with symbols."""
    if held is None:
        where = "at its first reset"
    else:
        where = f"right before operation {held.index} ({held.kind.name.lower().replace('_', ' ')} at {held.address:#010x}), pc {held.pc:#010x}"
    command = ["gdb-multiarch", "-d", str(bundled_path("firmware")), scenario.bootloader_elf, "-ex", f"target remote {LOOPBACK}:{port}"]
    console.print(f"[bold]held[/bold] {where}; attach with:", highlight=False)
    console.print(f"  {shlex.join(command)}", highlight=False, markup=False)
    for version, path in sorted(scenario.application_elves.items()):
        console.print(f"  symbols of application {version}: add-symbol-file {path}", highlight=False, markup=False)
