"""An engineer reads causes: the rule, the place in the code, and one replay id each."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.build.elf import ElfFile
from harness.build.unwind import Unwinder
from harness.campaign.boots import log_of
from harness.campaign.call_sites import CallSites, Legs, call_sites_of
from harness.campaign.causes import find_causes
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.cli import run_cli
from harness.fault.faults import Fault, Tear
from harness.machine.embedded import EmbeddedMachine
from harness.report.summary import site_text
from harness.scenario.prepare import PrepareOptions, prepare

REFERENCES = ("stm32f103/speck-full", "nrf52840/speck-full", "nrf51822/speck-full")
BUG = ["sweep", REFERENCES[0], "--bug", "erase-skipped-on-resume", "--case", "update", "--operations", "0-7", "--jobs", "1"]


def is_call(code: bytes) -> bool:
    """Tell whether the four bytes before a return address are BL, or the last two BLX with a register."""
    first, second = (int.from_bytes(code[at : at + 2], "little") for at in (0, 2))
    return (first >> 11 == 0b11110 and second & 0xD000 == 0xD000) or (second & 0xFF87 == 0x4780)


@pytest.mark.parametrize("reference", REFERENCES)
def test_every_caller_really_calls(reference: str) -> None:
    """Before every return address that is found there is a call instruction, and the outermost caller is `main`, for all operations of an update."""
    scenario = prepare(reference, PrepareOptions())
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    boot = log_of(clean, 1).boots[0]
    elf, unwinder = ElfFile(Path(scenario.bootloader_elf)), Unwinder(Path(scenario.bootloader_elf))
    machine = EmbeddedMachine(scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    machine.keep_call_stacks(len(boot.operations))
    machine.boot(boot.start, seed=boot.seed)

    for operation in boot.operations:
        stack = machine.call_stack(operation.index)
        assert stack is not None
        asked, *callers = unwinder.callers(stack.registers, stack.word)
        assert asked == operation.pc
        assert len(callers) >= 2
        for caller in callers:
            end = caller + 1 - scenario.flash_address
            assert is_call(boot.start.flash[end - 4 : end])
        outermost = elf.locate(callers[-1])
        assert outermost is not None
        assert outermost.function == "main"
    machine.close()


@pytest.mark.parametrize("reference", REFERENCES)
def test_the_places_of_an_update_are_those_of_its_source(reference: str) -> None:
    """The driver's line comes first, then the functions that an update goes through; lines of functions that the linker dropped name nothing."""
    scenario = prepare(reference, PrepareOptions())
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))

    sites = call_sites_of(scenario, log_of(clean, 1).boots[0], "embedded")

    # `flash_program` ends with a call, which is a jump on all cores but the Cortex-M0.
    functions = [tuple(place.function for place in site if place.function not in ("flash_program", "flash_erase_page")) for site in sites]
    assert functions[0] == ("hal_flash_program", "record_write", "write_record", "journal_append", "install_run", "boot_run", "main")
    assert {names[1] for names in functions} == {"record_write", "install_run"}
    assert {site[0].file.split("/")[0] for site in sites} == {"hal"}
    assert {place.file.split("/")[0] for site in sites for place in site[1:]} == {"boot", "profiles"}


def test_the_place_of_a_later_cut_is_one_of_the_recovery() -> None:
    """The second fault of a sequence hits what the recovery was doing."""
    scenario = prepare(REFERENCES[0], PrepareOptions())
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    runner = FaultRunner(scenario, [log_of(clean, 1)], 1, "embedded")
    verdict = runner.judge(Job(0, (Fault(0, 600, Tear.SOME), Fault(0, 0, Tear.SOME))))
    runner.close()
    assert verdict.proof is not None

    site = CallSites(scenario, "embedded", Legs(scenario, 1, "embedded").log).of("update", verdict.proof)

    assert [place.function for place in site] == ["hal_flash_erase", "install_run", "boot_run", "main"]


def test_an_engine_that_shows_no_callers_says_so() -> None:
    """The line comes from that engine's own log; nothing is taken from a boot on another one."""
    scenario = prepare(REFERENCES[2], PrepareOptions())
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    boot = log_of(clean, 1).boots[0]

    lines = call_sites_of(scenario, boot, "qemu")

    assert list(lines) == [site[:1] for site in call_sites_of(scenario, boot, "embedded")]
    assert site_text(lines[0], "qemu").endswith("callers not shown by the qemu engine")


def test_causes_explain_every_violation_and_the_first_stands_for_them() -> None:
    """The counts add up; causes differ in rule or place; each names the first verdict that shows it."""
    scenario = prepare(REFERENCES[0], PrepareOptions(bug="erase-skipped-on-resume"))
    result = sweep(scenario, SweepOptions(only_case="update", operations=(0, 7)))

    causes = find_causes(scenario, result.verdicts, 1, "embedded")

    assert sum(cause.count for cause in causes) == sum(len(verdict.violations) for verdict in result.verdicts) > len(causes)
    assert len({(cause.rule, cause.site) for cause in causes}) == len(causes)
    assert causes == result.causes
    sites = CallSites(scenario, "embedded", Legs(scenario, 1, "embedded").log)
    for cause in causes:
        like = [verdict for verdict in result.violating if verdict.proof and sites.of(verdict.case, verdict.proof) == cause.site]
        assert cause.first is next(verdict for verdict in like if cause.rule in {violation.rule for violation in verdict.violations})


def test_reports_speak_of_causes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Console, JSON and JUnit have the same causes, each with an id that replays to its rule at its place."""
    report = tmp_path / "report.xml"
    assert run_cli([*BUG, "--json", "--junit", str(report)]) == 1
    summary = json.loads(capsys.readouterr().out)
    assert run_cli(BUG) == 1
    console = capsys.readouterr().out

    causes = summary["causes"]
    assert f"{summary['violations']} violations, {len(causes)} causes" in console
    assert sum(cause["violations"] for cause in causes) == summary["violations"]
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 -- not from outside
    assert suite is not None
    assert (suite.get("name"), suite.get("failures")) == ("causes", str(len(causes)))
    cause = causes[-1]
    assert run_cli(["replay", cause["replay_id"]]) == 1
    replayed = capsys.readouterr().out
    assert cause["message"] in replayed
    assert all(f"{place['function']} ({place['file']}:{place['line']})" in replayed for place in cause["site"])
