"""Which broken rules of the flash controller an engine recorded in each step of a conformance program.

The program marks a step in flash before it runs and again when it is done (`firmware/conformance/steps.h`), so the operation log
says in which step a misuse falls: no line of the program could, since nothing shows a misuse to firmware.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from harness.build.elf import ElfFile
from harness.build.firmware import Firmware
from harness.machine.protocol import MisuseKind, OperationKind, Trace

_STEP = struct.Struct("<IIIII")
"""`struct step`: its first word points at the id of its rule."""
_STEPS = "STEPS"


def steps_of(program: Firmware) -> tuple[str, ...]:
    """Return the rule of each step of a conformance program, "" for a step that only arranges something.

    Raises:
        InputError: the program has no table of steps.
    """
    address = ElfFile(program.elf_path).symbol(_STEPS) - program.address
    return tuple(_rules_from(program, address))


class MisuseCount:
    """What a program's boots recorded, by rule.

    Args:
        steps: the rule of each step. marks_address: where the program's marks begin. mark_bytes: size of one.
    """

    def __init__(self, steps: tuple[str, ...], marks_address: int, mark_bytes: int) -> None:
        self.recorded: dict[str, set[MisuseKind]] = {}
        self._steps = steps
        self._marks_address = marks_address
        self._mark_bytes = mark_bytes
        self._step: int | None = None

    def add(self, trace: Trace) -> None:
        """Take in the next boot: a step that a fault ended goes on until its second mark."""
        misuses = list(trace.misuses)
        for index in range(len(trace.operations) + 1):
            while misuses and misuses[0].operations <= index:
                self._record(misuses.pop(0).kind)
            if index < len(trace.operations):
                operation = trace.operations[index]
                if operation.kind is OperationKind.PROGRAM:
                    self._see_mark(operation.address)

    def _record(self, kind: MisuseKind) -> None:
        if self._step is not None and self._steps[self._step]:
            self.recorded.setdefault(self._steps[self._step], set()).add(kind)

    def _see_mark(self, address: int) -> None:
        step, done = divmod((address - self._marks_address) // self._mark_bytes, 2)
        if 0 <= step < len(self._steps) and address >= self._marks_address:
            self._step = None if done else step


def _rules_from(program: Firmware, offset: int) -> Iterator[str]:
    while offset + _STEP.size <= len(program.binary):
        name, expected, run, _, resets = _STEP.unpack_from(program.binary, offset)
        if resets > 1 or not _points_into(program, run & ~1) or (name == 0) != (expected == 0) or (name and not _points_into(program, name)):
            return
        yield _text_at(program, name) if name else ""
        offset += _STEP.size


def _points_into(program: Firmware, address: int) -> bool:
    return 0 < address - program.address < len(program.binary)


def _text_at(program: Firmware, address: int) -> str:
    start = address - program.address
    return program.binary[start : program.binary.index(0, start)].decode("ascii")
