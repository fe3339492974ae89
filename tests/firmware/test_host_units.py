"""The unit tests of `firmware/boot`, in C, run one by one: the same sources as on the chip, with sanitizers, flash made of RAM."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.build.bugs import apply_edits, load_bug
from harness.bundled import bundled_path
from tests.firmware.host_build import HostCompiler, build_units

_TEST = re.compile(r"^TEST\((\w+), ", re.MULTILINE)

UNITS = sorted(name for path in bundled_path("firmware").glob("tests/test_*.c") for name in _TEST.findall(path.read_text(encoding="utf-8")))


def run_units(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the test program; it uses no heap, so there are no leaks to look for."""
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300, env=environment, check=False)


def test_every_unit_is_run(host_units: Path) -> None:
    """The names found in the sources are the tests that the program has."""
    assert sorted(run_units(host_units, "--list").stdout.split()) == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_unit(name: str, host_units: Path, host_images: Path) -> None:
    """A C unit test passes, and neither sanitizer complains."""
    result = run_units(host_units, name, str(host_images))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_unknown_unit_fails(host_units: Path, host_images: Path) -> None:
    """The program can fail: a name that it does not know is an error, not a pass."""
    assert run_units(host_units, "no_such_test", str(host_images)).returncode == 2


def test_address_sanitizer(host_compiler: HostCompiler) -> None:
    """The units ran under AddressSanitizer; where only zig can compile them, that is said here."""
    if "address" not in host_compiler.sanitizers:
        pytest.skip(f"no host C compiler with AddressSanitizer: built by {host_compiler.command[-2]} with -fsanitize={host_compiler.sanitizers} only")


@pytest.mark.parametrize(
    ("bug", "unit"),
    [
        ("journal-before-page", "cuts_of_an_update"),
        ("counter-page-erased-in-place", "cuts_with_a_full_counter_page"),
        ("torn-place-reused", "journal_skips_torn_records"),
        ("metastable-witness-first", "counter_reads_now_so_now_so"),
    ],
)
def test_units_find_bugs(bug: str, unit: str, chip: str, host_compiler: HostCompiler, host_images: Path, tmp_path: Path) -> None:
    """The units can fail: with a seeded bug in the sources, the test that covers it does."""
    firmware = Path(shutil.copytree(bundled_path("firmware"), tmp_path / "firmware"))
    apply_edits(firmware, load_bug(bug).edits)
    result = run_units(build_units(host_compiler, firmware, tmp_path, chip), unit, str(host_images))
    assert result.returncode == 1
    assert "expected" in result.stderr
