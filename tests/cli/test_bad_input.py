"""Bad input: one clear error that names what is at fault and what to do, exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import run_cli
from harness.scenario import model

SCENARIO = "stm32f103/speck-full"
BUNDLED = Path(model.__file__).parent / "bundled" / f"{SCENARIO}.toml"


def edited_scenario(before: str, after: str) -> Callable[[Path], list[str]]:
    """Return arguments that sweep a copy of the bundled scenario with one edit."""

    def arguments(folder: Path) -> list[str]:
        text = BUNDLED.read_text()
        assert before in text
        path = folder / "mine.toml"
        path.write_text(text.replace(before, after, 1))
        return ["sweep", str(path)]

    return arguments


def plain(*arguments: str) -> Callable[[Path], list[str]]:
    """Return arguments that do not need a file."""
    return lambda folder: [argument.replace("{folder}", str(folder)) for argument in arguments]


SITUATIONS: dict[str, tuple[Callable[[Path], list[str]], tuple[str, ...]]] = {
    "an unknown scenario": (plain("sweep", "stm32f103/speck-fool"), ("no such scenario", SCENARIO)),
    "a scenario file that does not exist": (plain("sweep", "{folder}/none.toml"), ("no such scenario",)),
    "an unknown device": (edited_scenario('device = "stm32f103"', 'device = "stm32f999"'), ("stm32f999", "stm32f103")),
    "an unknown profile": (edited_scenario('profile = "speck"', 'profile = "spock"'), ("spock", "speck")),
    "an unknown part in a scenario": (edited_scenario('"c8", "cb"', '"c8", "zz"'), ("'zz'", "c8, cb")),
    "a file that is not TOML": (edited_scenario('name = "', "name = oops"), ("mine.toml",)),
    "a misspelt key": (edited_scenario("hardware_revision", "hardware_revison"), ("mine.toml", "hardware_revison", "hardware_revision")),
    "a value that is not allowed": (edited_scenario('end = "new"', 'end = "newer"'), ("mine.toml", "case[0].end", "'old'")),
    "a negative version": (edited_scenario("installed = { version = 1 }", "installed = { version = -1 }"), ("case[0].installed.version", "-1")),
    "two cases with one name": (edited_scenario('name = "forged"', 'name = "update"'), ("two cases", "'update'")),
    "a new end without a staged image": (edited_scenario("staged = { version = 2 }", ""), ("staged",)),
    "overlapping regions": (
        edited_scenario("[limits]", "[layout]\nslot = { address = 0x08005000, bytes = 0x5000 }\n\n[limits]"),
        ("layout.", "overlaps"),
    ),
    "a region outside the flash": (
        edited_scenario("[limits]", "[layout]\nmetadata = { address = 0x08010000, bytes = 0x1000 }\n\n[limits]"),
        ("layout.metadata", "leaves the flash"),
    ),
    "a region of negative size": (
        edited_scenario("[limits]", "[layout]\nslot = { address = 0x0800A000, bytes = -1024 }\n\n[limits]"),
        ("layout.slot.bytes", "-1024"),
    ),
    "a region that is not whole pages": (
        edited_scenario("[limits]", "[layout]\nslot = { address = 0x0800A000, bytes = 1000 }\n\n[limits]"),
        ("layout.slot", "whole pages"),
    ),
    "an image larger than the slot": (plain("sweep", SCENARIO, "--app-kib", "60"), ("image has", "hold", "--app-kib")),
    "an image larger than the slot of the part asked for": (plain("build", SCENARIO, "--app-kib", "30", "--part", "c8"), ("hold", "c8")),
    "an image larger than any slot": (plain("build", SCENARIO, "--app-kib", "100000000"), ("image has", "hold", "--app-kib")),
    "one file for two reports": (plain("sweep", SCENARIO, "--jsonl", "{folder}/a", "--junit", "{folder}/a"), ("same file",)),
    "a case without anything to cut": (edited_scenario('cuts = "none"', 'cuts = "all"'), ("tampered-application", "nothing to cut")),
    "a slot smaller than the application region": (
        edited_scenario("[limits]", "[layout]\nslot = { address = 0x0800A000, bytes = 0x2800 }\n\n[limits]"),
        ("layout.slot", "smaller than the application region"),
    ),
    "no part at all": (edited_scenario('parts = ["c8", "cb"]', "parts = []"), ("parts", "at least 1")),
    "an application of no size": (plain("build", SCENARIO, "--app-kib", "0"), ("--app-kib",)),
    "a part that the device does not have": (plain("build", SCENARIO, "--part", "c6"), ("c6", "c8, cb")),
    "an unknown seeded bug": (plain("sweep", SCENARIO, "--bug", "nonsense"), ("nonsense",)),
    "an unknown toolchain": (plain("build", SCENARIO, "--toolchain", "iar"), ("iar", "zig")),
    "an unknown engine": (plain("sweep", SCENARIO, "--engine", "abacus"), ("abacus", "embedded")),
    "an unknown case": (plain("sweep", SCENARIO, "--case", "none"), ("no case 'none'", "update")),
    "a range of operations that is none": (plain("sweep", SCENARIO, "--operations", "x"), ("--operations", "first-last")),
    "a negative range of operations": (plain("sweep", SCENARIO, "--operations=-5-3"), ("--operations", "first-last")),
    "a range of operations that ends before it begins": (plain("sweep", SCENARIO, "--operations", "9-3"), ("ends before it begins",)),
    "a range of operations that no boot reaches": (plain("sweep", SCENARIO, "--operations", "900000-900001"), ("no operation lies in", "0 to")),
    "an unknown tear": (plain("sweep", SCENARIO, "--tears", "none,whole"), ("'whole'", "half-page, all, metastable, fractions")),
    "a tear that no chosen operation can have": (plain("sweep", SCENARIO, "--case", "forged", "--tears", "half-page"), ("--tears", "page erase")),
    "more cuts inside an operation than it has thousandths": (plain("sweep", SCENARIO, "--fractions", "501"), ("--fractions", "500")),
    "a moment without a unit": (plain("run", SCENARIO, "--case", "forged", "--cut-at", "12"), ("--cut-at", "12.345ms")),
    "a moment in no particular case": (plain("run", SCENARIO, "--cut-at", "1ms"), ("--cut-at", "--case", "update")),
    "a moment after the end": (plain("run", SCENARIO, "--case", "forged", "--cut-at", "99s"), ("--cut-at", "ends after")),
    "a moment in a case that writes nothing": (plain("run", SCENARIO, "--case", "tampered-application", "--cut-at", "1ms"), ("no flash operation",)),
    "no worker at all": (plain("sweep", SCENARIO, "--jobs", "0"), ("--jobs",)),
    "an unwritable JSONL file": (plain("sweep", SCENARIO, "--jsonl", "{folder}/none/out.jsonl"), ("--jsonl", "cannot write")),
    "an unwritable JUnit file": (plain("sweep", SCENARIO, "--junit", "{folder}/none/out.xml"), ("--junit", "cannot write")),
    "an unwritable output folder": (plain("build", SCENARIO, "--output", "/proc/none"), ("--output",)),
    "a replay id that is none": (plain("replay", "what"), ("replay id 'what'",)),
    "a replay id with an unknown option": (plain("replay", f"{SCENARIO}+colour=red:update:12some:1:000000000000"), ("colour",)),
    "a replay id of another build": (plain("replay", f"{SCENARIO}:update:12some:1:000000000000"), ("000000000000", "changed")),
    "an unknown command": (plain("swep"), ("swep",)),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_bad_input_is_one_clear_error(situation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2, the words name the fault, and there is no traceback."""
    arguments, words = SITUATIONS[situation]

    code = run_cli(arguments(tmp_path))

    output = capsys.readouterr()
    assert code == 2
    assert "Traceback" not in output.err
    assert output.out == ""
    for word in words:
        assert word in output.err, output.err


def test_an_unwritable_output_is_found_before_the_work(tmp_path: Path) -> None:
    """No sweep of minutes is lost to a wrong path: nothing is judged before the file is open."""
    code = run_cli(["sweep", SCENARIO, "--jsonl", str(tmp_path), "--app-kib", "4"])

    assert code == 2
