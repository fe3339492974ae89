"""Packaging: what travels in the wheel, what the lock pins, and that the doors are documented."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(name="wheel", scope="module")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_carries_everything(wheel: Path) -> None:
    """Each file of the package, the firmware and the platforms is in the wheel, and so is the compiled core."""
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for folder, prefix in (("harness", "harness"), ("firmware", "harness/bundled_files/firmware"), ("platforms", "harness/bundled_files/platforms")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".so", ".dylib"):
                assert f"{prefix}/{path.relative_to(ROOT / folder).as_posix()}" in packed
    assert packed & {"harness/machine/_core.so", "harness/machine/_core.dylib"}


def test_wheel_is_tagged_for_the_platform(wheel: Path) -> None:
    """The wheel fits any Python 3 on this platform, and no other platform."""
    assert re.fullmatch(r"boot_harness-[\d.]+-py3-none-(?!any)\w+\.whl", wheel.name)


def locked_versions() -> dict[str, str]:
    """Return the version of each locked package."""
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)}


def test_lock_satisfies_every_requirement() -> None:
    """Each requirement of the project has a locked version inside its bounds."""
    project = PROJECT["project"]
    locked = locked_versions()
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["dev"], *extras["robot"], *PROJECT["build-system"]["requires"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), text


def test_every_requirement_has_a_lower_bound_and_a_reason() -> None:
    """Each requirement names the least version that will do, and a comment says what it is for."""
    lines = re.findall(r'^    "([a-z][\w-]*[<>=][^"]*)",(.*)$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    project = PROJECT["project"]
    assert [requirement for requirement, _ in lines] == [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    for requirement, comment in lines:
        assert re.search("(>=|==)", requirement), requirement
        assert re.match(r"\s+# \S", comment), requirement


def test_lock_pins_by_hash_and_names_no_host() -> None:
    """Each locked package has a hash, and no address of an index is in the lock."""
    entries = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK


def test_every_linter_exception_has_a_reason() -> None:
    """Each rule that ruff is told to ignore carries a comment that says why."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = PROJECT["tool"]["ruff"]["lint"]["ignore"] + [rule for rules in PROJECT["tool"]["ruff"]["lint"]["per-file-ignores"].values() for rule in rules]
    for rule in listed:
        assert re.search(rf'"{rule}", # \S', text), rule


def test_help_lists_every_target() -> None:
    """`make help` names each target of the Makefile, with what it does."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in phony.split():
        assert re.search(rf"make {target} +\S", shown), target
