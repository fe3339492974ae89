"""Runs a conformance program on an engine and compares its lines with the rules of the flash controller, one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.build.conformance import ConformanceRecipe, build_conformance, load_conformance
from harness.build.firmware import Firmware
from harness.build.toolchain import choose_toolchain
from harness.campaign.misuse import MisuseCount, steps_of
from harness.device import Device, NonVolatile, device_part, load_device
from harness.device.rules import Rule, Rules, load_rules
from harness.errors import EngineError
from harness.machine.capability import Capability
from harness.machine.engines import make_machine, shown_by
from harness.machine.protocol import End, Machine, MisuseKind, Retained

_LINE = re.compile(r"^([A-Z][0-9]{2}) expected=(\S+) seen=(\S+) (ok|DIFFERS|not shown)$", re.MULTILINE)
_BOOTS_MAX = 64
BOARD = "board"
_STARTS_AGAIN = (End.RESET, End.HARD_FAULT)
"""Ends after which the program goes on from its marks; on a board its fault handler requests the reset."""


class Outcome(StrEnum):
    """What an engine made of one rule."""

    SHOWN = "shown"
    """The program saw what the rule expects."""
    DIFFERS = "differs"
    """It saw something else, or the engine recorded another misuse than the rule names."""
    NOT_SHOWN = "not shown"
    """It printed no line, or said that this board cannot show the rule."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule and what came of it.

    Attributes:
        seen: "" for a rule that was not shown.
        misuse: what the engine recorded meanwhile; None: a board, or an engine that records none.
    """

    rule: Rule
    outcome: Outcome
    seen: str
    misuse: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ConformanceResult:
    """A conformance program's run.

    Attributes:
        engine: its name, or `BOARD` for what a real board printed.
        rows: one a rule, in the table's order. boots: how often the chip was started; last: how the last boot ended.
    """

    device: str
    part: str
    engine: str
    rows: tuple[Row, ...]
    boots: int | None = None
    last: End | None = None

    def count(self, outcome: Outcome) -> int:
        """Return how many rows have this outcome."""
        return Counter(row.outcome for row in self.rows)[outcome]


def compare_lines(rules: Rules, text: str) -> tuple[Row, ...]:
    """Compare what a conformance program printed with the rules.

    Args:
        text: everything that it sent, all boots together; the first line of a rule counts.

    Raises:
        EngineError: a line names a rule that the table lacks, or expects something else than the table.
    """
    known = {rule.id: rule for rule in rules.rule}
    seen: dict[str, tuple[str, str]] = {}
    for identifier, expected, value, verdict in _LINE.findall(text):
        if identifier not in known:
            raise EngineError(f"the conformance program prints rule {identifier}, which the table of rules lacks")
        if expected != known[identifier].expected:
            raise EngineError(f"rule {identifier}: the conformance program expects {expected!r}, the table of rules {known[identifier].expected!r}")
        seen.setdefault(identifier, (value, verdict))
    return tuple(_row(rule, *seen.get(rule.id, ("", "not shown"))) for rule in rules.rule)


def run_conformance(device_name: str, part: str | None, engine: str, toolchain: str = "zig") -> ConformanceResult:
    """Build a device's conformance program, run it to its end, and compare.

    Args:
        part: member of the device's family; None: the first that the recipe has a layout for.

    Raises:
        InputError: the device has no rules or no conformance program, or no such part.
        EngineError: the engine failed, or the program did not come to an end.
    """
    device = load_device(device_name)
    rules = load_rules(device_name)
    part, firmware = build_program(device_name, part, toolchain)
    count = _misuse_count(load_conformance(device_name), device, part, firmware)
    machine = make_machine(engine, device, part, ())
    try:
        text, boots, last = _run(machine, _delivered(device, part, firmware.binary), count)
    finally:
        machine.close()
    rows = compare_lines(rules, text)
    if Capability.MISUSE in shown_by(engine):
        rows = compare_misuse(rows, count.recorded)
    return ConformanceResult(device_name, part, engine, rows, boots, last)


def compare_misuse(rows: Sequence[Row], recorded: Mapping[str, AbstractSet[MisuseKind]]) -> tuple[Row, ...]:
    """Hold what an engine recorded in each step against what its rule names.

    Args:
        recorded: by the id of the rule; a rule that is missing recorded nothing.
    """
    return tuple(_with_misuse(row, tuple(sorted(kind.name.lower() for kind in recorded.get(row.rule.id, ())))) for row in rows)


def compare_board(device_name: str, part: str | None, text: str) -> ConformanceResult:
    """Compare what a real board printed.

    Raises:
        InputError: the device has no rules or no conformance program.
        EngineError: the text is of another program.
    """
    part = part or next(iter(load_conformance(device_name).layout))
    return ConformanceResult(device_name, part, BOARD, compare_lines(load_rules(device_name), text))


def build_program(device_name: str, part: str | None, toolchain: str = "zig") -> tuple[str, Firmware]:
    """Return the part and its conformance program, ready to be flashed to a board.

    Raises:
        InputError: the device has no conformance program, or no such part.
    """
    device = load_device(device_name)
    recipe = load_conformance(device_name)
    part = part or next(iter(recipe.layout))
    device_part(device, part)
    return part, build_conformance(recipe, device, part, choose_toolchain(toolchain))


def _delivered(device: Device, part: str, program: bytes) -> NonVolatile:
    flash_bytes = device_part(device, part).flash_bytes.value
    erased = bytes([device.flash.erased_byte.value])
    return NonVolatile(program + erased * (flash_bytes - len(program)), device.option_bytes.delivery_state.value)


def _misuse_count(recipe: ConformanceRecipe, device: Device, part: str, program: Firmware) -> MisuseCount:
    return MisuseCount(steps_of(program), recipe.layout[part]["marks"].address, device.flash.program_unit_bytes.value)


def _run(machine: Machine, state: NonVolatile, count: MisuseCount) -> tuple[str, int, End]:
    sent = b""
    retained: Retained | None = None
    for boot in range(_BOOTS_MAX):
        trace = machine.boot(state, seed=boot + 1, retained=retained)
        sent += trace.uart
        count.add(trace)
        if trace.end is End.UNSUPPORTED:
            raise EngineError(f"the {machine.engine} engine does not model what the conformance program needs: {trace.end_detail} (pc {trace.pc:#010x})")
        if trace.end not in _STARTS_AGAIN:
            return sent.decode("ascii", "replace"), boot + 1, trace.end
        state, retained = trace.final, trace.retained
    raise EngineError(f"the conformance program did not come to an end in {_BOOTS_MAX} boots")


def _with_misuse(row: Row, recorded: tuple[str, ...]) -> Row:
    if row.outcome is Outcome.SHOWN and recorded != tuple(sorted(row.rule.misuse)):
        row = replace(row, outcome=Outcome.DIFFERS)
    return replace(row, misuse=recorded)


def _row(rule: Rule, value: str, verdict: str) -> Row:
    if verdict == "not shown":
        return Row(rule, Outcome.NOT_SHOWN, "")
    return Row(rule, Outcome.SHOWN if value == rule.expected else Outcome.DIFFERS, value)
