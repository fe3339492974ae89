"""Debugger scenarios: the bundled ones hold, and every kind of wrong expectation is told."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.campaign.debugging import ActionResult, crash_states, play_debugger_scenario
from harness.cli import run_cli
from harness.device import NonVolatile, load_device
from harness.errors import InputError
from harness.machine.debug_port import Change, ReadOutProtection
from harness.scenario.debugger import Action, DebuggerScenario, Do, Outcome, is_debugger_scenario, load_debugger_scenario
from harness.scenario.model import load_scenario, scenario_names, scenario_path
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

PROTECTION = "stm32f103/read-out-protection"
FIRMWARE = "stm32f103/speck-full"
DEBUGGED = [name for name in scenario_names() if is_debugger_scenario(name)]


@functools.cache
def firmware(reference: str = FIRMWARE) -> PreparedScenario:
    """Return a scenario's firmware, built once a session."""
    return prepare(reference, PrepareOptions())


def play(*actions: Action, case: str = "update") -> list[ActionResult]:
    """Play actions on the bundled firmware."""
    scenario = DebuggerScenario(kind="debugger", name="mine", firmware=FIRMWARE, case=case, action=actions)
    return play_debugger_scenario(scenario, firmware(), 1, "embedded")


@pytest.mark.parametrize("name", DEBUGGED)
def test_a_bundled_scenario_holds(name: str) -> None:
    """Every action of it comes out as expected, with torn option bytes and without."""
    scenario = load_debugger_scenario(name)
    results = play_debugger_scenario(scenario, firmware(scenario.firmware), 1, "embedded")
    assert [result.problems for result in results] == [()] * len(scenario.action)
    assert sum(result.cuts for result in results) > 500


PROTECT = Action(do=Do.PROTECT, expect=Outcome.DONE, value=0)
POWER_CYCLE = Action(do=Do.POWER_CYCLE, expect=Outcome.DONE)
CONNECT = Action(do=Do.CONNECT, expect=Outcome.DONE)
CLOSED = (PROTECT, POWER_CYCLE, CONNECT)

