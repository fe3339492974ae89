"""From a scenario of the kind `own-bootloader` to everything a campaign needs: nothing is compiled, files are laid out."""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness import __version__
from harness.build.elf import ElfFile
from harness.build.flash_files import read_pieces
from harness.device import Device, Domain, NonVolatile, Timing, load_device
from harness.errors import InputError
from harness.scenario.model import scenario_path
from harness.scenario.own import CounterPlace, FlashFile, OwnCase, OwnScenario, load_own_scenario
from harness.scenario.prepared import (
    APPLICATION_DOMAIN,
    BEHAVIOUR_VERSION,
    BOOTLOADER_DOMAIN,
    InstalledImage,
    PreparedCase,
    PreparedScenario,
    Region,
)

_PICOSECONDS_PER_MS = 1_000_000_000


@dataclass(frozen=True)
class KnownImage:
    """One of the scenario's images: its bytes, and what a rule may ask about them."""

    content: bytes
    installed: InstalledImage


@dataclass(frozen=True)
class OwnFormat:
    """Answers the rules' questions by comparing bytes: an image is installed where the application region begins with it."""

    application: Region
    flash_address: int
    images: tuple[KnownImage, ...]
    counter_place: CounterPlace | None

    def installed_image(self, flash: bytes) -> InstalledImage | None:
        """Return the image that the application region begins with, None if it is none that the scenario names."""
        start = self.application.address - self.flash_address
        held = (image for image in self.images if flash.startswith(image.content, start))
        longest = max(held, key=lambda image: len(image.content), default=None)
        return None if longest is None else longest.installed

    @property
    def has_counter(self) -> bool:
        """Whether the scenario names a place for it."""
        return self.counter_place is not None

    def counter(self, flash: bytes) -> int:
        """Return the counter, 0 if the scenario names none."""
        if self.counter_place is None:
            return 0
        start = self.counter_place.address - self.flash_address
        content = flash[start : start + self.counter_place.bytes]
        return 0 if content == b"\xff" * len(content) else int.from_bytes(content, "little")

    def staged(self, flash: bytes) -> bool | None:
        """None: how a bootloader of somebody else's is asked for an update is not known."""
        del flash
        return None

    def refusal(self, flash: bytes) -> int | None:
        """None: where a bootloader of somebody else's records a refusal is not known."""
        del flash
        return None

    def is_out_of_key_places(self, flash: bytes) -> bool:
        """Never: nothing is known of its keys."""
        del flash
        return False

    def has_key_place(self, flash: bytes) -> bool:
        """Never: nothing is known of its keys."""
        del flash
        return False


def prepare_own(reference: str, timing: Timing, options: tuple[tuple[str, str], ...]) -> PreparedScenario:
    """Read and lay out what the scenario names.

    Args:
        reference: path of the scenario file. options: what differs from the defaults, for replay ids.

    Raises:
        InputError: the scenario or one of its files is at fault.
    """
    scenario = load_own_scenario(reference)
    return _Preparation(reference, scenario, load_device(scenario.device), timing, options).prepared()


