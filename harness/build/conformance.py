"""Conformance programs: one a chip, made from a small recipe of its own."""

from __future__ import annotations

from pathlib import Path

from harness.build.firmware import Firmware, build_image
from harness.build.profile import ImageRecipe, Recipe
from harness.build.toolchain import Toolchain
from harness.bundled import bundled_path
from harness.device import Device
from harness.errors import InputError
from harness.toml_input import load_toml

_FILE_NAME = "conformance.toml"


class ConformanceRecipe(Recipe):
    """A program that shows the rules of a flash controller, and the pages that it may use."""

    program: ImageRecipe

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return _recipe_path(self.root, self.name)


def conformance_names(root: Path | None = None) -> list[str]:
    """Return the devices that have a conformance program, below the firmware folder `root`."""
    return sorted(path.parent.name for path in (root or bundled_path("firmware")).glob(f"conformance/*/{_FILE_NAME}"))


def load_conformance(device_name: str, root: Path | None = None) -> ConformanceRecipe:
    """Load the recipe of a device's conformance program.

    Args:
        root: the firmware folder, by default the bundled one.

    Raises:
        InputError: the device has none, or its file is malformed.
    """
    root = (root or bundled_path("firmware")).resolve()
    known = conformance_names(root)
    if device_name not in known:
        raise InputError("the device has no conformance program", source=repr(device_name), remedy=f"Devices with one: {', '.join(known)}.")
    path = _recipe_path(root, device_name)
    recipe = load_toml(path, ConformanceRecipe)
    if recipe.name != device_name:
        raise InputError(f"{recipe.name!r} is not the name of its folder", source=str(path), field="name", remedy=f"Write {device_name!r}.")
    recipe._root = root  # noqa: SLF001 -- the file itself can't know where it lies
    return recipe


def build_conformance(recipe: ConformanceRecipe, device: Device, part: str, toolchain: Toolchain) -> Firmware:
    """Compile and link a conformance program.

    Raises:
        InputError: layout or sources don't fit the part; the image is larger than its region.
        EngineError: the toolchain failed.
    """
    return build_image(recipe, "program", recipe.program, device, part, toolchain, recipe.root, {})


def _recipe_path(root: Path, name: str) -> Path:
    return root / "conformance" / name / _FILE_NAME
