"""A scenario of an own bootloader: the same firmware, told without any format of ours, gets the same verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.sweep import CampaignResult, SweepOptions, sweep
from harness.device import load_device
from harness.oracle.run import Outcome
from harness.scenario.own_prepare import OwnFormat
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario
from tests.scenario.own_files import write_own_scenario

SCENARIO = "stm32f103/speck-full"
VERIFICATION = 'verification = "signature_check"\n'


@pytest.fixture(scope="module")
def bundled() -> PreparedScenario:
    """The bundled scenario, built."""
    return prepare(SCENARIO, PrepareOptions())


def sweep_case(scenario: PreparedScenario, case: str, operations: tuple[int, int] | None = (0, 40)) -> CampaignResult:
    """Sweep a slice of one case."""
    return sweep(scenario, SweepOptions(only_case=case, operations=operations))


@pytest.mark.parametrize("case", ["update", "forged"])
def test_the_same_firmware_gets_the_same_verdicts(tmp_path: Path, bundled: PreparedScenario, case: str) -> None:
    """Every verdict of a slice, times, digests and proofs included, is that of the bundled scenario."""
    own = prepare(str(write_own_scenario(tmp_path, bundled, case, more=VERIFICATION)), PrepareOptions())
    ours, theirs = sweep_case(bundled, case), sweep_case(own, case)
    assert own.case(case).state == bundled.case(case).state
    assert theirs.planned == len(theirs.verdicts) == theirs.fired > 0
    assert (theirs.clean, theirs.verdicts) == (ours.clean, ours.verdicts)


BUGS = {
    "signature-ignored": ("forged", {"authentic_entry", "exact_image"}),
    "journal-never-closed": ("update", {"stable"}),
    "resume-from-next-page": ("update", {"bootable"}),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_an_own_bootloader_is_found(tmp_path: Path, bug: str) -> None:
    """The rules see it by flash bytes and program counter alone."""
    case, rules = BUGS[bug]
    seeded = prepare(SCENARIO, PrepareOptions(bug=bug))
    own = prepare(str(write_own_scenario(tmp_path, seeded, case)), PrepareOptions())
    result = sweep(own, SweepOptions(only_case=case, sample=200, stop_when=lambda verdict: bool(verdict.violations)))
    found = {violation.rule for verdict in result.violating for violation in verdict.violations}
    assert rules <= found


def test_a_sample_is_drawn_by_the_seed(tmp_path: Path, bundled: PreparedScenario) -> None:
    """So many faults, first and last included; another seed draws others, and the result says how many there were."""
    own = prepare(str(write_own_scenario(tmp_path, bundled, "update")), PrepareOptions())
    drawn = [
        [verdict.proof.fault for verdict in sweep(own, SweepOptions(seed=seed, sample=12, operations=(0, 60))).verdicts if verdict.proof] for seed in (1, 1, 2)
    ]
    whole = sweep(own, SweepOptions(operations=(0, 60)))
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(faults) for faults in drawn] == [12, 12, 12]
    planned = [verdict.proof.fault for verdict in whole.verdicts if verdict.proof]
    assert drawn[0][0] == planned[0]
    assert drawn[0][-1] == planned[-1]
    assert whole.possible == whole.planned


def test_no_version_below_the_installed_one_may_run(tmp_path: Path, bundled: PreparedScenario) -> None:
    """Without a counter, the version that the case began with is the floor."""
    path = write_own_scenario(tmp_path, bundled, "update")
    path.write_text(path.read_text().replace("version = 1\n", "version = 3\n"))
    result = sweep_case(prepare(str(path), PrepareOptions()), "update")
    assert [violation.rule for verdict in result.clean for violation in verdict.violations] == ["no_downgrade", "no_downgrade"]


def test_an_application_that_never_idles_counts_as_running_after_a_time(tmp_path: Path, bundled: PreparedScenario) -> None:
    """With `settles_after_ms` the boot ends by time, wherever the application is then, and the outcome is the same."""
    own = prepare(str(write_own_scenario(tmp_path, bundled, "update", more="settles_after_ms = 0.01\n")), PrepareOptions())
    result = sweep_case(own, "update", (0, 5))
    assert {verdict.outcome for verdict in [*result.clean, *result.verdicts]} == {Outcome.NEW_VERSION}
    assert not result.violating


def test_the_longest_image_that_a_region_begins_with_is_installed(bundled: PreparedScenario, tmp_path: Path) -> None:
    """One image may begin with another; a byte outside of all images is nobody's, and a counter is read where it stands."""
    own = prepare(str(write_own_scenario(tmp_path, bundled, "update")), PrepareOptions())
    assert isinstance(own.format, OwnFormat)
    flash = own.case("update").state.flash
    installed = own.format.installed_image(flash)
    assert installed is not None
    assert installed.digest == own.case("update").installed_digest
    shorter = replace(own.format.images[0], content=own.format.images[0].content[:-1], installed=replace(installed, digest="shorter"))
    assert replace(own.format, images=(shorter, *own.format.images)).installed_image(flash) == installed
    start = own.format.application.address - own.flash_address
    assert own.format.installed_image(flash[:start] + b"?" + flash[start + 1 :]) is None
    assert (own.format.has_counter, own.format.counter(flash)) == (False, 0)
    assert load_device(own.device.name) == own.device
