"""The board files of the Renode engine, and what a user without Renode sees: no Renode is needed here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bundled import bundled_path
from harness.device.loader import load_device
from harness.errors import InputError
from harness.machine.renode import board_text

BOARDS = {"stm32f103": "cb", "nrf52840": "qiaa"}
"""Device, and the part that its board file describes."""
PROBE = """
from harness.machine.engines import probe_engine
found = probe_engine("renode")
print(found.usable, found.remedy)
"""


def number_of(text: str, peripheral: str, field: str) -> int:
    """Return a number that a peripheral's entry gives."""
    entry = re.search(rf"^{peripheral}: .*?(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    assert entry is not None
    found = re.search(rf"\b{field}: (0x[0-9A-Fa-f]+|\d+)", entry[0])
    assert found is not None
    return int(found[1], 0)


@pytest.mark.parametrize("device", BOARDS)
def test_board_and_device_agree(device: str) -> None:
    """Memories, page size and controller stand at the device file's addresses, in its sizes, in the board file too."""
    text = (bundled_path("platforms") / device / "board.repl").read_text(encoding="utf-8")
    model = load_device(device)
    part = model.parts[BOARDS[device]]
    flash = model.flash
    assert number_of(text, "flash", "size") == part.flash_bytes.value
    assert number_of(text, "ram", "size") == part.ram_bytes.value
    assert number_of(text, "flashController", "flashAddress") == flash.address.value
    assert number_of(text, "flashController", "aliasAddress") == (flash.alias_address or flash.address).value
    assert number_of(text, "flashController", "pageBytes") == flash.page_bytes.value
    system = number_of(text, "flashController", "systemAddress")
    assert system <= model.option_bytes.address.value < system + number_of(text, "flashController", "systemBytes")
    places = {int(place, 16) for place in re.findall(r"sysbus <?(0x[0-9A-F]+)", text)}
    assert {flash.address.value, (flash.alias_address or flash.address).value, model.ram_address.value, model.registers["flash_controller"].value} <= places


@pytest.mark.parametrize("folder", ["renode", *BOARDS])
def test_no_file_names_a_web_address(folder: str) -> None:
    """Boards, scripts and models load without a network."""
    files = [path for path in (bundled_path("platforms") / folder).iterdir() if path.suffix in {".cs", ".repl", ".resc"}]
    assert files
    assert [path.name for path in files if "://" in path.read_text(encoding="utf-8")] == []


def test_a_smaller_part_gets_its_own_memories() -> None:
    """The c8 has 64 KiB: its board takes everything else from the board file."""
    text = board_text(load_device("stm32f103"), "c8")
    assert "board.repl" in text
    assert re.search(r"flash:\n    size: 0x10000\n", text)
    with pytest.raises(InputError):
        board_text(load_device("stm32f103"), "c6")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"PYRENODE_BUILD_DIR": "", "PYRENODE_PKG": "", "PYRENODE_BIN": "", "PATH": "/nonexistent"}, ""),
        ({"PYRENODE_BUILD_DIR": "/nonexistent", "PYRENODE_RUNTIME": "mono"}, ""),
        ({"PYRENODE_RUNTIME": "jvm"}, ""),
    ],
    ids=["nothing there", "a folder that is not there", "an unknown runtime"],
)
def test_a_renode_that_is_not_there(settings: dict[str, str], reason: str, tmp_path: Path) -> None:
    """The probe says so in one line, with what to install and which settings there are; nothing else is printed."""
    environment = {**os.environ, **settings}
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True)
    usable, _, remedy = done.stdout.strip().partition(" ")
    assert (usable, done.stderr) == ("False", "")
    assert reason in remedy
    assert "\n" not in remedy
    assert "PYRENODE_BIN" in remedy
