"""A scenario file as data, checked as it is read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.errors import InputError
from harness.toml_input import check_table, read_toml

_BUNDLED = Path(__file__).resolve().parent / "bundled"

Version = Annotated[int, Field(ge=1, lt=2**63)]


class Defect(StrEnum):
    """What is wrong with an image, on purpose."""

    NONE = "none"
    ALTERED_CODE = "altered-code"
    """One code byte changed after signing, the CRC made right again: only the signature tells."""
    CORRUPT_CODE = "corrupt-code"
    """One code bit flipped, nothing else touched."""
    FOREIGN_KEY = "foreign-key"
    """Signed with a key that the device does not trust; the header names that key."""
    WRONG_HARDWARE = "wrong-hardware"
    """Properly signed for another hardware revision."""
    OTHER_BUILD = "other-build"
    """Properly signed, other code under the same version."""
    OTHER_BASE = "other-base"
    """A properly signed patch, made for another build of the installed version. Patches only."""
    SWAPPED = "swapped"
    """The same, in the slot of an update that another patch began. Patches only."""
    OTHER_TARGET = "other-target"
    """A properly signed patch that makes another image than it names. Patches only."""
    OLD_KEY = "old-key"
    """Signed with production's key, by which a device that was given another one does not trust any more. Patches only."""
    WILD_RELOCATION = "wild-relocation"
    """A properly signed module with a relocation outside of it. Modules only."""
    FORGED_RELOCATION = "forged-relocation"
    """The same, altered after it was signed, its CRC made right again. Modules only."""


_OF_PATCHES = frozenset({Defect.OTHER_BASE, Defect.OTHER_TARGET, Defect.SWAPPED, Defect.OLD_KEY})
_OF_MODULES = frozenset({Defect.WILD_RELOCATION, Defect.FORGED_RELOCATION})


class ExpectedEnd(StrEnum):
    """Where every run of a case must end, cut or not."""

    NEW = "new"
    """The staged application runs."""
    OLD = "old"
    """The installed application runs; the staged image was refused."""
    RECOVERY = "recovery"
    """No application is ever started."""


class Cuts(StrEnum):
    """Which operations of a case are cut."""

    ALL = "all"
    METADATA = "metadata"
    """Only operations in the metadata region."""
    NONE = "none"
    """Clean run only."""


class PageFill(StrEnum):
    """How much of a metadata page is used when the case starts."""

    FRESH = "fresh"
    NEARLY_FULL = "nearly-full"
    FULL = "full"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SigningKey(StrEnum):
    """Which of the vendor's keys signs an image."""

    FIRST = "first"
    """The one that production writes."""
    SECOND = "second"
    """The one that a rotation gives to the device."""


class ImageSpec(_Strict):
    """An image of a case.

    Attributes:
        key: who signed it, where updates are patches. The device trusts the key of the installed application; a staged one whose key is
            another is made by a patch that brings this key. A module is verified with the key of the application.
    """

    version: Version
    defect: Defect = Defect.NONE
    key: SigningKey = SigningKey.FIRST


class ModuleEnd(StrEnum):
    """Which module every run of a case must end with, cut or not."""

    NEW = "new"
    """The staged one runs."""
    OLD = "old"
    """The installed one runs; what was staged was refused."""
    NONE = "none"
    """No module is ever run."""


class ModulePart(_Strict):
    """The modules of a case.

    Attributes:
        bank: which one holds the installed module.
        counter: the modules' counter at the start; by default the installed version.
        log_page: how much of the page of their log is used.
    """

    installed: ImageSpec | None = None
    staged: ImageSpec | None = None
    bank: Literal[0, 1] = 0
    counter: Annotated[int, Field(ge=0, lt=2**48)] | None = None
    log_page: PageFill = PageFill.FRESH
    end: ModuleEnd

    @model_validator(mode="after")
    def _has_what_is_to_run(self) -> Self:
        needed = {ModuleEnd.NEW: "staged", ModuleEnd.OLD: "installed"}.get(self.end)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f'module.end = "{self.end}" needs module.{needed}')
        for spec in (self.installed, self.staged):
            if spec is not None and spec.defect in _OF_PATCHES:
                raise ValueError(f'defect = "{spec.defect}" is one of patches: no module has it')
        return self


