"""Any number of cuts while a debugger changes the protection: what the bundled scenarios promise holds, and what only two cuts show is found."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from harness.campaign.debug_certificate import DebuggerCertificate, verify_debugger_certificate
from harness.campaign.debug_search import DebuggerSearch, search_debugger_scenario
from harness.cli import run_cli
from harness.device.memory import NonVolatile
from harness.machine.debug_port import Change, ReadOutProtection
from harness.scenario.debugger import Action, DebuggerScenario, Do, Outcome, load_debugger_scenario
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

ACCESS_PORT = "nrf52840/approtect"
LOCKED_PAGES = Action(do=Do.WRITE_PROTECT, bytes="E0 FF FF FF", expect=Outcome.DONE, flash="kept", every_cut=(0, 1))


@functools.cache
def firmware(reference: str) -> PreparedScenario:
    """Return a scenario's firmware, built once a session."""
    return prepare(reference, PrepareOptions())


def search_of(*actions: Action, depth: int | None = None, by_bytes: bool = False) -> DebuggerSearch:
    """Search actions on the bundled STM32F103."""
    scenario = DebuggerScenario(kind="debugger", name="mine", firmware="stm32f103/speck-full", case="update", action=actions)
    return search_debugger_scenario(scenario, firmware(scenario.firmware), 1, "embedded", depth=depth, by_bytes=by_bytes)


@pytest.mark.parametrize("by_bytes", [False, True])
def test_any_number_of_cuts_holds_what_the_scenario_promises(by_bytes: bool) -> None:
    """Every state of the access port scenario is tried; what is taken for one by the deciding bytes, and byte by byte, gives the same."""
    scenario = load_debugger_scenario(ACCESS_PORT)
    result = search_debugger_scenario(scenario, firmware(scenario.firmware), 1, "embedded", by_bytes=by_bytes)

    protect, regress = result.searches
    assert (result.finished, result.holds) == (True, True)
    assert (protect.states, protect.exposing, protect.ends, protect.erased) == (256, 0, 1, 0)
    assert regress.exposing > 0  # ERASEALL promises no order
    assert (regress.ends, regress.erased) == (1, 1)


def test_what_decides_tells_states_apart_as_well_as_every_byte() -> None:
    """One cut deep on the STM32F103, where the bytes of write protection differ too: the same levels, and the same cuts, none of which opens the flash."""
    merged, apart = (search_of(LOCKED_PAGES, depth=1, by_bytes=by_bytes).searches[0] for by_bytes in (False, True))

    assert merged.states < apart.states
    assert (merged.cuts, merged.exposing, merged.problems) == (apart.cuts, apart.exposing, apart.problems) == (merged.cuts, 0, ())


def test_a_chip_that_only_erases_when_it_is_asked_to_is_opened_by_two_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first cut leaves RDP = 0xA5 without its complement, protected; made again, the action programs both. One cut does not show it."""
    as_it_is = ReadOutProtection.write_protect

    def without_mass_erase(self: ReadOutProtection, state: NonVolatile, values: bytes, level: int) -> list[Change]:
        del level
        return as_it_is(self, state, values, 0)

    monkeypatch.setattr(ReadOutProtection, "write_protect", without_mass_erase)
    once, twice = (search_of(LOCKED_PAGES, depth=depth) for depth in (1, 2))

    assert once.holds
    assert not twice.holds
    assert "cut 2 in a row: the protection is off and the flash is not erased" in twice.searches[0].problems[0]


def test_a_level_that_no_cut_may_leave_is_told() -> None:
    """A cut in the rewriting of option bytes leaves level 1."""
    result = search_of(LOCKED_PAGES.model_copy(update={"every_cut": (0,)}), depth=1)

    assert not result.holds
    assert "level 1 at the next power-on" in result.searches[0].problems[0]


def test_the_command_line_searches_certifies_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sweep --depth closure --certificate`, then `certificate verify`; a certificate of other states is found out."""
    path = tmp_path / "certificate.json"
    assert run_cli(["sweep", ACCESS_PORT, "--depth", "closure", "--certificate", str(path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)

    assert (summary["finished"], summary["violations"], len(summary["searches"])) == (True, 0, 2)
    assert run_cli(["certificate", "verify", str(path), "--sample", "1"]) == 0

    certificate = DebuggerCertificate.model_validate_json(path.read_bytes())
    assert certificate.is_unchanged
    assert certificate.holds
    forged = certificate.model_copy(update={"actions": [row.model_copy(update={"digest": "00"}) for row in certificate.actions]})
    assert all(check.difference for check in verify_debugger_certificate(forged, firmware(certificate.build.scenario), 1, 1))


def test_a_budget_that_ends_first_leaves_an_honest_result(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4, and the number of states that were not tried."""
    assert run_cli(["sweep", ACCESS_PORT, "--depth", "closure", "--budget", "0.001s"]) == 4
    assert "not finished" in capsys.readouterr().out


def test_options_of_other_searches_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One clear message, exit code 2."""
    assert run_cli(["sweep", ACCESS_PORT, "--depth", "closure", "--case", "update"]) == 2
    assert "--case: a search of a debugger scenario does not take it" in capsys.readouterr().err
