"""Plays a debugger scenario: the firmware runs on a real engine, the debugger is the model of its port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol, runtime_checkable

from harness.campaign.boots import run_until_settled
from harness.device.memory import NonVolatile
from harness.errors import EngineError, InputError
from harness.machine.debug_port import Access, Change, DebugPort, Protection
from harness.machine.engines import make_machine
from harness.machine.protocol import Machine
from harness.scenario.debugger import Action, DebuggerScenario, Do, Outcome
from harness.scenario.prepared import PreparedCase, PreparedScenario

_CELLS_MAX = 16
"""Changing cells of the protection byte up to which every subset is tried: it has 16 with its complement."""
_OF_ACCESS = {Access.DATA: Outcome.DATA, Access.REFUSED: Outcome.REFUSED, Access.FAULT: Outcome.FAULT}


@runtime_checkable
class ShowsRam(Protocol):
    """An engine that can say what RAM holds after a boot."""

    def ram(self) -> bytes:
        """Return RAM as the last boot left it."""
        ...


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What came of one action.

    Attributes:
        level: the protection in force afterwards. flash: what the action did to it: kept, erased or changed.
        cuts: crash states that were tried. problems: every way in which it is not as expected, one sentence each. note: what the reader must know.
    """

    action: Action
    seen: Outcome
    level: int
    flash: str
    cuts: int
    problems: tuple[str, ...]
    note: str


class DebuggerRun:
    """One chip that a debugger scenario is played on.

    Args:
        prepared: the firmware's scenario, built. engine: name of the engine that runs it.
    """

    def __init__(self, prepared: PreparedScenario, case: PreparedCase, seed: int, engine: str) -> None:
        self._prepared = prepared
        self._case = case
        self._seed = seed
        self._machine: Machine = make_machine(engine, prepared.device, prepared.part, prepared.domains)
        self._port = DebugPort(prepared.device, case.state, bytes(prepared.device.parts[prepared.part].ram_bytes.value))

    def close(self) -> None:
        """Release the engine."""
        self._machine.close()

    @property
    def state(self) -> NonVolatile:
        """What would be left if power were lost now."""
        return self._port.state

    @property
    def protection(self) -> Protection:
        """The rules of the chip's port."""
        return self._port.protection

    def play(self, action: Action) -> ActionResult:
        """Perform one action and compare.

        Raises:
            EngineError: the engine failed, or cannot show its RAM.
        """
        before = self._port.state
        cuts, problems = self._cut_everywhere(action)
        seen = self._perform(action)
        flash = flash_after(before.flash, self._port.state.flash)
        if seen is not action.expect:
            problems.append(f"{action.expect.value} was expected, {seen.value} was seen")
        if action.level is not None and self._port.level != action.level:
            problems.append(f"level {action.level} was expected, level {self._port.level} is in force")
        if action.flash is not None and flash != action.flash:
            problems.append(f"the flash should be {action.flash}, it is {flash}")
        return ActionResult(action, seen, self._port.level, flash, cuts, tuple(problems), self._note(action))

    def _perform(self, action: Action) -> Outcome:
        port = self._port
        match action.do:
            case Do.RUN:
                return self._run()
            case Do.POWER_CYCLE:
                port.power_cycle(bytes(len(port.ram)))
            case Do.CONNECT:
                port.connect()
            case Do.PROTECT | Do.WRITE_PROTECT | Do.REGRESS_PROTECTION:
                port.make(self._changes(action))
            case _:
                return _OF_ACCESS[self._access(action)]
        return Outcome.DONE

    def _access(self, action: Action) -> Access:
        port, address = self._port, action.address or 0
        match action.do:
            case Do.RESUME:
                return port.resume()
            case Do.READ_FLASH:
                return port.read_flash()
            case Do.READ_RAM:
                return port.read_ram(address, 4)[0]
            case Do.WRITE_RAM:
                return port.write_ram(address, bytes.fromhex(action.bytes or ""))
            case Do.RUN_FROM_RAM:
                return port.run_from_ram()
            case Do.ERASE_PAGE:
                return port.erase_page(address)
            case _:
                raise RuntimeError(f"{action.do.value} is no access")

    def _run(self) -> Outcome:
        run = run_until_settled(self._machine, self._prepared, self._case, self._port.state, self._seed)
        if not isinstance(self._machine, ShowsRam):
            raise EngineError(f"the {self._machine.engine} engine does not show its RAM to a debugger")
        self._port.state = run.traces[-1].final
        self._port.power_cycle(self._machine.ram())
        return Outcome.RUNS if run.application_runs else Outcome.STUCK

    def _changes(self, action: Action) -> list[Change]:
        return changes_of(action, self._port.protection, self._port.state, self._port.level)

    def _cut_everywhere(self, action: Action) -> tuple[int, list[str]]:
        if not action.every_cut:
            return 0, []
        port = self._port
        count, problems, exposed = 0, [], False
        for place, state in crash_states(port.state, self._changes(action), port.protection):
            count += 1
            level = port.protection.level(state)
            if level not in action.every_cut:
                problems.append(f"power lost {place}: level {level} at the next power-on")
            if port.level and not level and state.flash.strip(b"\xff"):
                exposed = True
                if not action.exposes:
                    problems.append(f"power lost {place}: the protection is off and the flash is not erased")
        if action.exposes and not exposed:
            problems.append("a cut was expected to lift the protection from a flash that is not erased, and none does")
        return count, problems[:5]

    def _note(self, action: Action) -> str:
        highest = self._port.protection.highest_level
        if action.asks_level is None or action.asks_level <= highest:
            return ""
        value = "" if action.value is None else f"; {action.value:#04x} is level {self._port.protection.level(self._port.state)} like any other value but 0xa5"
        return f"level {action.asks_level} is asked for: the {self._prepared.device.title} has none{value}"


