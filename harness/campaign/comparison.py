"""Where two runs of the same case on two engines differ: operation, address, both values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.campaign.conformance import ConformanceResult, Row
from harness.fault.faults import Fault
from harness.fault.flash_map import flash_map_of
from harness.machine.capability import Capability
from harness.machine.engines import shown_by
from harness.machine.protocol import Entry, NonVolatile, Operation, Trace
from harness.oracle.rules import judge, rules_not_shown
from harness.oracle.run import Run, outcome_of

_MOST_BYTES = 16
Pair = tuple[str, str]
"""One text an engine."""


class Aspect(StrEnum):
    """What may differ."""

    CRASH_IMAGE = "crash image"
    OPERATION = "operation"
    END = "end"
    ENTRY = "entry"
    UART = "uart"
    FLASH = "flash"
    """The non-volatile state at the end of a boot."""
    BOOTS = "boots"
    OUTCOME = "outcome"
    RULES = "rules"
    CONFORMANCE = "conformance"
    """What the conformance program saw of one rule of the flash controller."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two engines differ.

    Attributes:
        fault: None for the clean run. boot: of the run, from 0; None where it is about the whole run.
        operation: its index in the boot. address: of the first byte that differs, or of the operation.
        rule: of the flash controller; "" where it is about the scenario.
        engines, values: what each of the two shows.
    """

    case: str
    fault: Fault | None
    aspect: Aspect
    engines: Pair
    values: Pair
    boot: int | None = None
    operation: int | None = None
    address: int | None = None
    rule: str = ""


def compare_conformance(first: ConformanceResult, second: ConformanceResult) -> Iterator[Difference]:
    """Yield the rules of which the program saw different things.

    What either engine does not show is not compared, nor what the table of rules knows of an engine, with its cause.
    """
    for one, other in zip(first.rows, second.rows, strict=True):
        known = any(is_known(row, engine) for row, engine in ((one, first.engine), (other, second.engine)))
        if one.seen and other.seen and one.seen != other.seen and not known:
            yield Difference("", None, Aspect.CONFORMANCE, (first.engine, second.engine), (one.seen, other.seen), rule=one.rule.id)


def is_known(row: Row, engine: str) -> bool:
    """Whether a row differs in the way that the table of rules knows of this engine."""
    return engine in row.rule.known_differences and row.rule.known_differences[engine].seen == row.seen


def compare_runs(engines: Pair, runs: tuple[Run, Run]) -> Iterator[Difference]:
    """Yield the differences of two runs: of each boot the first operation, of each state the first byte.

    What an engine can't show is not compared.
    """
    first, second = runs
    case, fault = first.case.name, first.fault.fault if first.fault else None
    if first.fault and second.fault:
        found = _first_byte(first, first.start, second.start)
        if found is not None:
            address, values = found
            yield Difference(case, fault, Aspect.CRASH_IMAGE, engines, values, address=address)
    for boot, traces in enumerate(zip(first.traces, second.traces, strict=False)):
        yield from _compare_boots(engines, first, fault, boot, traces)
    if len(first.traces) != len(second.traces):
        yield Difference(case, fault, Aspect.BOOTS, engines, (str(len(first.traces)), str(len(second.traces))))
    outcomes = (outcome_of(first).value, outcome_of(second).value)
    if outcomes[0] != outcomes[1]:
        yield Difference(case, fault, Aspect.OUTCOME, engines, outcomes)
    unshown = {rule for engine in engines for rule in rules_not_shown(shown_by(engine))}
    rules = (_broken(first, unshown), _broken(second, unshown))
    if rules[0] != rules[1]:
        yield Difference(case, fault, Aspect.RULES, engines, rules)


def _compare_boots(engines: Pair, run: Run, fault: Fault | None, boot: int, traces: tuple[Trace, Trace]) -> Iterator[Difference]:
    case = run.case.name
    operations = _first_operation(traces)
    if operations is not None:
        some = operations[0] or operations[1]
        assert some is not None
        values = (_operation_text(operations[0]), _operation_text(operations[1]))
        yield Difference(case, fault, Aspect.OPERATION, engines, values, boot, some.index, some.address)
    for aspect, values in (
        (Aspect.END, (_end_text(traces[0]), _end_text(traces[1]))),
        (Aspect.ENTRY, (_entries_text(engines, traces[0]), _entries_text(engines, traces[1]))),
        (Aspect.UART, (repr(traces[0].uart), repr(traces[1].uart))),
    ):
        if values[0] != values[1]:
            yield Difference(case, fault, aspect, engines, values, boot)
    found = _first_byte(run, traces[0].final, traces[1].final)
    if found is not None:
        address, values = found
        yield Difference(case, fault, Aspect.FLASH, engines, values, boot, address=address)


def _first_operation(traces: tuple[Trace, Trace]) -> tuple[Operation | None, Operation | None] | None:
    logs = [[trace.operations[index] for index in range(len(trace.operations))] for trace in traces]
    for one, other in itertools.zip_longest(*logs):
        if one is None or other is None or _operation_text(one) != _operation_text(other) or (one.old, one.new) != (other.old, other.new):
            return one, other
    return None


def _operation_text(operation: Operation | None) -> str:
    if operation is None:
        return "none"
    kind = operation.kind.name.lower().replace("_", " ")
    return f"{kind} {operation.address:#010x} {_bytes_text(operation.old)} -> {_bytes_text(operation.new)} by {operation.pc:#010x}"


def _bytes_text(content: bytes) -> str:
    more = "..." if len(content) > _MOST_BYTES else ""
    return content[:_MOST_BYTES].hex() + more


def _end_text(trace: Trace) -> str:
    return f"{trace.end.name.lower()} in {trace.domain or 'no domain'}"


def _entries_text(engines: Pair, trace: Trace) -> str:
    every = all(Capability.RETURNS in shown_by(engine) for engine in engines)
    entries: dict[object, Entry] = {}
    for number, entry in enumerate(trace.entries):
        entries.setdefault(number if every else entry.domain, entry)
    return ", ".join(f"{entry.domain or 'no domain'} {entry.pc:#010x} after {entry.operations}, sp {entry.stack_pointer:#010x}" for entry in entries.values())


def _first_byte(run: Run, one: NonVolatile, other: NonVolatile) -> tuple[int, Pair] | None:
    """Return the address of the first byte in which two states differ, and what each holds from there on."""
    flash_map = flash_map_of(run.scenario)
    arrays = ((flash_map.flash_address, one.flash, other.flash), (flash_map.option_bytes_address, one.option_bytes, other.option_bytes))
    for address, content, others in arrays:
        if content != others:
            place = next(index for index, pair in enumerate(itertools.zip_longest(content, others)) if pair[0] != pair[1])
            return address + place, (content[place : place + 8].hex(), others[place : place + 8].hex())
    return None


def _broken(run: Run, unshown: set[str]) -> str:
    broken = {f"{violation.rule} (boot {violation.boot})": None for violation in judge(run) if violation.rule not in unshown}
    return ", ".join(broken) or "none"
