"""From a scenario file to everything a campaign needs: firmware built, images signed, flash laid out."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from harness import __version__
from harness.build.bugs import SeededBug, load_bug
from harness.build.elf import ElfFile
from harness.build.firmware import Firmware, build_application, build_bootloader
from harness.build.profile import LayoutRegion, Profile, load_profile
from harness.build.toolchain import Toolchain, choose_toolchain
from harness.device import Device, Domain, NonVolatile, Timing, load_device
from harness.errors import InputError
from harness.image.identity import KEY_PLACES, PLACE_BYTES, PLACES_OFFSET
from harness.image.spk import HEADER_BYTES
from harness.image.verify import Placement, image_in_region
from harness.scenario.download.host import Download
from harness.scenario.download.link import LinkFaults
from harness.scenario.model import Case, DownloadSpec, PageFill, Scenario, SigningKey, load_scenario
from harness.scenario.module_prepare import ModulePreparation
from harness.scenario.own import is_own_scenario
from harness.scenario.own_prepare import prepare_own
from harness.scenario.pool_bookkeeping import TwoBookkeepings
from harness.scenario.prepared import APPLICATION_DOMAIN, BEHAVIOUR_VERSION, BOOTLOADER_DOMAIN, Bookkeeping, PreparedCase, PreparedScenario, Region
from harness.scenario.profiles import FlashProfile, flash_profile
from harness.scenario.speck import (
    ApplicationCode,
    SpeckFormat,
    build_flash,
    build_identity_page,
    build_image,
    standing_of,
)

_REGIONS = ("bootloader", "identity", "application", "slot", "metadata")
_PROTECTED = ("bootloader", "identity")


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """What a user may change about a scenario's build.

    Attributes:
        app_kib: size of the application's code. part: None takes the smallest that fits. bug: name of a seeded bug.
        timing: which of the data sheet's durations flash operations take.
    """

    app_kib: int = 4
    part: str | None = None
    toolchain: str = "zig"
    bug: str | None = None
    timing: Timing = Timing.TYPICAL

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return what differs from the defaults, for a replay id."""
        default = PrepareOptions()
        named = (("app-kib", "app_kib"), ("bug", "bug"), ("part", "part"), ("timing", "timing"), ("toolchain", "toolchain"))
        return tuple((name, str(getattr(self, field))) for name, field in named if getattr(self, field) != getattr(default, field))

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]], *, source: str) -> Self:
        """Read back what `pairs` returned.

        Raises:
            InputError: an option is unknown or has a bad value; `source` says where it was written.
        """
        known = {"app-kib": "app_kib", "bug": "bug", "part": "part", "timing": "timing", "toolchain": "toolchain"}
        values: dict[str, str | int] = {}
        for name, value in pairs:
            if name not in known:
                raise InputError(f"unknown option {name!r}", source=source, remedy=f"Known: {', '.join(known)}.")
            if name == "app-kib" and not (value.isdecimal() and int(value) > 0):
                raise InputError(f"{value!r} is not a size in KiB", source=source, field=name, remedy="Give a number above 0.")
            if name == "timing" and value not in list(Timing):
                raise InputError(f"{value!r} is no timing", source=source, field=name, remedy=f"Known: {', '.join(Timing)}.")
            values[known[name]] = int(value) if name == "app-kib" else value
        timing = Timing(str(values.pop("timing", Timing.TYPICAL)))
        return cls(**values, timing=timing)  # type: ignore[arg-type]


def prepare(reference: str, options: PrepareOptions) -> PreparedScenario:
    """Build a scenario.

    Args:
        reference: bundled name, or path of a .toml file.

    Raises:
        InputError: the scenario, an option or the environment is at fault.
    """
    if is_own_scenario(reference):
        return prepare_own(reference, options.timing, _options_of_own(options))
    scenario = load_scenario(reference)
    device = load_device(scenario.device)
    profile = load_profile(scenario.profile)
    toolchain = choose_toolchain(options.toolchain)
    bug = load_bug(options.bug) if options.bug else None
    if bug is not None and not bug.exists_on(device.name):
        raise InputError(f"{device.name} can't have it", source="--bug", field=bug.name, remedy=f"It is a mistake on {', '.join(bug.chips)} only.")
    if bug is not None and bug.profile != profile.name:
        raise InputError(f"profile {profile.name} can't have it", source="--bug", field=bug.name, remedy=f"It is a mistake in profile {bug.profile}.")
    part, profile = _choose_part(reference, scenario, device, profile, options)
    return _Preparation(reference, options, scenario, device, profile, part, toolchain, bug).prepared()


