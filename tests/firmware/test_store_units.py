"""The unit tests of the module store, in C: two banks and a log on a flash made of RAM, with sanitizers, for each chip's pages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from harness.build.bugs import Edit, apply_edits
from harness.bundled import bundled_path
from tests.firmware.host_build import STORE_LAYOUTS, HostCompiler, build_store_units
from tests.firmware.store_images import write_store_images
from tests.firmware.test_host_units import run_units

_TEST = re.compile(r"^TEST\((\w+), ", re.MULTILINE)

UNITS = sorted(name for path in bundled_path("firmware").glob("tests/store/test_*.c") for name in _TEST.findall(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def store_units(host_compiler: HostCompiler, chip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program."""
    return build_store_units(host_compiler, bundled_path("firmware"), tmp_path_factory.mktemp("store-units"), chip)


@pytest.fixture(scope="session")
def store_images(chip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the modules that the test program loads."""
    folder = tmp_path_factory.mktemp("store-images")
    write_store_images(folder, STORE_LAYOUTS[chip]["PAGE_BYTES"])
    return folder


def test_every_unit_is_run(store_units: Path) -> None:
    """The names found in the sources are the tests that the program has."""
    assert sorted(run_units(store_units, "--list").stdout.split()) == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_unit(name: str, store_units: Path, store_images: Path) -> None:
    """A C unit test passes, and neither sanitizer complains."""
    result = run_units(store_units, name, str(store_images))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


MISTAKES = {
    "a bank is taken as it verifies": (
        Edit(file="module/store.c", before="result == RESULT_OK && image.version == store->log.state.counter", after="result == RESULT_OK"),
        "store_runs_what_the_counter_names",
    ),
    "the wrong bank is written": (
        Edit(file="module/store.c", before="&why) == 0 ? 1 : 0;", after="&why) == 0 ? 0 : 1;"),
        "store_cuts",
    ),
    "complete before the last page": (
        Edit(file="module/store.c", before="page * LAYOUT_PAGE_BYTES < image_bytes;", after="(page + 1) * LAYOUT_PAGE_BYTES < image_bytes;"),
        "store_installs",
    ),
}


@pytest.mark.parametrize(("edit", "unit"), MISTAKES.values(), ids=MISTAKES)
def test_units_find_mistakes(edit: Edit, unit: str, host_compiler: HostCompiler, tmp_path: Path) -> None:
    """The units can fail: a store that relies on the wrong thing is found out."""
    firmware = Path(shutil.copytree(bundled_path("firmware"), tmp_path / "firmware"))
    apply_edits(firmware, [edit])
    write_store_images(tmp_path, STORE_LAYOUTS["stm32f103"]["PAGE_BYTES"])
    result = run_units(build_store_units(host_compiler, firmware, tmp_path, "stm32f103"), unit, str(tmp_path))
    assert result.returncode == 1
    assert "expected" in result.stderr
