"""Hostile images on the real bootloader: refused where it is good, found where a check is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.campaign.hostile import HostileOptions, try_hostile_images
from harness.campaign.hostile_worker import Answer, Attack, HostileWorker, Manner
from harness.cli import run_cli
from harness.image.hostile import ROLLBACK, hostile_images
from harness.scenario.prepare import PrepareOptions, prepare

SCENARIO = "stm32f103/speck-full"


@pytest.fixture(scope="module")
def worker() -> Iterator[HostileWorker]:
    """The good bootloader, and one machine for it."""
    worker = HostileWorker(prepare(SCENARIO, PrepareOptions()), 1, "embedded", at_cuts=True)
    yield worker
    worker.close()


@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
def test_every_image_is_refused_at_rest(chip: str) -> None:
    """Each for its own reason, nothing but the record changed, while good images staged the same way are installed."""
    result = try_hostile_images(prepare(f"{chip}/speck-full", PrepareOptions()), HostileOptions(jobs=2))
    assert [image for image in result.images if image.answer is not Answer.REFUSED] == []
    assert len(result.images) == len(hostile_images())
    assert [image.recorded for image in result.images] == [int(hostile.reason) for hostile in hostile_images()]
    assert result.controls_hold
    assert result.holds


@pytest.mark.parametrize("name", ["slot-noise", "version-replayed", "signature-malleable"])
def test_an_image_is_refused_at_every_cut_of_its_refusal(worker: HostileWorker, name: str) -> None:
    """Four half-words of the record, four tears each: the next boot refuses it again."""
    verdict = worker.judge_image(name)
    assert len(verdict.at_cuts) == 16
    assert all(not cut.violations and cut.proof for cut in verdict.at_cuts)


def test_images_around_cuts_of_an_update(worker: HostileWorker) -> None:
    """In the slot right after a cut, and after the recovery: refused, or not looked at, or nothing runs; the version before never comes back."""
    planned = worker.plan_attacks()
    names = ("magic-zero", "version-replayed", "key-foreign", "signature-malleable")
    faults = [fault for fault, _ in planned][:: len(planned) // 30]
    result = worker.attack([Attack((fault,), names, number if number % 3 == 1 else None) for number, fault in enumerate(faults)])
    assert result.findings == []
    assert result.rollbacks == len(faults)
    assert result.answers[Manner.FOLLOWS, Answer.REFUSED] == len(names) * len(faults)
    assert {answer for manner, answer in result.answers if manner is Manner.INTERRUPTS} == {Answer.REFUSED, Answer.RECOVERY, Answer.NOT_READ}


def test_a_rollback_after_the_update_is_found() -> None:
    """A counter that is never advanced lets the version before in again: only the attack after the update shows that."""
    worker = HostileWorker(prepare(SCENARIO, PrepareOptions(bug="counter-never-advanced")), 1, "embedded", at_cuts=False)
    assert worker.judge_image(ROLLBACK).answer is Answer.REFUSED
    (fault, _), *_ = worker.plan_attacks()
    result = worker.attack([Attack((fault,), (ROLLBACK,))])
    worker.close()
    assert {finding.answer for finding in result.findings} == {Answer.ACCEPTED}


def test_the_command_reports_and_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A wrong reason gives exit code 1; counts in --json, one test an image in --junit, and a replay id that replays."""
    junit = tmp_path / "hostile.xml"
    code = run_cli(["hostile", SCENARIO, "--bug", "refusal-closed-as-installed", "--json", "--junit", str(junit)])
    summary = json.loads(capsys.readouterr().out)
    images = len(hostile_images())
    assert code == 1
    assert (summary["images"], summary["refused"], summary["wrong_reason"], summary["accepted"], summary["at_cuts"]) == (images, 0, images, 0, None)
    suite = ET.fromstring(junit.read_bytes()).find("testsuite")  # noqa: S314 -- our own report
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == (str(images + 1), str(images))
    assert run_cli(["replay", summary["findings"][0]["replay_id"]]) == 1
    assert "refused" in capsys.readouterr().out


WITHOUT_A_TABLE = {
    "read-out-protection": "a scenario of the kind 'debugger'",
    "speck-module": "no update that is staged from the start, or that a host sends",
}


@pytest.mark.parametrize("name", WITHOUT_A_TABLE)
def test_a_scenario_without_such_images_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is none, or that stages modules alone, is bad input: one line says why, and what to give."""
    assert run_cli(["hostile", f"stm32f103/{name}"]) == 2
    told = capsys.readouterr().err.strip()
    assert WITHOUT_A_TABLE[name] in told
    assert len(told.splitlines()) == 1


def test_the_table_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every image by its name."""
    assert run_cli(["hostile", "--list"]) == 0
    assert "signature-malleable" in capsys.readouterr().out