def _options_of_own(options: PrepareOptions) -> tuple[tuple[str, str], ...]:
    """Return the options that differ from the defaults; only the timing means something where nothing is compiled."""
    for name, _ in options.pairs():
        if name != "timing":
            raise InputError("a scenario of an own bootloader compiles nothing", source=f"--{name}", remedy="Leave the option out.")
    return options.pairs()


class _Preparation:
    """One build of a scenario on one part."""

    def __init__(
        self,
        reference: str,
        options: PrepareOptions,
        scenario: Scenario,
        device: Device,
        profile: Profile,
        part: str,
        toolchain: Toolchain,
        bug: SeededBug | None,
    ) -> None:
        self._reference = reference
        self._options = options
        self._scenario = scenario
        self._device = device
        self._profile = profile
        self._part = part
        self._toolchain = toolchain
        self._regions = _regions(profile, part)
        self._flash_profile: FlashProfile = flash_profile(profile.base, device.flash.page_bytes.value)
        edits = {bug.image: bug.edits_on(device.name)} if bug else {}
        self._bootloader = build_bootloader(profile, device, part, toolchain, edits.get("bootloader", ()))
        self._application_edits = edits.get("application", ())
        self._applications: dict[int, Firmware] = {}
        self._modules = self._module_preparation()

    def prepared(self) -> PreparedScenario:
        """Build every case and return the whole."""
        cases = tuple(self._case(case) for case in self._scenario.case)
        return PreparedScenario(
            reference=self._reference,
            options=self._options.pairs(),
            title=self._scenario.title,
            device=self._device,
            part=self._part,
            regions=self._regions,
            domains=self._domains(),
            protected=_PROTECTED,
            limits=self._scenario.limits,
            format=self._format(),
            cases=cases,
            bootloader_elf=str(self._bootloader.elf_path),
            application_elves={version: str(firmware.elf_path) for version, firmware in self._applications.items()},
            bootloader_bytes=len(self._bootloader.binary),
            application_bytes=max(len(self._application(version).code) for version in self._applications),
            fingerprint=self._fingerprint(cases),
            timing=self._options.timing,
            verification=self._verification(),
            records=("metadata",),
            bookkeeping=self._bookkeeping(),
            modules=None if self._modules is None else self._modules.format,
            key_places=self._key_places(),
        )

    def _bookkeeping(self) -> Bookkeeping | None:
        of_bootloader = self._flash_profile.bookkeeping(self._regions, self._device.flash.address.value)
        return of_bootloader if self._modules is None or of_bootloader is None else TwoBookkeepings(of_bootloader, self._modules.bookkeeping)

    def _key_places(self) -> range:
        start = self._regions["identity"].address + PLACES_OFFSET
        return range(start, start + KEY_PLACES * PLACE_BYTES) if self._flash_profile.rotates_keys else range(0)

    def _domains(self) -> tuple[Domain, ...]:
        of_flash = (self._regions[name] for name in (BOOTLOADER_DOMAIN, APPLICATION_DOMAIN))
        domains = tuple(Domain(region.name, region.address, region.size_bytes) for region in of_flash)
        return domains if self._modules is None else (*domains, self._modules.domain)

    def _module_preparation(self) -> ModulePreparation | None:
        """Return who builds the modules, None where the application loads none."""
        if self._profile.module is None:
            for index, case in enumerate(self._scenario.case):
                if case.module is not None:
                    problem = f"the application of profile {self._profile.name} loads no modules"
                    raise InputError(problem, source=self._reference, field=f"case[{index}].module", remedy="Name a profile that does, such as speck-module.")
            return None
        application = self._built_application(self._scenario.case[0].installed.version)
        revision = self._scenario.hardware_revision
        return ModulePreparation(self._profile, self._device, self._toolchain, self._regions, revision, application.elf_path)

    def _format(self) -> SpeckFormat:
        application = self._regions["application"]
        placement = Placement(application.address, application.size_bytes, self._device.ram_address.value, self._device.parts[self._part].ram_bytes.value)
        flash_address = self._device.flash.address.value
        return SpeckFormat(self._regions, flash_address, self._scenario.hardware_revision, placement, self._flash_profile)

    def _verification(self) -> int | None:
        name = self._scenario.verification
        elf = ElfFile(self._bootloader.elf_path)
        if name is None or (self._options.bug is not None and name not in elf.symbols):
            return None  # a seeded bug may be that nothing calls it
        return elf.symbol(name)

    def _built_application(self, version: int) -> Firmware:
        if version not in self._applications:
            self._applications[version] = build_application(self._profile, self._device, self._part, self._toolchain, version, self._application_edits)
        return self._applications[version]

    def _application(self, version: int) -> ApplicationCode:
        firmware = self._built_application(version)
        code = ApplicationCode(firmware.binary, firmware.entry - firmware.address)
        return code.padded(max(self._options.app_kib, self._scenario.app_kib) * 1024, f"padding of version {version}")

    def _check_keys(self, case: Case) -> None:
        """Refuse a case with keys that the profile has no place for."""
        specs = (case.installed, *([case.staged] if case.staged else []))
        if not self._flash_profile.rotates_keys and (case.key_places is not PageFill.FRESH or any(spec.key is not SigningKey.FIRST for spec in specs)):
            problem = f"the bootloader of profile {self._profile.name} knows production's key alone"
            raise InputError(problem, source=self._reference, field=f"case {case.name!r}", remedy="Leave key and key_places out, or name profile speck-delta.")

    def _case(self, case: Case) -> PreparedCase:
        self._check_keys(case)
        page_bytes = self._device.flash.page_bytes.value
        revision = self._scenario.hardware_revision
        installed = build_image(case.installed, self._application(case.installed.version), revision)
        contents = {
            "bootloader": self._bootloader.binary,
            "identity": build_identity_page(case, revision, page_bytes),
            "application": installed,
        }
        staged = None
        if case.staged is not None:
            staged = build_image(case.staged, self._application(case.staged.version), revision)
            self._check_fits("application", staged)
            contents["slot"] = self._flash_profile.slot(case, installed, staged, revision)
        peer = None
        before = case
        if case.staged is not None and case.download is not None:
            peer = download_of(case.download, case.staged.version, contents["slot"])
            contents["slot"] = _left_in_slot(self._regions["slot"].size_bytes)
            before = case.model_copy(update={"staged": None})
        contents["metadata"] = self._flash_profile.metadata(before, self._regions["metadata"], len(contents.get("slot", b"")))
        for name in ("application", "slot"):
            self._check_fits(name, contents.get(name, b""))
        module = None
        if self._modules is not None and case.module is not None:
            contents |= self._modules.contents(case.module)
            module = self._modules.prepared(case.module, case.installed)
        flash_bytes = self._device.parts[self._part].flash_bytes.value
        flash = build_flash(self._regions, contents, self._device.flash.address.value, flash_bytes)
        return PreparedCase(
            name=case.name,
            title=case.title,
            state=NonVolatile(flash, self._device.option_bytes.delivery_state.value),
            end=case.end,
            cuts=case.cuts,
            installed_version=case.installed.version,
            installed_digest=_digest(installed),
            staged_version=case.staged.version if case.staged else None,
            staged_digest=_digest(staged) if staged else None,
            refusal=self._refusal(contents) if staged and not peer else None,
            peer=peer,
            module=module,
            rotates_key=case.staged is not None and case.staged.key is not case.installed.key,
        )

    def _refusal(self, contents: dict[str, bytes]) -> int | None:
        """Return the reason that the device must record, None where what is staged is installed."""
        standing = standing_of(self._flash_profile, contents["metadata"], contents["identity"])
        return self._flash_profile.judge(contents["slot"], contents["application"], standing, self._scenario.hardware_revision, self._format().placement)

    def _check_fits(self, name: str, image: bytes) -> None:
        size = self._regions[name].size_bytes
        if len(image) > size:
            raise _too_large(len(image), size, self._part)

    def _fingerprint(self, cases: Iterable[PreparedCase]) -> str:
        hasher = hashlib.sha256(repr(self._device.model_dump()).encode())
        hasher.update(f"{self._part} {sorted(self._regions.items())!r} {self._scenario.limits.model_dump_json()}".encode())
        hasher.update(f"{__version__} {BEHAVIOUR_VERSION}".encode())
        for case in cases:
            hasher.update(f"{case.name} {case.end} {case.cuts}".encode() + case.state.flash + case.state.option_bytes)
            hasher.update(case.peer.identity if case.peer else b"")
        return hasher.hexdigest()[:12]