def changes_of(action: Action, protection: Protection, state: NonVolatile, level: int) -> list[Change]:
    """Return the operations of an action that writes option bytes or UICR.

    Args:
        level: the protection that the last power-on loaded.
    """
    if action.do is Do.PROTECT:
        return protection.protect(state, action.value or 0, level)
    if action.do is Do.WRITE_PROTECT:
        return protection.write_protect(state, bytes.fromhex(action.bytes or ""), level)
    return protection.regress(state, level)


def crash_states(state: NonVolatile, changes: Sequence[Change], protection: Protection) -> Iterator[tuple[str, NonVolatile]]:
    """Yield every state that a loss of power during `changes` leaves, with the place in words.

    Of the cells that decide on the protection every subset may have changed; the others are taken unchanged and changed.
    """
    for number, change in enumerate(changes):
        for cells in dict.fromkeys(_torn(change, protection)):
            yield f"in operation {number} ({change.kind.name.lower().replace('_', ' ')})", change.applied_to(state, cells)
        state = change.applied_to(state)
    yield "after the last operation", state


def case_of(scenario: DebuggerScenario, prepared: PreparedScenario) -> PreparedCase:
    """Return the case of the firmware that is on the chip.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return prepared.case(scenario.case)
    except KeyError:
        names = ", ".join(case.name for case in prepared.cases)
        raise InputError(f"{scenario.firmware} has no case {scenario.case!r}", source=scenario.name, field="case", remedy=f"Cases: {names}.") from None


def play_debugger_scenario(scenario: DebuggerScenario, prepared: PreparedScenario, seed: int, engine: str) -> list[ActionResult]:
    """Play all actions in order.

    Raises:
        InputError: the firmware's scenario has no such case.
        EngineError: the engine failed.
    """
    run = DebuggerRun(prepared, case_of(scenario, prepared), seed, engine)
    try:
        return [run.play(action) for action in scenario.action]
    finally:
        run.close()


def _torn(change: Change, protection: Protection) -> Iterator[bytes]:
    deciding = [] if change.in_flash else _deciding_bits(change, protection)
    if not deciding or len(deciding) > _CELLS_MAX:
        middle = len(change.old) // 2
        yield from (change.old, change.new[:middle] + change.old[middle:], change.old[:middle] + change.new[middle:])
        return
    old, new = int.from_bytes(change.old, "little"), int.from_bytes(change.new, "little")
    mask = sum(1 << bit for bit in deciding)
    for others in (old, new):
        for chosen in product((old, new), repeat=len(deciding)):
            cells = others & ~mask | sum(value & 1 << bit for value, bit in zip(chosen, deciding, strict=True))
            yield cells.to_bytes(len(change.old), "little")


def _deciding_bits(change: Change, protection: Protection) -> list[int]:
    """Return the changing bits of the bytes that the protection is read from."""
    changing = int.from_bytes(change.old, "little") ^ int.from_bytes(change.new, "little")
    guard = range(*protection.deciding_bytes)
    places = [place for place in range(len(change.old)) if change.offset + place in guard]
    return [8 * place + bit for place in places for bit in range(8) if changing >> 8 * place + bit & 1]


def flash_after(before: bytes, after: bytes) -> str:
    """Return what happened to a flash: kept, erased or changed."""
    if before == after:
        return "kept"
    return "changed" if after.strip(b"\xff") else "erased"
