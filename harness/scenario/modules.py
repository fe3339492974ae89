"""Modules on flash: what a case's banks, slot and log hold, and how a rule's questions about modules are answered from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from harness.image.defects import alter_code, corrupt_code
from harness.image.keys import PublicKey
from harness.image.log import LogState, Stage, delivery_pool
from harness.image.module import Module, reseal_module, sign_module, verify_module
from harness.image.pool import read_pool
from harness.image.refusal import ImageRefused
from harness.image.spk import HEADER_BYTES, SpkImage
from harness.image.verify import image_in_region
from harness.scenario.model import Defect, ImageSpec, ModulePart, PageFill
from harness.scenario.prepared import InstalledModule, Region
from harness.scenario.speck import FOREIGN_KEY, NO_KEY, key_of

STORE_REGION = "modules"
LOG_REGION = "module_log"
BANKS = 2
_OUTSIDE = 0x4000_0000
"""Offset of a relocation whose word lies neither in flash nor in RAM, wherever the module does."""
_PLACES_LEFT = 2
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class ModuleHost:
    """The application that loads modules: its version, and the key that signed it, which it verifies them with."""

    version: int
    signer: PublicKey


@dataclass(frozen=True)
class StoredModules:
    """Answers the rules' questions about modules (SPEC, "Module store").

    Attributes:
        memory: addresses of the RAM that modules run in.
    """

    regions: dict[str, Region]
    flash_address: int
    page_bytes: int
    hardware_revision: int
    memory: range
    _known: dict[bytes, InstalledModule | None] = field(default_factory=dict, repr=False, compare=False)
    _banks: dict[bytes, tuple[str | None, ...]] = field(default_factory=dict, repr=False, compare=False)

    def counter(self, flash: bytes) -> int:
        """Return the modules' own monotonic counter."""
        return self._log(flash).counter

    def refusal(self, flash: bytes) -> int:
        """Return the reason that the log tells for refusing the last staged module, 0 if it was installed."""
        return self._log(flash).closed

    def installed(self, flash: bytes) -> InstalledModule | None:
        """Return the module that a loader may run: it verifies, and has the version that the counter names."""
        store, counter, host = self._content(flash, STORE_REGION), self.counter(flash), self._host(flash)
        key = hashlib.sha256(f"{counter} {host.version} ".encode() + host.signer.raw + store).digest()
        if key not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[key] = self._find(store, counter, host)
        return self._known[key]

    def bank_digests(self, flash: bytes) -> tuple[str | None, ...]:
        """Return, for each bank, the digest of the module in it; None where none verifies, whatever its version."""
        store, host = self._content(flash, STORE_REGION), self._host(flash)
        key = hashlib.sha256(f"banks {host.version} ".encode() + host.signer.raw + store).digest()
        if key not in self._banks:
            if len(self._banks) > _REMEMBERED:
                self._banks.clear()
            self._banks[key] = tuple(self._digest(store[start : start + len(store) // BANKS], host) for start in range(0, len(store), len(store) // BANKS))
        return self._banks[key]

    def _digest(self, bank: bytes, host: ModuleHost) -> str | None:
        image = image_in_region(bank)
        return None if image is None or self._judge(image, host) is None else image.digest

    def _find(self, store: bytes, counter: int, host: ModuleHost) -> InstalledModule | None:
        bank_bytes = len(store) // BANKS
        for start in range(0, len(store), bank_bytes):
            image = image_in_region(store[start : start + bank_bytes])
            if image is not None and image.header.version == counter:
                found = self._judge(image, host)
                if found is not None:
                    return found
        return None

    def _judge(self, image: SpkImage, host: ModuleHost) -> InstalledModule | None:
        try:
            module = verify_module(
                image.to_bytes(),
                host.signer,
                hardware_revision=self.hardware_revision,
                memory_bytes=len(self.memory),
                host_version=host.version,
            )
        except ImageRefused:
            return None
        code = range(self.memory.start, self.memory.start + module.memory_bytes)
        return InstalledModule(image.header.version, code, self.memory.start + module.entry, image.digest)

    def _log(self, flash: bytes) -> LogState:
        return read_pool(self._content(flash, LOG_REGION), page_bytes=self.page_bytes).state

    def _host(self, flash: bytes) -> ModuleHost:
        application = image_in_region(self._content(flash, "application"))
        return ModuleHost(0, NO_KEY) if application is None else ModuleHost(application.header.version, PublicKey(application.header.public_key))

    def _content(self, flash: bytes, name: str) -> bytes:
        region = self.regions[name]
        start = region.address - self.flash_address
        return flash[start : start + region.size_bytes]


def signed_module(spec: ImageSpec, module: Module, hardware_revision: int) -> bytes:
    """Sign a module, and spoil it as `spec` says."""
    key = FOREIGN_KEY if spec.defect is Defect.FOREIGN_KEY else key_of(spec)
    revision = hardware_revision + 1 if spec.defect is Defect.WRONG_HARDWARE else hardware_revision
    image = sign_module(module, key=key, version=spec.version, hardware_revision=revision)
    if spec.defect is Defect.ALTERED_CODE:
        return alter_code(image)
    if spec.defect is Defect.CORRUPT_CODE:
        return corrupt_code(image)
    if spec.defect is Defect.OTHER_BUILD:
        payload = image[HEADER_BYTES:]
        return reseal_module(image, key, payload[:-1] + bytes([payload[-1] ^ 0xFF]))
    if spec.defect in (Defect.WILD_RELOCATION, Defect.FORGED_RELOCATION):
        payload = Module(module.blob, module.entry, (*module.relocations, _OUTSIDE), module.zero_bytes).to_payload()
        wild = reseal_module(image, key, payload)
        return alter_code(wild) if spec.defect is Defect.FORGED_RELOCATION else wild
    return image


def log_state(part: ModulePart) -> LogState:
    """Return what the modules' log says at the start of a case."""
    counter = part.counter if part.counter is not None else part.installed.version if part.installed else 0
    return LogState(counter, Stage.IDLE if part.staged is None else Stage.PENDING)


def log_content(part: ModulePart, region: Region, page_bytes: int) -> bytes:
    """Return the region of the modules' log at the start of a case."""
    free = {PageFill.FRESH: None, PageFill.NEARLY_FULL: _PLACES_LEFT, PageFill.FULL: 0}[part.log_page]
    return delivery_pool(log_state(part), page_bytes=page_bytes, pages=region.size_bytes // page_bytes, free_places=free)