def _left_in_slot(size_bytes: int) -> bytes:
    """Return what earlier downloads left in the slot: a page that is not erased before it is written shows."""
    return random.Random("slot").randbytes(size_bytes)


def download_of(spec: DownloadSpec, version: int, content: bytes) -> Download:
    """Return the host that a case asks for, with what it sends."""
    faults = LinkFaults(spec.drop, spec.repeat, spec.reorder, spec.corrupt, spec.link_seed)
    return Download(version, content, faults, spec.stops_after, spec.returns_after_s)


def _digest(image: bytes) -> str:
    read = image_in_region(image)
    return hashlib.sha256(image).hexdigest() if read is None else read.digest


def _regions(profile: Profile, part: str) -> dict[str, Region]:
    return {name: Region(name, region.address, region.bytes) for name, region in profile.layout[part].items()}


def _choose_part(reference: str, scenario: Scenario, device: Device, profile: Profile, options: PrepareOptions) -> tuple[str, Profile]:
    """Return the smallest part that the application fits, or the one asked for, and the profile with the layout that it will have."""
    for part in scenario.parts:
        if part not in device.parts or part not in profile.layout:
            known = ", ".join(sorted(set(device.parts) & set(profile.layout)))
            raise InputError(f"{device.name} has no part {part!r}", source=reference, field="parts", remedy=f"Parts: {known}.")
    if options.part is not None and options.part not in scenario.parts:
        raise InputError(f"no part {options.part!r}", source="--part", remedy=f"Choose one of: {', '.join(scenario.parts)}.")
    needed = HEADER_BYTES + max(options.app_kib, scenario.app_kib) * 1024
    parts = scenario.parts if options.part is None else (options.part,)
    for part in parts:
        laid_out = _with_layout(reference, scenario, device, profile, part)
        capacity = min(laid_out.layout[part][name].bytes for name in flash_profile(profile.base, device.flash.page_bytes.value).image_regions)
        if needed <= capacity:
            return part, laid_out
    raise _too_large(needed, capacity, part)