class _Preparation:
    """One scenario's files, laid out on its part."""

    def __init__(self, reference: str, scenario: OwnScenario, device: Device, timing: Timing, options: tuple[tuple[str, str], ...]) -> None:
        self._reference = reference
        self._folder = scenario_path(reference).parent
        self._scenario = scenario
        self._device = device
        self._timing = timing
        self._options = options
        if scenario.part not in device.parts:
            parts = ", ".join(sorted(device.parts))
            raise InputError(f"{device.name} has no part {scenario.part!r}", source=reference, field="part", remedy=f"Parts: {parts}.")
        self._flash_bytes = device.parts[scenario.part].flash_bytes.value
        self._flash_address = device.flash.address.value
        self._regions = {name: Region(name, spec.address, spec.bytes) for name, spec in scenario.regions.items()}
        self._check_regions()
        self._images = {image.name: self._image(index) for index, image in enumerate(scenario.image)}

    def prepared(self) -> PreparedScenario:
        """Lay out every case and return the whole."""
        scenario = self._scenario
        cases = tuple(self._case(index, case) for index, case in enumerate(scenario.case))
        bootloader_elf = self._bootloader_elf()
        bootloader = self._regions[scenario.bootloader]
        application = self._regions[scenario.application]
        settles_after_ps = round((scenario.settles_after_ms or 0) * _PICOSECONDS_PER_MS)
        return PreparedScenario(
            reference=self._reference,
            options=self._options,
            title=scenario.title,
            device=self._device,
            part=scenario.part,
            regions=self._regions,
            domains=(
                Domain(BOOTLOADER_DOMAIN, bootloader.address, bootloader.size_bytes),
                Domain(APPLICATION_DOMAIN, application.address, application.size_bytes, settles_after_ps),
            ),
            protected=scenario.protected,
            limits=scenario.limits,
            format=OwnFormat(application, self._flash_address, tuple(self._images.values()), scenario.counter),
            cases=cases,
            bootloader_elf="" if bootloader_elf is None else str(bootloader_elf.path),
            application_elves={image.version: str(self._folder / image.elf) for image in scenario.image if image.elf is not None},
            bootloader_bytes=len(self._region_of(cases[0], bootloader).rstrip(b"\xff")),
            application_bytes=max(len(image.content) for image in self._images.values()),
            fingerprint=self._fingerprint(cases),
            timing=self._timing,
            verification=self._verification(bootloader_elf),
            recovery_end=scenario.recovery,
        )

    def _image(self, index: int) -> KnownImage:
        image = self._scenario.image[index]
        start = self._regions[self._scenario.application].address
        pieces = read_pieces(self._folder / image.file, None if image.file.lower().endswith((".elf", ".hex")) else start)
        address, content = pieces[0]
        if address != start or len(pieces) > 1 or len(content) > self._regions[self._scenario.application].size_bytes:
            place = f"begin at {start:#010x}, be in one piece and fit in the region {self._scenario.application}"
            raise InputError(f"the image must {place}", source=self._reference, field=f"image[{index}].file", remedy="Link it for that place.")
        if len(content) < image.vectors + 8:
            remedy = "Give the offset of the table in the file: the size of the header before it."
            raise InputError("the vector table lies behind the image", source=self._reference, field=f"image[{index}].vectors", remedy=remedy)
        (reset,) = struct.unpack_from("<I", content, image.vectors + 4)
        code = range(start, start + len(content))
        digest = hashlib.sha256(content).hexdigest()
        return KnownImage(content, InstalledImage(image.version, image.authentic, code, reset & ~1, None, digest))

    def _case(self, index: int, case: OwnCase) -> PreparedCase:
        flash = bytearray(b"\xff" * self._flash_bytes)
        option_bytes = bytearray(self._device.option_bytes.delivery_state.value)
        self._place(flash, option_bytes, "flash", self._scenario.flash)
        self._place(flash, option_bytes, f"case[{index}].flash", case.flash)
        installed = self._images[case.installed].installed
        staged = None if case.staged is None else self._images[case.staged].installed
        return PreparedCase(
            name=case.name,
            title=case.title,
            state=NonVolatile(bytes(flash), bytes(option_bytes)),
            end=case.end,
            cuts=case.cuts,
            installed_version=installed.version,
            installed_digest=installed.digest,
            staged_version=None if staged is None else staged.version,
            staged_digest=None if staged is None else staged.digest,
        )

    def _place(self, flash: bytearray, option_bytes: bytearray, field: str, files: Sequence[FlashFile]) -> None:
        """Write files over what the two arrays hold."""
        arrays = ((self._flash_address, flash), (self._device.option_bytes.address.value, option_bytes))
        for index, file in enumerate(files):
            for address, content in read_pieces(self._folder / file.file, self._start_of(file, f"{field}[{index}]")):
                array = next((array for start, array in arrays if start <= address and address + len(content) <= start + len(array)), None)
                if array is None:
                    end = address + len(content) - 1
                    problem = f"{address:#010x}..{end:#010x} of it is neither in the flash of part {self._scenario.part} nor in its option bytes"
                    raise InputError(problem, source=self._reference, field=f"{field}[{index}].file", remedy="Leave it out, or choose a larger part.")
                start = next(start for start, candidate in arrays if candidate is array)
                array[address - start : address - start + len(content)] = content

    def _start_of(self, file: FlashFile, field: str) -> int | None:
        if file.region is None:
            return file.address
        if file.region not in self._regions:
            raise InputError(f"no region {file.region!r}", source=self._reference, field=f"{field}.region", remedy=f"Regions: {', '.join(self._regions)}.")
        return self._regions[file.region].address

    def _check_regions(self) -> None:
        page_bytes = self._device.flash.page_bytes.value
        flash = range(self._flash_address, self._flash_address + self._flash_bytes + 1)
        for name, region in self._regions.items():
            if region.address % page_bytes or region.size_bytes % page_bytes:
                raise self._layout_error(name, f"does not consist of whole pages of {page_bytes} bytes")
            if region.addresses.start not in flash or region.addresses.stop not in flash:
                raise self._layout_error(name, f"leaves the flash of part {self._scenario.part}, {flash.start:#010x} to {flash.stop - 2:#010x}")
        for before, after in itertools.pairwise(sorted(self._regions.values(), key=lambda region: region.address)):
            if before.addresses.stop > after.address:
                raise self._layout_error(after.name, f"overlaps the region {before.name}")
        place = self._scenario.counter
        if place is not None and not (place.address in flash and place.address + place.bytes in flash):
            raise InputError("the counter is not in the flash", source=self._reference, field="counter.address", remedy="Correct its address.")

    def _layout_error(self, name: str, problem: str) -> InputError:
        return InputError(f"the region {problem}", source=self._reference, field=f"regions.{name}", remedy="Correct its address or bytes.")

    def _bootloader_elf(self) -> ElfFile | None:
        """Return the first ELF file that every case holds: its symbols name addresses in reports."""
        path = next((self._folder / file.file for file in self._scenario.flash if file.file.lower().endswith(".elf")), None)
        return None if path is None else ElfFile(path)

    def _verification(self, elf: ElfFile | None) -> int | None:
        if self._scenario.verification is None:
            return None
        if elf is None:
            raise InputError("a function needs an ELF file", source=self._reference, field="verification", remedy="Name the bootloader's ELF under [[flash]].")
        return elf.symbol(self._scenario.verification)

    def _region_of(self, case: PreparedCase, region: Region) -> bytes:
        start = region.address - self._flash_address
        return case.state.flash[start : start + region.size_bytes]

    def _fingerprint(self, cases: Iterable[PreparedCase]) -> str:
        hasher = hashlib.sha256(repr(self._device.model_dump()).encode())
        hasher.update(f"{self._scenario.model_dump_json(exclude={'title'})} {__version__} {BEHAVIOUR_VERSION}".encode())
        for image in self._images.values():
            hasher.update(image.installed.digest.encode())
        for case in cases:
            hasher.update(case.name.encode() + case.state.flash + case.state.option_bytes)
        return hasher.hexdigest()[:12]