class DownloadSpec(_Strict):
    """A host that sends the staged image over the UART; the slot is empty at the start.

    Attributes:
        drop, repeat, reorder, corrupt: what happens to one block or answer, in percent. link_seed: draws to which.
        stops_after: the host falls silent after so many blocks. returns_after_s: and begins anew so many seconds later; None: never.
    """

    drop: Annotated[int, Field(ge=0, le=100)] = 0
    repeat: Annotated[int, Field(ge=0, le=100)] = 0
    reorder: Annotated[int, Field(ge=0, le=100)] = 0
    corrupt: Annotated[int, Field(ge=0, le=100)] = 0
    link_seed: int = 1
    stops_after: Annotated[int, Field(ge=1)] | None = None
    returns_after_s: Annotated[int, Field(ge=1, le=3600)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.drop + self.repeat + self.reorder + self.corrupt > 100:
            raise ValueError("drop, repeat, reorder and corrupt are more than 100 percent together")
        if self.returns_after_s is not None and self.stops_after is None:
            raise ValueError("returns_after_s needs stops_after")
        return self


class Case(_Strict):
    """One initial content of the flash, and the end that it must reach."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str = ""
    installed: ImageSpec
    staged: ImageSpec | None = None
    counter: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """The monotonic counter at the start; by default the installed version."""
    key_places: PageFill = PageFill.FRESH
    """How many of the places for keys were used up by cuts and earlier keys; only where updates are patches."""
    counter_page: PageFill = PageFill.FRESH
    journal_page: PageFill = PageFill.FRESH
    end: ExpectedEnd
    cuts: Cuts = Cuts.ALL
    module: ModulePart | None = None
    """The modules that the application finds; only in a profile with modules."""
    download: DownloadSpec | None = None
    """The staged image comes over the UART."""

    @model_validator(mode="after")
    def _staged_when_new(self) -> Self:
        if self.end is ExpectedEnd.NEW and self.staged is None:
            raise ValueError('end = "new" needs a staged image')
        if self.module is not None and self.module.staged is not None and self.staged is not None:
            raise ValueError("the slot holds an image or a module, not both")
        if self.download is not None and self.staged is None:
            raise ValueError("download needs a staged image, which the host sends")
        for spec in (self.installed, self.staged):
            if spec is not None and spec.defect in _OF_MODULES:
                raise ValueError(f'defect = "{spec.defect}" is one of modules: no application has it')
        return self


class Limits(_Strict):
    """Budgets that the rules hold a run to.

    Attributes:
        boots: boots within which an application must run.
        settling_boots: boots that a recovery may need.
        page_erases: erases of any one page during one recovery.
        cut_erases: page erases by which an update with a cut and its recovery may exceed an uninterrupted one; None: no budget.
        instructions: instruction budget of one boot.
        boot_ms: from reset until the application runs, in a boot that erases no page; None: no budget.
        recovery_ms: from power-on until the application runs, all boots of a run together; None: no budget.
        watchdog_margin_percent: part of the watchdog's period that must be left whenever it is fed; None: no budget.
    """

    boots: Annotated[int, Field(ge=1, le=100)] = 3
    settling_boots: Annotated[int, Field(ge=1, le=100)] = 1
    page_erases: Annotated[int, Field(ge=1, le=254)] = 1
    cut_erases: Annotated[int, Field(ge=0)] | None = None
    instructions: Annotated[int, Field(ge=1_000)] = 40_000_000
    boot_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    recovery_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    watchdog_margin_percent: Annotated[int, Field(ge=0, le=100)] | None = None


class RegionSpec(_Strict):
    """A region of the flash that replaces the profile's."""

    address: Annotated[int, Field(ge=0, lt=2**32)]
    bytes: Annotated[int, Field(gt=0, lt=2**32)]


class Scenario(_Strict):
    """A scenario file.

    Attributes:
        device: bundled device or path of a `device.toml`. profile: firmware profile.
        parts: members of the device family, smallest first.
        layout: regions that replace the profile's, by name.
        verification: function of the bootloader that checks a signature; its time is reported.
        app_kib: least size of the application's code.
    """

    name: str
    title: str = ""
    device: str
    profile: str
    parts: Annotated[tuple[str, ...], Field(min_length=1)]
    hardware_revision: Annotated[int, Field(ge=0, lt=2**32 - 1)] = 0
    limits: Limits = Limits()
    verification: str | None = None
    app_kib: Annotated[int, Field(ge=1)] = 1
    layout: dict[str, RegionSpec] = {}
    case: Annotated[tuple[Case, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _cases_have_different_names(self) -> Self:
        names = [case.name for case in self.case]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two cases have the name {twice[0]!r}")
        return self


def scenario_names() -> list[str]:
    """Return the names of the bundled scenarios."""
    return sorted(path.relative_to(_BUNDLED).with_suffix("").as_posix() for path in _BUNDLED.glob("*/*.toml"))


def load_scenario(reference: str) -> Scenario:
    """Load a scenario by bundled name or by path.

    Raises:
        InputError: there is no such scenario, it is of another kind, or its file is malformed.
    """
    path = scenario_path(reference)
    table = read_toml(path)
    if "kind" in table:
        remedy = "Give it to `harness run`, or to `harness sweep` with --depth closure."
        raise InputError(f"is a scenario of the kind {table['kind']!r}", source=str(path), field="kind", remedy=remedy)
    return check_table(table, Scenario, source=str(path))


def scenario_path(reference: str) -> Path:
    """Return the file of a scenario, given by bundled name or by path.

    Raises:
        InputError: there is no such scenario.
    """
    if reference in scenario_names():
        return _BUNDLED / f"{reference}.toml"
    path = Path(reference)
    if path.suffix == ".toml" and path.is_file():
        return path
    known = ", ".join(scenario_names())
    raise InputError("no such scenario", source=repr(reference), remedy=f"Give a bundled name ({known}) or the path of a .toml file.")
