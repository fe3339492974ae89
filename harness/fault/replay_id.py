"""Replay ids: one short string that rebuilds one run.

stm32f103/speck-full+bug=crc-trusted:update:1234some:1:9f3c2a1b44d0
|                   |               |      |        | +- fingerprint of device, firmware, images and layout
|                   |               |      |        +--- seed
|                   |               |      +------------ fault (an operation with a tear, or with a fraction: 1234@0.370), or `clean`;
|                   |               |                    several, each in the recovery after the one before it: 1234some/0all/1.7most
|                   |               +------------------- case
|                   +----------------------------------- options that differ from their defaults; the engine, if it is not the embedded one
+------------------------------------------------------- scenario, a bundled name or a path
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import InputError
from harness.fault.faults import NAMED_TEARS, Fault, Faults, Tear, spell_faults
from harness.machine.engines import DEFAULT_ENGINE, ENGINES

_FAULT = re.compile(r"(?:(\d+)\.)?(\d+)(?:(" + "|".join(tear.value for tear in NAMED_TEARS) + r")|@0\.(\d{3}))")
_OPTION = re.compile(r"\+([a-z][a-z-]*)=([^+=]*)$")
_CLEAN = "clean"
_ENGINE = "engine"
_REMEDY = "Copy the whole id from the report; it looks like stm32f103/speck-full:update:12some:1:9f3c2a1b44d0."


@dataclass(frozen=True, slots=True)
class ReplayId:
    """What a replay id says.

    Attributes:
        options: (name, value) pairs in the order of their names.
        faults: none for the clean run. engine: what made the run.
    """

    scenario: str
    options: tuple[tuple[str, str], ...]
    case: str
    faults: Faults
    seed: int
    fingerprint: str
    engine: str = DEFAULT_ENGINE

    def __str__(self) -> str:
        """Return the id."""
        pairs = self.options if self.engine == DEFAULT_ENGINE else (*self.options, (_ENGINE, self.engine))
        options = "".join(f"+{name}={value}" for name, value in pairs)
        return f"{self.scenario}{options}:{self.case}:{spell_faults(self.faults) or _CLEAN}:{self.seed}:{self.fingerprint}"


def parse_replay_id(text: str) -> ReplayId:
    """Read a replay id back.

    Raises:
        InputError: it is not one.
    """
    parts = text.strip().rsplit(":", 4)
    if len(parts) != 5 or not all(parts):
        raise _not_an_id(text, "it does not have five parts separated by colons")
    scenario_part, case, faults, seed, fingerprint = parts
    if not seed.isdecimal():
        raise _not_an_id(text, f"the seed {seed!r} is not a number")
    scenario = scenario_part
    pairs: list[tuple[str, str]] = []
    # From the right: a path may contain plus signs of its own.
    while match := _OPTION.search(scenario):
        scenario = scenario[: match.start()]
        pairs.insert(0, (match[1], match[2]))
    engines = [value for name, value in pairs if name == _ENGINE]
    options = tuple(pair for pair in pairs if pair[0] != _ENGINE)
    engine = engines[0] if engines else DEFAULT_ENGINE
    if len(engines) > 1 or engine not in ENGINES:
        raise _not_an_id(text, f"{' and '.join(engines)} is not one of the engines {', '.join(ENGINES)}")
    return ReplayId(scenario, options, case, _parse_faults(text, faults), int(seed), fingerprint, engine)


def fault_of(text: str) -> Fault:
    """Read the spelling of one fault back.

    Raises:
        ValueError: it is none.
    """
    match = _FAULT.fullmatch(text)
    if match is None or match[4] == "000":
        tears = ", ".join(tear.value for tear in NAMED_TEARS)
        raise ValueError(f"the fault {text!r} is not an operation followed by a tear ({tears}) or a fraction (@0.001 to @0.999)")
    boot, operation, tear, thousandths = match.groups()
    if tear is None:
        return Fault(int(boot or 0), int(operation), Tear.FRACTION, int(thousandths))
    return Fault(int(boot or 0), int(operation), Tear(tear))


def _parse_faults(text: str, faults: str) -> Faults:
    try:
        return () if faults == _CLEAN else tuple(map(fault_of, faults.split("/")))
    except ValueError as error:
        raise _not_an_id(text, str(error)) from None


def _not_an_id(text: str, problem: str) -> InputError:
    return InputError(problem, source=f"replay id {text!r}", remedy=_REMEDY)
