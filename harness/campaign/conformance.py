"""Runs a conformance program on an engine and compares its lines with the rules of the flash controller, one by one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from harness.build.conformance import build_conformance, load_conformance
from harness.build.firmware import Firmware
from harness.build.toolchain import choose_toolchain
from harness.device import Device, NonVolatile, device_part, load_device
from harness.device.rules import Rule, Rules, load_rules
from harness.errors import EngineError
from harness.machine.engines import make_machine
from harness.machine.protocol import End, Machine, Retained

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
    """It saw something else."""
    NOT_SHOWN = "not shown"
    """It printed no line, or said that this board cannot show the rule."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule and what came of it; `seen` is "" for a rule that was not shown."""

    rule: Rule
    outcome: Outcome
    seen: str


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
    machine = make_machine(engine, device, part, ())
    try:
        text, boots, last = _run(machine, _delivered(device, part, firmware.binary))
    finally:
        machine.close()
    return ConformanceResult(device_name, part, engine, compare_lines(rules, text), boots, last)


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


def _run(machine: Machine, state: NonVolatile) -> tuple[str, int, End]:
    sent = b""
    retained: Retained | None = None
    for boot in range(_BOOTS_MAX):
        trace = machine.boot(state, seed=boot + 1, retained=retained)
        sent += trace.uart
        if trace.end is End.UNSUPPORTED:
            raise EngineError(f"the {machine.engine} engine does not model what the conformance program needs: {trace.end_detail} (pc {trace.pc:#010x})")
        if trace.end not in _STARTS_AGAIN:
            return sent.decode("ascii", "replace"), boot + 1, trace.end
        state, retained = trace.final, trace.retained
    raise EngineError(f"the conformance program did not come to an end in {_BOOTS_MAX} boots")


def _row(rule: Rule, value: str, verdict: str) -> Row:
    if verdict == "not shown":
        return Row(rule, Outcome.NOT_SHOWN, "")
    return Row(rule, Outcome.SHOWN if value == rule.expected else Outcome.DIFFERS, value)
