"""A debugger scenario as data: a list of actions, each with the outcome that it must have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.scenario.model import scenario_path
from harness.toml_input import load_toml, read_toml

KIND = "debugger"


class Do(StrEnum):
    """What is done to the chip."""

    RUN = "run"
    """Power on without a debugger and let the firmware run until it settles."""
    POWER_CYCLE = "power-cycle"
    """Off and on; nothing runs before the next action."""
    CONNECT = "connect"
    """Attach a debugger, the core halted."""
    RESUME = "resume"
    """Let the core go on from flash, the debugger attached."""
    READ_FLASH = "read-flash"
    READ_RAM = "read-ram"
    WRITE_RAM = "write-ram"
    RUN_FROM_RAM = "run-from-ram"
    """Run code in RAM that reads the flash."""
    PROTECT = "protect"
    """Write `value` to the protection byte, the other option bytes kept."""
    ERASE_PAGE = "erase-page"
    """Erase the page at `address` through the debugger."""
    WRITE_PROTECT = "write-protect"
    """Write `bytes` to the bytes of write protection, the other option bytes kept."""
    REGRESS_PROTECTION = "regress-protection"
    """Lift the protection as the chip allows it."""


class Outcome(StrEnum):
    """What came of an action."""

    DATA = "data"
    REFUSED = "refused"
    FAULT = "fault"
    RUNS = "runs"
    """The application runs and is idle."""
    STUCK = "stuck"
    """No application runs."""
    DONE = "done"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Action(_Strict):
    """One action.

    Attributes:
        expect: what must come of it; `level`: the protection in force afterwards; `flash`: what it must have done to the flash.
        address, bytes: for actions on RAM, on a page, and on write protection. value: what `protect` writes.
        asks_level: the level that a document asks for here; a chip without it says so in the report.
        every_cut: what a power cycle may find after power was lost in any of the action's operations, at any cell: levels.
        exposes: some of these cuts lift the protection from a flash that is not erased; unless told, none may.
    """

    do: Do
    title: str = ""
    expect: Outcome
    level: Literal[0, 1] | None = None
    flash: Literal["kept", "erased"] | None = None
    address: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    bytes: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2}\s?)+$")] | None = None
    value: Annotated[int, Field(ge=0, le=255)] | None = None
    asks_level: Annotated[int, Field(ge=0, le=2)] | None = None
    every_cut: tuple[Literal[0, 1], ...] = ()
    exposes: bool = False

    @model_validator(mode="after")
    def _has_its_arguments(self) -> Self:
        needed = {
            Do.READ_RAM: ("address",),
            Do.WRITE_RAM: ("address", "bytes"),
            Do.PROTECT: ("value",),
            Do.ERASE_PAGE: ("address",),
            Do.WRITE_PROTECT: ("bytes",),
        }.get(self.do, ())
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"{self.do.value!r} needs {name!r}")
        if self.every_cut and self.do not in (Do.PROTECT, Do.WRITE_PROTECT, Do.REGRESS_PROTECTION):
            raise ValueError(f"{self.do.value!r} writes nothing that could be cut")
        if self.exposes and not self.every_cut:
            raise ValueError("'exposes' is about cuts: it needs 'every_cut'")
        return self


class DebuggerScenario(_Strict):
    """A debugger scenario.

    Attributes:
        firmware: the scenario whose case is on the chip. case: that case.
        source: the document that it follows. part: member of the device's family.
    """

    kind: Literal["debugger"]
    name: str
    title: str = ""
    source: str = ""
    firmware: str
    case: str
    part: str | None = None
    action: Annotated[tuple[Action, ...], Field(min_length=1)]


def is_debugger_scenario(reference: str) -> bool:
    """Tell the kind of a scenario by its `kind` key.

    Raises:
        InputError: there is no such scenario, or its file is not TOML.
    """
    return read_toml(scenario_path(reference)).get("kind") == KIND


def load_debugger_scenario(reference: str) -> DebuggerScenario:
    """Load a debugger scenario by bundled name or by path.

    Raises:
        InputError: there is no such scenario, or its file is malformed.
    """
    return load_toml(scenario_path(reference), DebuggerScenario)
