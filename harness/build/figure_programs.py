"""Measuring programs: small firmware whose boots show documented figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.build.firmware import Firmware, build_image
from harness.build.profile import ImageRecipe, Recipe, Word
from harness.build.toolchain import Toolchain
from harness.bundled import bundled_path
from harness.device import Device
from harness.errors import InputError
from harness.toml_input import load_toml

_FILE = "figures/figures.toml"


class FigurePrograms(Recipe):
    """The measuring programs and the regions that they share."""

    programs: Annotated[dict[Word, ImageRecipe], Field(min_length=1)]

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return self.root / _FILE


def load_figure_programs(root: Path | None = None) -> FigurePrograms:
    """Load the recipe of the measuring programs.

    Args:
        root: the firmware folder, by default the bundled one.

    Raises:
        InputError: the file is malformed.
    """
    root = (root or bundled_path("firmware")).resolve()
    recipe = load_toml(root / _FILE, FigurePrograms)
    recipe._root = root  # noqa: SLF001 -- the file itself can't know where it lies
    return recipe


def build_figure_program(recipe: FigurePrograms, name: str, device: Device, part: str, toolchain: Toolchain) -> Firmware:
    """Compile and link one measuring program.

    Raises:
        InputError: there is no such program, or it does not fit.
        EngineError: a library can't be fetched, or the toolchain failed.
    """
    if name not in recipe.programs:
        raise InputError(f"no measuring program {name!r}", source=str(recipe.path), field="programs", remedy=f"Known: {', '.join(recipe.programs)}.")
    return build_image(recipe, f"programs.{name}", recipe.programs[name], device, part, toolchain, recipe.root, {})