def _too_large(image_bytes: int, region_bytes: int, part: str) -> InputError:
    return InputError(
        f"the image has {image_bytes} bytes, the application and slot regions of part {part} hold {region_bytes}",
        source="--app-kib",
        remedy=f"Give at most {(region_bytes - HEADER_BYTES) // 1024}, or choose another --part.",
    )


def _with_layout(reference: str, scenario: Scenario, device: Device, profile: Profile, part: str) -> Profile:
    """Return the profile with the scenario's regions in place of its own, checked."""
    unknown = sorted(set(scenario.layout) - set(_REGIONS))
    if unknown:
        raise InputError("unknown region", source=reference, field=f"layout.{unknown[0]}", remedy=f"Regions: {', '.join(_REGIONS)}.")
    if scenario.layout:
        replaced = {name: LayoutRegion(address=region.address, bytes=region.bytes) for name, region in scenario.layout.items()}
        layout = {**profile.layout, part: {**profile.layout[part], **replaced}}
        # Not validated again by the profile: its errors would name the profile's file, and the fault is in the scenario's.
        profile = profile.model_copy(update={"layout": layout})
    _check_layout(reference, _regions(profile, part), device, part, flash_profile(profile.base, device.flash.page_bytes.value))
    return profile


def _check_layout(reference: str, regions: dict[str, Region], device: Device, part: str, profile: FlashProfile) -> None:
    page_bytes = device.flash.page_bytes.value
    start = device.flash.address.value
    end = start + device.parts[part].flash_bytes.value
    for name, region in regions.items():
        if region.address % page_bytes or region.size_bytes % page_bytes:
            raise _layout_error(reference, name, f"does not consist of whole pages of {page_bytes} bytes")
        if region.address < start or region.address + region.size_bytes > end:
            raise _layout_error(reference, name, f"leaves the flash of part {part}, {start:#010x} to {end - 1:#010x}")
    problem = profile.problem_of(regions)
    if problem is not None:
        raise _layout_error(reference, *problem)
    ordered = [regions[name] for name in _REGIONS]
    for before, after in itertools.pairwise(ordered):
        if before.address + before.size_bytes > after.address:
            raise _layout_error(reference, after.name, f"overlaps the region {before.name}, or lies before it: the order is {', '.join(_REGIONS)}")


def _layout_error(reference: str, name: str, problem: str) -> InputError:
    return InputError(f"the region {problem}", source=reference, field=f"layout.{name}", remedy="Correct its address or bytes.")
