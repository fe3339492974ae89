"""The host build of the bootloader's logic, made once for all tests that need it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bundled import bundled_path
from tests.firmware.host_build import LAYOUTS, HostCompiler, build_units, find_compiler
from tests.firmware.host_images import write_images


@pytest.fixture(scope="session")
def host_compiler() -> HostCompiler:
    """The compiler for this machine."""
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("neither a host C compiler with sanitizers nor the package ziglang is installed")
    return compiler


@pytest.fixture(scope="session", params=LAYOUTS)
def chip(request: pytest.FixtureRequest) -> str:
    """Each chip whose flash the tests are run on."""
    return str(request.param)


@pytest.fixture(scope="session")
def host_units(host_compiler: HostCompiler, chip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program."""
    return build_units(host_compiler, bundled_path("firmware"), tmp_path_factory.mktemp("units"), chip)


@pytest.fixture(scope="session")
def host_images(chip: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the images that the test program loads."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, LAYOUTS[chip])
    return folder
