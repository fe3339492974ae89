"""One run, told boot by boot: how each ended, what the UART said, which pages changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rich.console import Console

from harness.build.elf import ElfFile
from harness.device import Device
from harness.fault.crash import FaultProof
from harness.fault.faults import Tear
from harness.machine.protocol import Operation, Trace
from harness.oracle.run import Run
from harness.oracle.verdict import Verdict
from harness.oracle.wear import most_worn
from harness.report.summary import time_text, worn_text
from harness.scenario.prepared import APPLICATION_DOMAIN, BOOTLOADER_DOMAIN, PreparedScenario

_AROUND = 4
_PERIPHERAL_BYTES = 0x400


class Places:
    """Names addresses by function, file and line.

    Args:
        scenario: brings the bootloader's ELF and those of the applications.
    """

    def __init__(self, scenario: PreparedScenario) -> None:
        self._scenario = scenario

    def name(self, pc: int, application_version: int | None = None) -> str:
        """Return `0x08000123 flash_program (hal/stm32f103.c:88)`, or the bare address where no symbol covers it."""
        elf = self._elf(pc, application_version)
        location = _elf_file(elf).locate(pc) if elf else None
        if location is None or not location.function:
            return f"{pc:#010x}"
        return f"{pc:#010x} {location.function} ({location.file}:{location.line})"

    def _elf(self, pc: int, application_version: int | None) -> str | None:
        for domain in self._scenario.domains:
            if domain.address <= pc < domain.address + domain.size_bytes:
                if domain.name == BOOTLOADER_DOMAIN:
                    return self._scenario.bootloader_elf
                if domain.name == APPLICATION_DOMAIN and application_version is not None:
                    return self._scenario.application_elves.get(application_version)
        return None


@cache
def _elf_file(path: str) -> ElfFile:
    return ElfFile(Path(path))


def print_run(console: Console, run: Run, verdict: Verdict) -> None:
    """Print every boot of a run and the verdict."""
    places = Places(run.scenario)
    for number, trace in enumerate(run.traces):
        _print_boot(console, run, places, number, trace)
    if verdict.ready is not None:
        console.print(f"the application runs after {time_text(verdict.ready)}", highlight=False)
    if verdict.boot is not None:
        console.print(f"a boot that updates nothing takes {time_text(verdict.boot)}", highlight=False)
    worn = most_worn(run)
    if worn is not None:
        console.print(worn_text(worn), highlight=False)
    console.print(f"outcome: [bold]{verdict.outcome.value.replace('_', ' ')}[/bold]")
    for violation in verdict.violations:
        console.print(f"[red]{violation.rule}[/red] (boot {violation.boot}): {violation.message}", highlight=False)
    if not verdict.violations:
        console.print("[green]every rule holds[/green]")


def _print_boot(console: Console, run: Run, places: Places, number: int, trace: Trace) -> None:
    image = run.scenario.format.installed_image(trace.final.flash)
    where = places.name(trace.pc, image.version if image else None)
    detail = f", {trace.end_detail}" if trace.end_detail else ""
    console.print(f"[bold]boot {number}[/bold]: {trace.end.name.lower()}{detail} at {where}, in {trace.domain or 'no domain'}", highlight=False)
    if trace.retained is not None:
        console.print(f"  the chip starts again by itself; RAM is {'kept' if trace.retained.ram else 'noise'}", highlight=False)
    erases = sum(trace.erases)
    done = [f"{len(trace.operations)} operations", f"{erases} page erases"]
    if trace.instructions:
        done = [f"{trace.instructions:,} instructions, {trace.cycles_low:,} to {trace.cycles_high:,} cycles", f"{trace.time_ps / 1e9:,.3f} ms", *done]
    if trace.stack_bytes:
        done.append(f"{trace.stack_bytes} bytes of stack")
    console.print(f"  {', '.join(done)}", highlight=False)
    if trace.watched.calls:
        calls = trace.watched
        console.print(
            f"  {calls.calls} verifications, {calls.time_ps / 1e9:,.3f} ms ({calls.time_low_ps / 1e9:,.1f} to {calls.time_high_ps / 1e9:,.1f})", highlight=False
        )
    for line in trace.uart.decode("ascii", "replace").splitlines():
        console.print(f"  uart | {line}", highlight=False, markup=False)
    for entry in trace.entries[1:]:
        time = f", {entry.time_ps / 1e9:,.3f} ms" if entry.time_ps else ""
        console.print(f"  entered {entry.domain or 'no domain'} at {entry.pc:#010x} after {entry.operations} operations{time}", highlight=False)
    for misuse in trace.misuses[:5]:
        console.print(f"  [red]misuse[/red] {misuse.kind.name.lower()} at {misuse.address:#010x} by {places.name(misuse.pc)}", highlight=False)
    for address, accesses in trace.unmodelled:
        console.print(f"  [yellow]not modelled[/yellow] {register_name(run.scenario.device, address)}: {accesses} accesses", highlight=False)
    print_flash_difference(console, run.scenario, run.flash_before_boot(number), trace.final.flash)


def register_name(device: Device, address: int) -> str:
    """Return `0x40013824 usart1+0x24`, or the bare address where no peripheral of the device file is near.

    Args:
        address: of a register that the engine treats as plain storage.
    """
    below = [(base.value, name) for name, base in device.registers.items() if 0 <= address - base.value < _PERIPHERAL_BYTES]
    if not below:
        return f"{address:#010x}"
    base, name = max(below)
    return f"{address:#010x} {name}+{address - base:#x}"


def print_flash_difference(console: Console, scenario: PreparedScenario, before: bytes, after: bytes) -> None:
    """Print which pages differ between two flash arrays, with the first differing bytes of each."""
    page_bytes = scenario.device.flash.page_bytes.value
    for start in range(0, len(before), page_bytes):
        old, new = before[start : start + page_bytes], after[start : start + page_bytes]
        if old == new:
            continue
        changed = [index for index in range(page_bytes) if old[index] != new[index]]
        address = scenario.flash_address + start
        region = next((name for name, region in scenario.regions.items() if address in region.addresses), "")
        first = changed[0]
        sample = f"{old[first : first + 8].hex(' ')} -> {new[first : first + 8].hex(' ')}"
        console.print(f"  page {address:#010x} ({region}): {len(changed)} bytes differ, from +{first:#05x}: {sample}", highlight=False)


def print_operations_around(console: Console, scenario: PreparedScenario, operations: Sequence[Operation], proof: FaultProof) -> None:
    """Print the operations before and after the one that was cut."""
    places = Places(scenario)
    at = proof.fault.operation
    for operation in operations[max(0, at - _AROUND) : at + _AROUND + 1]:
        mark = "cut ->" if operation.index == at else "      "
        console.print(f"{mark} {_describe(operation)} by {places.name(operation.pc)}", highlight=False)
    disturbed = f" ({proof.cells_weak} weak, {proof.cells_metastable} metastable)" if proof.cells_weak or proof.cells_metastable else ""
    console.print(f"  {proof.cells_changed} of {proof.cells_changing} cells had changed when power went{disturbed}", highlight=False)
    console.print(f"  crash image {proof.crash_digest[:16]}", highlight=False)


def describe_cut(proof: FaultProof) -> str:
    """Return where a cut lies in time and what it left, as `at 20.123 ms, operation 12, tear some`."""
    fault = proof.fault
    at_us = proof.time_us if proof.cut_us is None else proof.cut_us
    boot = f"boot {fault.boot}, " if fault.boot else ""
    tear = "" if fault.tear is Tear.FRACTION else f", tear {fault.tear.value}"
    inside = f", {proof.fraction:.3f} of its duration" if fault.tear in (Tear.FRACTION, Tear.METASTABLE) else ""
    moment = f"at {at_us / 1e3:,.3f} ms, " if at_us else ""  # an engine that models no time has all operations at 0
    return f"{moment}{boot}operation {fault.operation}{inside}{tear}"


def _describe(operation: Operation) -> str:
    kind = operation.kind.name.lower().replace("_", " ")
    content = f"{operation.old.hex()} -> {operation.new.hex()}" if operation.size_bytes <= 4 else f"{operation.size_bytes} bytes"
    moment = f"{operation.start_ps / 1e9:>10.3f} ms  " if operation.start_ps else ""
    return f"{operation.index:>6} {moment}{kind} {operation.address:#010x} {content}"
