"""Patches applied in place on either chip: a slice of the sweep; `tox -e delta` makes all of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.build.bugs import load_bug, load_bugs
from harness.campaign.boots import run_until_settled
from harness.campaign.selftest import sweep_bug
from harness.campaign.sweep import SweepOptions
from harness.cli import run_cli
from harness.image.delta.apply import apply_patch
from harness.image.delta.payload import PATCH_HEADER_BYTES, Coding, PatchHeader, decode_steps, encode_steps
from harness.image.patch import seal_patch
from harness.image.verify import image_in_region
from harness.machine.engines import make_machine
from harness.oracle.rules import judge
from harness.oracle.run import Outcome, outcome_of
from harness.scenario.hostile import staged
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.speck import TRUSTED_KEY

SLICES = [
    ("stm32f103", "counter-behind", "0-14", "some,metastable"),
    ("stm32f103", "update", "14-16", "none,some"),
    ("nrf52840", "log-rotation", "0-10", "most"),
    ("stm32f103", "key-rotation", "0-2", "some,metastable"),
    ("nrf52840", "key-rotation", "7-10", "most"),
    ("stm32f103", "old-key", "0-3", "some"),
    ("nrf52840", "key-places-used", "0-3", "most"),
]


@pytest.mark.parametrize(("chip", "case", "operations", "tears"), SLICES, ids=lambda value: str(value))
def test_no_cut_breaks_a_rule(chip: str, case: str, operations: str, tears: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Cut in the log, in scratch and in a move of the log, the update is finished and every rule holds."""
    arguments = ["sweep", f"{chip}/speck-delta", "--case", case, "--operations", operations, "--tears", tears, "--jobs", "1", "--json"]
    code = run_cli(arguments)
    summary = json.loads(capsys.readouterr().out)
    assert code == 0, summary
    assert summary["fired"] >= 4


@pytest.mark.parametrize("coding", Coding)
@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
def test_either_coding_is_applied_on_the_device(chip: str, coding: Coding) -> None:
    """The same steps, as they are and as a heatshrink stream: the device rebuilds what the host does, byte for byte."""
    scenario = prepare(f"{chip}/speck-delta", PrepareOptions())
    case = scenario.case("update")
    installed, good = (image_in_region(scenario.region_bytes(case.state.flash, region)) for region in ("application", "slot"))
    assert installed is not None
    assert good is not None
    told = PatchHeader.from_bytes(good.code)
    steps = tuple(decode_steps(told, good.code[PATCH_HEADER_BYTES:]))
    payload = replace(told, coding=coding).to_bytes() + encode_steps(steps, told.page_bytes, coding)
    patch = seal_patch(payload, TRUSTED_KEY, version=good.header.version, hardware_revision=good.header.hardware_revision)
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains)
    try:
        run = run_until_settled(machine, scenario, case, staged(scenario, case.state, patch, pending=False), 1)
    finally:
        machine.close()
    target = apply_patch(installed.to_bytes(), payload)
    assert judge(run) == ()
    assert outcome_of(run) is Outcome.NEW_VERSION
    assert scenario.region_bytes(run.final_flash, "application").startswith(target)
    assert target != installed.to_bytes()


KEY_BUGS = {
    "a new key that is trusted at once": ("delta-key-trusted-early", "key-rotation", "47-47", "bootable"),
    "a torn place that is taken for whole": ("delta-torn-key-taken", "key-rotation", "10-10", "bootable"),
    "an old key that stays trusted": ("delta-old-key-accepted", "old-key", "0-0", "refused"),
}


@pytest.mark.parametrize(("bug", "case", "operations", "rule"), KEY_BUGS.values(), ids=KEY_BUGS)
def test_mistakes_with_keys_are_found(bug: str, case: str, operations: str, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is found by the rule that it was seeded for, in a cut or two of the case that is about it."""
    arguments = ["sweep", "stm32f103/speck-delta", "--bug", bug, "--case", case, "--operations", operations, "--tears", "none", "--jobs", "1", "--json"]
    assert run_cli(arguments) == 1
    assert rule in capsys.readouterr().out


SHOWN_BY: dict[str, tuple[str, tuple[int, int] | None]] = {
    "delta-base-checked-on-resume": ("update", None),
    "delta-base-ignored": ("other-base", (0, 0)),
    "delta-begun-again": ("update", None),
    "delta-built-before-whole": ("update", (1200, 1300)),
    "delta-copy-from-replaced": ("update", (0, 0)),
    "delta-counter-before-rebuild": ("update", None),
    "delta-counter-sign": ("update", (0, 0)),
    "delta-done-before-copy": ("update", None),
    "delta-key-trusted-early": ("key-rotation", (47, 47)),
    "delta-last-bytes-forgotten": ("update", (0, 0)),
    "delta-old-key-accepted": ("old-key", (0, 0)),
    "delta-page-place-first": ("log-rotation", (0, 40)),
    "delta-patch-not-named": ("swapped-patch", (0, 0)),
    "delta-target-unchecked": ("other-target", (0, 0)),
    "delta-torn-key-taken": ("key-rotation", (10, 10)),
}
"""The case that shows each seeded bug, and the operations to cut; None: two dozen of them, drawn by the seed."""


def test_the_bugs_are_all_tried() -> None:
    """Each seeded bug of the profile is in the table above."""
    assert set(SHOWN_BY) == {bug.name for bug in load_bugs() if bug.profile == "speck-delta"}


@pytest.mark.long
@pytest.mark.parametrize("name", SHOWN_BY)
def test_a_seeded_bug_is_found(name: str) -> None:
    """A mistake in the rebuilding is found by the rule that it was seeded for, in minutes; `tox -e delta` makes every cut instead."""
    case, operations = SHOWN_BY[name]
    chosen = SweepOptions(jobs=1, only_case=case, operations=operations, sample=24 if operations is None else None)
    result = sweep_bug(load_bug(name), "stm32f103/speck-delta", PrepareOptions(), chosen)

    assert result.intended_rule in result.rules
