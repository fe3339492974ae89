"""Downloads over the UART while power is cut: slices of the sweep on both chips; `tox -e download` makes all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.campaign.accelerations import NO_ACCELERATION
from harness.campaign.boots import run_until_settled
from harness.campaign.sweep import SweepOptions, sweep
from harness.fault.tear_words import parse_tears
from harness.machine.engines import make_machine
from harness.machine.protocol import End
from harness.oracle.rules import judge
from harness.oracle.run import Outcome, Run, outcome_of
from harness.scenario.download.host import Download
from harness.scenario.model import load_scenario
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

CHIPS = ("stm32f103", "nrf52840")

Prepared = Callable[[str], PreparedScenario]


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Return the scenario of a chip, built once."""
    known: dict[str, PreparedScenario] = {}

    def of(chip: str) -> PreparedScenario:
        if chip not in known:
            known[chip] = prepare(f"{chip}/speck-download", PrepareOptions())
        return known[chip]

    return of


def clean_run(scenario: PreparedScenario, case: str) -> Run:
    """Return the uninterrupted run of a case."""
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains)
    try:
        return run_until_settled(machine, scenario, scenario.case(case), scenario.case(case).state, 1)
    finally:
        machine.close()


def test_both_chips_are_asked_the_same() -> None:
    """The scenarios differ in device and parts."""
    first, second = (load_scenario(f"{chip}/speck-download") for chip in CHIPS)
    assert first.case == second.case
    assert first.limits == second.limits


CLEAN = {
    "download": (b"transfer: received", b"update: ok"),
    "bad-link": (b"update: ok",),
    "key-rotation": (b"transfer: received", b"update: ok"),
    "host-stops": (b"transfer: no answer",),
    "host-returns": (b"transfer: no answer", b"transfer: received", b"update: ok"),
    "tampered": (b"transfer: received", b"update: signature"),
    "other-base": (b"update: base",),
}


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("case", CLEAN)
def test_the_console_tells_what_became_of_it(chip: str, case: str, prepared: Prepared) -> None:
    """The application says how the transfer ended and why it refused; what runs in the end is what the case says."""
    run = clean_run(prepared(chip), case)
    text = run.traces[0].uart
    places = [text.find(line) for line in CLEAN[case]]
    assert places == sorted(places)
    assert -1 not in places
    assert judge(run) == ()
    assert outcome_of(run) is (Outcome.NEW_VERSION if CLEAN[case][-1] == b"update: ok" else Outcome.OLD_VERSION)
    assert run.traces[0].end is (End.RESET if CLEAN[case][-1] == b"update: ok" else End.WAITING)


SLICES = {
    "second page of the slot": ("stm32f103", "download", (512, 512)),
    "the mark": ("stm32f103", "download", (707, 707)),
    "a tampered patch": ("stm32f103", "tampered", (705, 705)),
    "a bad link": ("nrf52840", "bad-link", (400, 400)),
    "the host stops": ("nrf52840", "host-stops", (0, 0)),
}


@pytest.mark.parametrize("name", SLICES)
def test_no_cut_breaks_a_rule(name: str, prepared: Prepared) -> None:
    """Power lost in the download, or while it is marked: the device starts, a later download completes, what is refused stays refused."""
    chip, case, operations = SLICES[name]
    result = sweep(prepared(chip), SweepOptions(only_case=case, operations=operations, jobs=1))
    assert result.planned == len(result.verdicts) == result.fired > 0
    assert not result.violating


def test_boots_with_a_peer_are_shared_and_pruned_exactly(prepared: Prepared) -> None:
    """Every verdict is the same where each boot is made, each instruction executed, and no run stands for another."""
    scenario = prepared("stm32f103")
    options = SweepOptions(only_case="download", operations=(511, 513), tears=parse_tears("some,half-page"), jobs=1)
    exact = sweep(scenario, replace(options, accelerations=NO_ACCELERATION))
    fast = sweep(scenario, options)
    assert exact.verdicts == fast.verdicts
    assert len(fast.verdicts) > 6


BUGS = {"download-pending-unvalidated": ("tampered", "pending_verified"), "download-repeat-taken": ("lost", "update_not_lost")}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_of_the_application_is_found(bug: str) -> None:
    """The rule that the bug was seeded for speaks, in the case that is made for it."""
    case, rule = BUGS[bug]
    run = clean_run(prepare("stm32f103/speck-download", PrepareOptions(bug=bug)), case)
    assert rule in {violation.rule for violation in judge(run)}


def test_a_page_that_only_looks_blank_is_found() -> None:
    """A page of the slot that is not erased where it looks blank breaks a rule of the controller, once power was lost in its erase."""
    scenario = prepare("stm32f103/speck-download", PrepareOptions(bug="download-page-looks-blank"))
    result = sweep(scenario, SweepOptions(only_case="download", operations=(0, 0), tears=parse_tears("half-page"), jobs=1))
    assert "flash_discipline" in {violation.rule for verdict in result.violating for violation in verdict.violations}


def test_whoever_sends_something_else_is_another_peer() -> None:
    """File, faults and manners are part of the identity; equal ones are one peer."""
    plain = Download(2, b"file")
    others = [Download(3, b"file"), Download(2, b"File"), Download(2, b"file", stops_after=1), Download(2, b"file", stops_after=1, returns_after_s=9)]
    assert plain.identity == Download(2, b"file").identity
    assert len({peer.identity for peer in (plain, *others)}) == 5