WRONG: dict[str, tuple[tuple[Action, ...], str]] = {
    "flash is not readable at level 1": ((*CLOSED, Action(do=Do.READ_FLASH, expect=Outcome.DATA)), "data was expected, refused was seen"),
    "flash is readable at level 0": ((CONNECT, Action(do=Do.READ_FLASH, expect=Outcome.REFUSED)), "refused was expected, data was seen"),
    "RAM is readable at level 1": ((*CLOSED, Action(do=Do.READ_RAM, address=0x20000000, expect=Outcome.REFUSED)), "refused was expected, data was seen"),
    "RAM is writable at level 1": (
        (*CLOSED, Action(do=Do.WRITE_RAM, address=0x20000000, bytes="00", expect=Outcome.REFUSED)),
        "refused was expected, data was seen",
    ),
    "RAM code does not read flash under a debugger": ((*CLOSED, Action(do=Do.RUN_FROM_RAM, expect=Outcome.DATA)), "data was expected, fault was seen"),
    "the firmware does not go on under a debugger": ((*CLOSED, Action(do=Do.RESUME, expect=Outcome.RUNS)), "runs was expected, fault was seen"),
    "the firmware runs at level 1": ((*CLOSED, Action(do=Do.RUN, expect=Outcome.STUCK)), "stuck was expected, runs was seen"),
    "an erased chip runs nothing": (
        (*CLOSED, Action(do=Do.REGRESS_PROTECTION, expect=Outcome.DONE), Action(do=Do.RUN, expect=Outcome.RUNS)),
        "runs was expected, stuck was seen",
    ),
    "regression does not keep the flash": (
        (*CLOSED, Action(do=Do.REGRESS_PROTECTION, expect=Outcome.DONE, flash="kept")),
        "the flash should be kept, it is erased",
    ),
    "a page can be erased at level 0": ((CONNECT, Action(do=Do.ERASE_PAGE, address=0x08005000, expect=Outcome.REFUSED)), "refused was expected, data was seen"),
    "no page can be erased at level 1": ((*CLOSED, Action(do=Do.ERASE_PAGE, address=0x08005000, expect=Outcome.DATA)), "data was expected, refused was seen"),
    "a write-protected page refuses an erase": (
        (
            Action(do=Do.WRITE_PROTECT, bytes="FE FF FF FF", expect=Outcome.DONE),
            POWER_CYCLE,
            CONNECT,
            Action(do=Do.ERASE_PAGE, address=0x08000C00, expect=Outcome.DATA),
        ),
        "data was expected, refused was seen",
    ),
    "protection is not in force at once": ((PROTECT.model_copy(update={"level": 1}),), "level 1 was expected, level 0 is in force"),
    "a torn write may find the chip protected": ((PROTECT.model_copy(update={"every_cut": (0,)}),), "level 1 at the next power-on"),
    "no cut of a regression opens a flash that is not erased": (
        (*CLOSED, Action(do=Do.REGRESS_PROTECTION, expect=Outcome.DONE, every_cut=(0, 1), exposes=True)),
        "and none does",
    ),
    "a cut before the first cell leaves an open chip open": ((PROTECT.model_copy(update={"every_cut": (1,)}),), "level 0 at the next power-on"),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_wrong_expectation_is_told(sentence: str) -> None:
    """An expectation against the sentence is a problem of its action, and of no other."""
    actions, problem = WRONG[sentence]
    results = play(*actions)
    assert problem in results[-1].problems[0]
    assert [result.problems for result in results[:-1]] == [()] * (len(actions) - 1)


def test_ram_is_what_the_firmware_left() -> None:
    """After a run the debugger sees the RAM of the engine: the stack of the bootloader is in it."""
    stack = firmware().case("update").state.flash[:4]
    address = int.from_bytes(stack, "little") - 64
    (_, *results) = play(Action(do=Do.RUN, expect=Outcome.RUNS), CONNECT, Action(do=Do.READ_RAM, address=address, expect=Outcome.DATA))
    assert [result.problems for result in results] == [(), ()]


def test_level_2_is_not_there() -> None:
    """Where level 2 is asked for, the report says that the chip has none; level 1 needs no remark."""
    asked = PROTECT.model_copy(update={"value": 0xCC, "asks_level": 2})
    assert "level 2 is asked for: the STM32F103, medium density has none; 0xcc is level 1" in play(asked)[0].note
    assert play(PROTECT.model_copy(update={"asks_level": 1}))[0].note == ""


def test_every_subset_of_the_protection_byte_is_tried() -> None:
    """RDP and complement have 8 cells to erase and 8 to program; the complement stays 0xFF in 16 of the states of the erase."""
    options = load_device("stm32f103").option_bytes.delivery_state.value
    protection = ReadOutProtection()
    state = NonVolatile(b"\x00" * 8, options)
    states = {torn.option_bytes for _, torn in crash_states(state, protection.protect(state, 0, 0)[:2], protection)}
    assert len({option_bytes[:2] for option_bytes in states}) == 2**8 + 2**8 - 2**4
    assert sum(protection.level(NonVolatile(b"", option_bytes)) == 0 for option_bytes in states) == 2
    assert b"\xff" * 16 in states


def test_an_open_flash_that_is_not_erased_is_told() -> None:
    """A chip that programmed RDP before it erased the flash would be found."""

    class Careless(ReadOutProtection):
        """Erases last."""

        def regress(self, state: NonVolatile, level: int) -> list[Change]:
            erase, mass_erase, *others = super().regress(state, level)
            return [erase, *others, mass_erase]

    protection = Careless()
    state = NonVolatile(b"secret", bytes.fromhex("00FF") + bytes.fromhex("FF00") * 7)
    opened = [torn for _, torn in crash_states(state, protection.regress(state, 1), protection) if not protection.level(torn)]
    assert any(torn.flash == b"secret" for torn in opened)
    good = ReadOutProtection()
    assert not any(torn.flash.strip(b"\xff") for _, torn in crash_states(state, good.regress(state, 1), good) if not good.level(torn))


def test_the_command_tells_kinds_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """`run` plays a debugger scenario, `scenarios` lists it, and what cannot use it says so."""
    assert run_cli(["run", PROTECTION, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["differ"], report["hold"]) == ("debugger", 0, report["actions"])
    assert run_cli(["scenarios", "--json"]) == 0
    listed = {scenario["name"]: scenario for scenario in json.loads(capsys.readouterr().out)}
    assert listed[PROTECTION]["kind"] == "debugger"
    assert run_cli(["sweep", PROTECTION]) == 2
    assert "harness run" in capsys.readouterr().err
    assert run_cli(["run", PROTECTION, "--case", "update"]) == 2
    assert "Leave them out" in capsys.readouterr().err
    with pytest.raises(InputError, match="kind 'debugger'"):
        load_scenario(PROTECTION)


def edited(before: str, after: str) -> Callable[[Path], Path]:
    """Return what writes a copy of the bundled scenario with one edit."""

    def write(folder: Path) -> Path:
        text = scenario_path(PROTECTION).read_text(encoding="utf-8")
        assert before in text
        path = folder / "mine.toml"
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
        return path

    return write


BAD: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "an unknown action": (edited('do = "read-flash"', 'do = "read-mind"'), ("action[2].do", "read-mind", "'read-flash'")),
    "an unknown outcome": (edited('expect = "runs"', 'expect = "flies"'), ("action[0].expect", "flies")),
    "a RAM read without an address": (edited("address = 0x20000000\n", ""), ("address",)),
    "a RAM read outside of RAM": (edited("0x20000000", "0x30000000"), ("is not RAM",)),
    "a cut of an action that writes nothing": (edited('expect = "runs"', 'expect = "runs"\nevery_cut = [0]'), ("nothing that could be cut",)),
    "an exposure without cuts": (edited('expect = "runs"', 'expect = "runs"\nexposes = true'), ("needs 'every_cut'",)),
    "a case that the firmware does not have": (edited('case = "update"', 'case = "upgrade"'), ("upgrade", "update")),
    "firmware that does not exist": (edited("speck-full", "spock"), ("no such scenario",)),
    "another kind": (edited('kind = "debugger"', 'kind = "soup"'), ("kind", "soup")),
}


@pytest.mark.parametrize("situation", BAD)
def test_bad_input(situation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the place, and exit code 2."""
    write, words = BAD[situation]
    assert run_cli(["run", str(write(tmp_path))]) == 2
    text = capsys.readouterr().err
    assert all(word in text for word in words), text


def test_a_broken_expectation_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names the action and what was seen instead."""
    assert run_cli(["run", str(edited('expect = "refused"', 'expect = "data"')(tmp_path))]) == 1
    text = capsys.readouterr().out
    assert "data was expected, refused was seen" in text
    assert "25 actions, 24 hold, 1 differ" in text
