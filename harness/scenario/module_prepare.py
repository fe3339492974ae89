"""The modules of a scenario, built and laid out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.build.elf import ElfFile
from harness.build.module import build_module
from harness.build.profile import Profile
from harness.build.toolchain import Toolchain
from harness.device import Device, Domain
from harness.errors import InputError
from harness.image.module import Module, verify_module
from harness.image.refusal import ImageRefused
from harness.scenario.model import ImageSpec, ModulePart
from harness.scenario.module_bookkeeping import BankBookkeeping
from harness.scenario.modules import BANKS, LOG_REGION, STORE_REGION, StoredModules, log_content, log_state, signed_module
from harness.scenario.pool_bookkeeping import PoolBookkeeping, TwoBookkeepings, scratch_of_modules
from harness.scenario.prepared import MODULE_DOMAIN, Bookkeeping, PreparedModule, Region
from harness.scenario.speck import key_of

_MEMORY_SYMBOL = "module_memory"


class ModulePreparation:
    """Builds the modules of one scenario.

    Args:
        application_elf: the application that loads them; it says where in RAM.
    """

    def __init__(
        self, profile: Profile, device: Device, toolchain: Toolchain, regions: dict[str, Region], hardware_revision: int, application_elf: Path
    ) -> None:
        assert profile.module is not None
        self._profile = profile
        self._device = device
        self._toolchain = toolchain
        self._hardware_revision = hardware_revision
        self._built: dict[int, Module] = {}
        start = ElfFile(application_elf).symbol(_MEMORY_SYMBOL)
        self._memory = range(start, start + profile.module.memory_bytes)
        page_bytes = device.flash.page_bytes.value
        self.format = StoredModules(regions, device.flash.address.value, page_bytes, hardware_revision, self._memory)

    @property
    def domain(self) -> Domain:
        """The RAM that modules run in."""
        return Domain(MODULE_DOMAIN, self._memory.start, len(self._memory))

    @property
    def bookkeeping(self) -> Bookkeeping:
        """Who tells what the modules' log says, and the banks."""
        log = PoolBookkeeping(self.format.regions[LOG_REGION], self.format.flash_address, self.format.page_bytes, scratch_of_modules)
        return TwoBookkeepings(log, BankBookkeeping(self.format))

    def contents(self, part: ModulePart) -> dict[str, bytes]:
        """Return the regions that are about modules at the start of a case.

        Raises:
            InputError: a module does not fit in its place.
        """
        store, log = (self.format.regions[name] for name in (STORE_REGION, LOG_REGION))
        bank_bytes = store.size_bytes // BANKS
        contents = {LOG_REGION: log_content(part, log, self.format.page_bytes)}
        for field, name, room in (("installed", STORE_REGION, bank_bytes), ("staged", "slot", self.format.regions["slot"].size_bytes)):
            image = self._image(getattr(part, field))
            if len(image) > room:
                raise InputError(f"the module has {len(image)} bytes, its place in {name} {room}", source=f"module.{field}", remedy="Make it smaller.")
            if image:
                contents[name] = b"\xff" * (part.bank * bank_bytes if name == STORE_REGION else 0) + image
        return contents

    def prepared(self, part: ModulePart, application: ImageSpec) -> PreparedModule:
        """Return what must come of the modules of a case."""
        installed, staged = self._image(part.installed), self._image(part.staged)
        return PreparedModule(
            end=part.end,
            installed_digest=_digest(installed),
            staged_digest=_digest(staged),
            refusal=self._refusal(staged, log_state(part).counter, application) if staged else None,
        )

    def _image(self, spec: ImageSpec | None) -> bytes:
        if spec is None:
            return b""
        if spec.version not in self._built:
            self._built[spec.version] = build_module(self._profile, self._device, self._toolchain, spec.version)
        return signed_module(spec, self._built[spec.version], self._hardware_revision)

    def _refusal(self, staged: bytes, counter: int, application: ImageSpec) -> int:
        try:
            verify_module(
                staged,
                key_of(application).public_key,
                hardware_revision=self._hardware_revision,
                minimum_version=counter + 1,
                memory_bytes=len(self._memory),
                host_version=application.version,
            )
        except ImageRefused as refused:
            return int(refused.reason)
        return 0


def _digest(image: bytes) -> str | None:
    return hashlib.sha256(image).hexdigest() if image else None
