"""A scenario of somebody else's bootloader as data: files, a layout, and what counts as good. No format of ours is in it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.scenario.model import Cuts, ExpectedEnd, Limits, RegionSpec, Version, scenario_path
from harness.toml_input import load_toml, read_toml

KIND = "own-bootloader"

Address = Annotated[int, Field(ge=0, lt=2**32)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlashFile(_Strict):
    """A file that the device holds.

    Attributes:
        file: ELF, Intel HEX, or a plain binary; relative to the scenario file.
        address, region: where a plain binary starts; one of them.
    """

    file: str
    address: Address | None = None
    region: str | None = None

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.address is not None and self.region is not None:
            raise ValueError("a file has an address or a region, not both")
        return self


class OwnImage(_Strict):
    """An image that the application region may hold.

    Attributes:
        file: its bytes, header, code and signature, as the region begins with them once it is installed.
        vectors: offset of its vector table. elf: for function names in reports.
        authentic: whether the device may run it.
    """

    name: str
    version: Version
    file: str
    vectors: Annotated[int, Field(ge=0, multiple_of=4)] = 0
    elf: str | None = None
    authentic: bool = True


class CounterPlace(_Strict):
    """Where a version counter stands, little-endian; erased flash counts as 0."""

    address: Address
    bytes: Literal[1, 2, 4, 8] = 4


class OwnCase(_Strict):
    """One initial content of the flash, and the end that it must reach.

    Attributes:
        installed, staged: names of images. flash: files beside those that every case holds; a later one wins.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str = ""
    installed: str
    staged: str | None = None
    end: ExpectedEnd
    cuts: Cuts = Cuts.ALL
    flash: tuple[FlashFile, ...] = ()

    @model_validator(mode="after")
    def _staged_when_new(self) -> Self:
        if self.end is ExpectedEnd.NEW and self.staged is None:
            raise ValueError('end = "new" needs a staged image')
        return self


class OwnScenario(_Strict):
    """A scenario of the kind `own-bootloader`.

    Attributes:
        device: bundled device or path of a `device.toml`. part: member of its family.
        regions: the layout. bootloader, application: names of the regions that code may run in. protected: those that never change.
        settles_after_ms: the application counts as running once it has run for this long; None: once it is idle for good.
        recovery: what a bootloader does that starts nothing: it waits for input, or it halts.
        verification: function of the bootloader's ELF that checks a signature; its time is reported.
    """

    kind: Literal["own-bootloader"]
    name: str
    title: str = ""
    device: str
    part: str
    bootloader: str = "bootloader"
    application: str = "application"
    protected: tuple[str, ...] = ("bootloader",)
    settles_after_ms: Annotated[float, Field(gt=0, le=3_600_000, allow_inf_nan=False)] | None = None
    recovery: Literal["waiting", "sleeping"] = "waiting"
    verification: str | None = None
    limits: Limits = Limits()
    regions: Annotated[dict[str, RegionSpec], Field(min_length=1)]
    flash: Annotated[tuple[FlashFile, ...], Field(min_length=1)]
    image: Annotated[tuple[OwnImage, ...], Field(min_length=1)]
    counter: CounterPlace | None = None
    case: Annotated[tuple[OwnCase, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for field in ("image", "case"):
            names = [item.name for item in getattr(self, field)]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"two entries of {field} have the name {twice[0]!r}")
        images = {image.name for image in self.image}
        for name in (self.bootloader, self.application, *self.protected):
            if name not in self.regions:
                raise ValueError(f"there is no region {name!r}; regions: {', '.join(self.regions)}")
        for case in self.case:
            unknown = sorted({case.installed, case.staged or case.installed} - images)
            if unknown:
                raise ValueError(f"case {case.name!r}: there is no image {unknown[0]!r}; images: {', '.join(sorted(images))}")
            if case.cuts is Cuts.METADATA and "metadata" not in self.regions:
                raise ValueError(f'case {case.name!r}: cuts = "metadata" needs a region of that name')
        return self


def is_own_scenario(reference: str) -> bool:
    """Tell the kind of a scenario by its `kind` key.

    Raises:
        InputError: there is no such scenario, or its file is not TOML.
    """
    return read_toml(scenario_path(reference)).get("kind") == KIND


def load_own_scenario(reference: str) -> OwnScenario:
    """Load such a scenario by path.

    Raises:
        InputError: there is no such scenario, or its file is malformed.
    """
    return load_toml(scenario_path(reference), OwnScenario)
