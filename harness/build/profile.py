"""Profiles: which sources make up a bootloader and its application, and where they go in flash."""

from __future__ import annotations

import itertools
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from harness.bundled import bundled_path
from harness.device import Device, device_part
from harness.errors import InputError
from harness.toml_input import check_table, read_toml

_FILE_NAME = "profile.toml"


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError(f"{path!r} is not a path inside the folder")
    return path


InnerPath = Annotated[str, AfterValidator(_inside)]
"""A relative path, or glob, that stays inside its folder."""

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class Strict(BaseModel):
    """A frozen model that knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LayoutRegion(Strict):
    """A named range of the flash.

    Attributes:
        address: first byte. bytes: length.
    """

    address: Annotated[int, Field(ge=0, lt=2**32)]
    bytes: Annotated[int, Field(gt=0, lt=2**32)]

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.address + self.bytes


class ImageRecipe(Strict):
    """How one image is made. `{chip}` in a path stands for the device's name.

    Attributes:
        sources: globs below the firmware folder. include: folders below it where headers are.
        linker_script: passes through the C preprocessor with the same macros as the sources.
        libraries: sources inside each C library of `libraries.toml`.
        region: the region of the layout that holds the image.
        header_bytes: what the region starts with; the image is linked behind it.
        aliases: regions that its sources know by another name than the layout.
    """

    sources: Annotated[tuple[InnerPath, ...], Field(min_length=1)]
    include: tuple[InnerPath, ...] = ()
    linker_script: InnerPath
    libraries: dict[Word, tuple[InnerPath, ...]] = {}
    region: Word
    header_bytes: Annotated[int, Field(ge=0)] = 0
    aliases: dict[Word, Word] = {}


class ModuleRecipe(Strict):
    """How a module is made. The fields are those of an `ImageRecipe`; a module has no place in flash.

    Attributes:
        memory_bytes: RAM that the application sets apart for modules, compiled in as MODULE_MEMORY_BYTES.
    """

    sources: Annotated[tuple[InnerPath, ...], Field(min_length=1)]
    include: tuple[InnerPath, ...] = ()
    linker_script: InnerPath
    memory_bytes: Annotated[int, Field(gt=0, multiple_of=8)]


class Recipe(Strict):
    """Images that are made from firmware sources, and their places in flash.

    Attributes:
        layout: the regions, by part and name.
    """

    name: Name
    layout: Annotated[dict[Word, dict[Word, LayoutRegion]], Field(min_length=1)]
    _root: Path = PrivateAttr(default=Path())

    @property
    def root(self) -> Path:
        """The firmware folder that all paths are relative to."""
        return self._root

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        raise RuntimeError(f"a {type(self).__name__} must say where it was read from")

    @model_validator(mode="after")
    def _regions_fit(self) -> Self:
        recipes = {name: value for name, value in self if isinstance(value, ImageRecipe)}
        for part, regions in self.layout.items():
            for field, recipe in recipes.items():
                if recipe.region not in regions:
                    raise ValueError(f"layout.{part} lacks the region {recipe.region!r} that {field}.region names")
                for alias, name in recipe.aliases.items():
                    if name not in regions:
                        raise ValueError(f"layout.{part} lacks the region {name!r} that {field}.aliases.{alias} names")
                if recipe.header_bytes >= regions[recipe.region].bytes:
                    raise ValueError(f"{field}.header_bytes {recipe.header_bytes} fills the whole region {recipe.region!r} of layout.{part}")
            ordered = sorted(regions.items(), key=lambda item: item[1].address)
            for (name, region), (next_name, next_region) in itertools.pairwise(ordered):
                if region.end > next_region.address:
                    raise ValueError(f"layout.{part}.{name} (0x{region.address:08X}, {region.bytes} bytes) overlaps {next_name} (0x{next_region.address:08X})")
        return self


class Profile(Recipe):
    """A bootloader, its application and their places in flash.

    Attributes:
        module: what the application loads; None: it loads no modules.
        extends: the profile that everything which the file leaves out is taken from.
    """

    bootloader: ImageRecipe
    application: ImageRecipe
    module: ModuleRecipe | None = None
    extends: Name | None = None

    @property
    def base(self) -> str:
        """Name of the profile that says what its flash holds: the one that it extends, or its own."""
        return self.extends or self.name

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return _profile_path(self.root, self.name)


def profile_names(root: Path | None = None) -> list[str]:
    """Return the names of the profiles below the firmware folder `root`, by default the bundled one."""
    return sorted(path.parent.name for path in (root or bundled_path("firmware")).glob(f"profiles/*/{_FILE_NAME}"))


def load_profile(name: str, root: Path | None = None) -> Profile:
    """Load a profile by name.

    Args:
        root: the firmware folder, by default the bundled one.

    Raises:
        InputError: there is no such profile, or its file is malformed.
    """
    root = (root or bundled_path("firmware")).resolve()
    known = profile_names(root)
    if name not in known:
        raise InputError("no such profile", source=repr(name), remedy=f"Known profiles: {', '.join(known)}.")
    path = _profile_path(root, name)
    table = read_toml(path)
    if "extends" in table:
        if table["extends"] not in known:
            raise InputError("no such profile", source=str(path), field="extends", remedy=f"Known profiles: {', '.join(known)}.")
        table = {**read_toml(_profile_path(root, table["extends"])), **table}
    profile = check_table(table, Profile, source=str(path))
    if profile.name != name:
        raise InputError(f"{profile.name!r} is not the name of its folder", source=str(path), field="name", remedy=f"Write {name!r}.")
    profile._root = root  # noqa: SLF001 -- the file itself can't know where it lies
    return profile


def regions_on(profile: Recipe, device: Device, part: str) -> dict[str, LayoutRegion]:
    """Return the layout of a recipe for a part of a device, checked against its flash.

    Raises:
        InputError: the recipe has no layout for the part, or a region is not made of whole pages of its flash.
    """
    flash, flash_bytes = device.flash, device_part(device, part).flash_bytes.value
    if part not in profile.layout:
        raise InputError(f"no layout for part {part!r}", source=str(profile.path), field="layout", remedy=f"Known: {', '.join(profile.layout)}.")
    start, page_bytes = flash.address.value, flash.page_bytes.value
    for name, region in profile.layout[part].items():
        where = f"layout.{part}.{name}"
        if region.address < start or region.end > start + flash_bytes:
            raise InputError(
                f"0x{region.address:08X}..0x{region.end - 1:08X} is not inside the flash",
                source=str(profile.path),
                field=where,
                remedy=f"The flash of {device.name} {part} is 0x{start:08X}..0x{start + flash_bytes - 1:08X}.",
            )
        if region.address % page_bytes or region.bytes % page_bytes:
            raise InputError(
                f"0x{region.address:08X}, {region.bytes} bytes, is not made of whole pages",
                source=str(profile.path),
                field=where,
                remedy=f"Addresses and sizes must be multiples of {page_bytes} bytes.",
            )
    return profile.layout[part]


def _profile_path(root: Path, name: str) -> Path:
    return root / "profiles" / name / _FILE_NAME
