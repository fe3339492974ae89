"""The pytest plugin, used from a project of its own in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cli import run_cli
from harness.errors import ExitCode

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
HEAD = "import pytest\n\n"


def run_project(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    """Run a test module in a fresh folder, as a user's project would."""
    pytester.makepyfile(HEAD + source)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=300)


def test_the_example_of_the_documentation_passes(pytester: pytest.Pytester) -> None:
    """The first block of docs/pytest.md, as it stands there, but for a smaller sample."""
    (example, *_) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/pytest.md").read_text(encoding="utf-8"), re.DOTALL)
    pytester.makepyfile(example.replace("sample=20", "sample=2"))

    result = pytester.runpytest_subprocess("-v", timeout=300)

    result.assert_outcomes(passed=2 + 8 + 8 + 1)
    result.stdout.fnmatch_lines(["*test_an_update_survives_a_power_cut?update-0none?*PASSED*", "*test_a_hostile_image_is_refused?downgrade-0some?*PASSED*"])


def test_a_failure_shows_what_replays_it(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    """Replay id, UART log and flash difference are in the report, the id is in the JUnit file too, and the command takes it back."""
    source = """
@pytest.mark.power_cuts("stm32f103/speck-full", "forged", sample=2, tears="some", bug="signature-ignored")
def test_it(power_cut):
    power_cut.should_hold()
"""
    result = run_project(pytester, source, "--junit-xml=report.xml")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*AssertionError: *Replay: harness replay '*'", "*- power cut -*", "harness replay '*", "*power cut*at *operation *", "*uart | *"]
    )
    shown = re.search(r"harness replay '([^']+)'", result.stdout.str())
    assert shown is not None
    assert f'name="replay_id" value="{shown[1]}"' in (pytester.path / "report.xml").read_text()
    assert run_cli(["replay", shown[1]]) == ExitCode.VIOLATION
    capsys.readouterr()


def test_a_failed_test_without_the_marker_shows_its_last_run(pytester: pytest.Pytester) -> None:
    """A device that the test made itself is told of too; one that passes says nothing."""
    source = """
from harness.fault.faults import Fault, Tear

def test_it(boot_harness):
    device = boot_harness("stm32f103/speck-full", "forged")
    assert device.run().outcome == "old_version"
    assert device.cut(Fault(0, 1, Tear.SOME), Fault(0, 0, Tear.ALL)).outcome == "new_version"

def test_that(boot_harness):
    assert boot_harness("stm32f103/speck-full", "forged").run().outcome == "old_version"
"""
    result = run_project(pytester, source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["harness replay 'stm32f103/speck-full:forged:1some/0all:1:*"])
    assert result.stdout.str().count("- power cut -") == 1


WRONG = {
    "no such scenario": ('@pytest.mark.power_cuts("nowhere")\ndef test_it(power_cut): pass', "*test_it: 'nowhere': no such scenario*"),
    "no such case": ('@pytest.mark.power_cuts("stm32f103/speck-full", "nowhere")\ndef test_it(power_cut): pass', "*no case 'nowhere'*"),
    "no such tear": ('@pytest.mark.power_cuts("stm32f103/speck-full", tears="odd")\ndef test_it(power_cut): pass', "*'odd' is not a tear*"),
    "no such argument": ('@pytest.mark.power_cuts("stm32f103/speck-full", speed=3)\ndef test_it(power_cut): pass', "*unexpected keyword argument 'speed'*"),
    "the fixture is not taken": ('@pytest.mark.power_cuts("stm32f103/speck-full")\ndef test_it(): pass', "*does not take the fixture `power_cut`*"),
    "the marker is missing": ("def test_it(power_cut): pass", "*needs the marker `power_cuts`*"),
}


def test_mistakes_are_told_without_a_traceback(pytester: pytest.Pytester) -> None:
    """What is wrong and what to do, as an error of collection or of the fixture."""
    modules = {f"test_{name.replace(' ', '_')}": HEAD + source for name, (source, _) in WRONG.items()}
    pytester.makepyfile(**modules)

    result = pytester.runpytest_subprocess("--continue-on-collection-errors", timeout=300)

    result.assert_outcomes(errors=len(WRONG))
    for _, told in WRONG.values():
        result.stdout.fnmatch_lines_random([told])
    assert "Traceback" not in result.stdout.str()


def test_an_engine_that_is_not_usable_is_an_error(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a pass and never a silent skip."""
    monkeypatch.setenv("QEMU_PATH", "/nowhere/qemu")
    source = '@pytest.mark.power_cuts("nrf51822/speck-full", sample=2)\ndef test_it(power_cut): pass'
    result = run_project(pytester, source, "--harness-engine", "qemu")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*QEMU_PATH: '/nowhere/qemu' is not a program*"])


def test_nothing_is_loaded_until_a_test_asks(pytester: pytest.Pytester) -> None:
    """A project that only has the harness installed pays for one small module."""
    result = run_project(pytester, "import sys\n\ndef test_it():\n    assert not [name for name in sys.modules if name.startswith('harness.machine')]")
    result.assert_outcomes(passed=1)
