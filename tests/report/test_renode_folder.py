"""The folder that plain Renode runs: no Renode is needed to write it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.replay import replay
from harness.cli import main
from harness.errors import InputError
from harness.fault.replay_id import parse_replay_id
from harness.report.renode_folder import renode_folder
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

SCENARIOS = {"stm32f103/speck-full": 0x08000000, "nrf52840/speck-full": 0}
"""Scenario, and where its flash is."""


def id_of(scenario: PreparedScenario, fault: str) -> str:
    """Return the replay id of a cut of the update."""
    return f"{scenario.reference}:update:{fault}:1:{scenario.fingerprint}"


@pytest.mark.parametrize("reference", SCENARIOS)
def test_the_folder_is_whole(reference: str) -> None:
    """Images are the flash before and after the cut, and every file that a script or board names is there, by a name beside it."""
    scenario = prepare(reference, PrepareOptions())
    result = replay(scenario, parse_replay_id(id_of(scenario, "7all")), "embedded")
    files = renode_folder(scenario, result)
    (log, proof) = next(iter(result.cuts))
    assert files["before.flash.bin"] == log.boots[0].start.flash == scenario.case("update").state.flash
    assert files["crash.flash.bin"] == result.run.start.flash != files["before.flash.bin"]
    for script in ("cut.resc", "recover.resc"):
        text = files[script].decode()
        assert {name.removesuffix("\n") for name in re.findall(r"\$ORIGIN/(\S+)", text)} <= set(files)
        assert f".flash.bin {SCENARIOS[reference]:#010x}" in text
        assert "://" not in text
    assert f"HoldBefore 7 {proof.pc:#010x}" in files["cut.resc"].decode()
    assert 'using "./board.repl"' in files["part.repl"].decode()
    assert "operation 7 of boot 0" in files["README.md"].decode()


def test_other_option_bytes_come_along() -> None:
    """A boot that starts with option bytes of its own gets them in both scripts, word by word; those of delivery need no line."""
    scenario = prepare("stm32f103/speck-full", PrepareOptions())
    delivered = scenario.device.option_bytes.delivery_state.value
    protected = b"\xff" * 4 + delivered[4:]
    case = scenario.case("update")
    other = replace(scenario, cases=(replace(case, state=replace(case.state, option_bytes=protected)),))
    for chosen, lines in ((scenario, []), (other, ["sysbus.flashController WriteFactoryWord 0x1ffff800 0xffffffff"])):
        files = renode_folder(chosen, replay(chosen, parse_replay_id(id_of(chosen, "0none")), "embedded"))
        for script in ("cut.resc", "recover.resc"):
            assert [line for line in files[script].decode().splitlines() if "WriteFactoryWord" in line] == lines


def test_what_cannot_be_exported() -> None:
    """A device without a board says which have one."""
    scenario = prepare("nrf51822/speck-full", PrepareOptions())
    result = replay(scenario, parse_replay_id(id_of(scenario, "7all")), "embedded")
    with pytest.raises(InputError, match="no board for nrf51822"):
        renode_folder(scenario, result)


@pytest.mark.parametrize(("folder", "status"), [("out", 0), ("file/out", 2)])
def test_replay_writes_the_folder(tmp_path: Path, folder: str, status: int) -> None:
    """`harness replay ID --export DIR` makes the folder; a folder that can't be made is bad input."""
    (tmp_path / "file").write_text("")
    scenario = prepare("stm32f103/speck-full", PrepareOptions())
    with pytest.raises(SystemExit) as ended:
        main(["replay", id_of(scenario, "7all"), "--export", str(tmp_path / folder)])
    assert ended.value.code == status
    if status == 0:
        assert {"cut.resc", "recover.resc", "README.md", "bootloader.elf", "fpec.cs", "board.repl"} <= {path.name for path in (tmp_path / folder).iterdir()}
