"""The unit tests of in-place updates, in C: log, scratch and rebuilding on a flash made of RAM, with sanitizers, for each chip's pages."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from harness.build.bugs import Edit, apply_edits
from harness.bundled import bundled_path
from tests.firmware.delta_images import write_delta_images
from tests.firmware.host_build import DELTA_LAYOUTS, HostCompiler, build_delta_units
from tests.firmware.test_host_units import run_units

_TEST = re.compile(r"^TEST\((\w+), ", re.MULTILINE)

UNITS = sorted(name for path in bundled_path("firmware").glob("tests/delta/test_*.c") for name in _TEST.findall(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def delta_units(host_compiler: HostCompiler, chip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program."""
    return build_delta_units(host_compiler, bundled_path("firmware"), tmp_path_factory.mktemp("delta-units"), chip)


@pytest.fixture(scope="session")
def delta_images(chip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the images and patches that the test program loads."""
    folder = tmp_path_factory.mktemp("delta-images")
    write_delta_images(folder, DELTA_LAYOUTS[chip])
    return folder


def test_every_unit_is_run(delta_units: Path) -> None:
    """The names found in the sources are the tests that the program has."""
    assert sorted(run_units(delta_units, "--list").stdout.split()) == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_unit(name: str, delta_units: Path, delta_images: Path) -> None:
    """A C unit test passes, and neither sanitizer complains."""
    result = run_units(delta_units, name, str(delta_images))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_digest() -> None:
    """The initial values in the sources are those that make SHA-512 to SHA-512/256 (FIPS 180-4 5.3.6)."""
    source = (bundled_path("firmware") / "delta/digest.c").read_text(encoding="utf-8")
    values = [int(word, 16) for word in re.findall(r"0x([0-9A-F]{16})u", source)]
    assert values[0] == 0x22312194FC2BF72C
    assert hashlib.new("sha512_256", b"").hexdigest().startswith("c672b8d1ef56ed28")


@pytest.mark.parametrize(
    ("edit", "unit"),
    [
        (Edit(file="delta/log.c", before="place.state == PLACE_CONFIRMED;", after="place.state >= PLACE_COUNTS;"), "log_survives_cuts"),
        (Edit(file="delta/place.c", before="ones == 0 ? PLACE_CONFIRMED : PLACE_COUNTS", after="PLACE_CONFIRMED"), "log_survives_cuts"),
        (
            Edit(
                file="delta/log.c",
                before="    if (log->failure != RESULT_OK || log->is_settled) {",
                after="    log->is_settled = true;\n    if (log->failure == RESULT_OK) {",
            ),
            "log_survives_cuts",
        ),
    ],
    ids=["settled-without-witness", "witness-half-read", "never-settled"],
)
def test_units_find_mistakes(edit: Edit, unit: str, host_compiler: HostCompiler, tmp_path: Path) -> None:
    """The units can fail: a log that relies on what may read otherwise in the next boot is found out."""
    firmware = Path(shutil.copytree(bundled_path("firmware"), tmp_path / "firmware"))
    apply_edits(firmware, [edit])
    write_delta_images(tmp_path, DELTA_LAYOUTS["stm32f103"])
    result = run_units(build_delta_units(host_compiler, firmware, tmp_path, "stm32f103"), unit, str(tmp_path))
    assert result.returncode == 1
    assert "expected" in result.stderr
