"""A scenario with everything built: what a campaign runs on, and what the rules ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import PlainSerializer, PlainValidator

from harness.device import Device, Timing
from harness.device.memory import Domain, NonVolatile
from harness.device.peer import PeerMaker
from harness.scenario.model import Cuts, ExpectedEnd, Limits, ModuleEnd

BEHAVIOUR_VERSION = 5
"""Part of every fingerprint: raise it when tears, RAM filling or an engine change what a replay id rebuilds."""

BOOTLOADER_DOMAIN = "bootloader"
APPLICATION_DOMAIN = "application"
MODULE_DOMAIN = "module"
"""The RAM that modules run in."""


Addresses = Annotated[
    range,
    PlainValidator(lambda bounds: bounds if isinstance(bounds, range) else range(*bounds)),
    PlainSerializer(lambda addresses: (addresses.start, addresses.stop)),
]
"""A range of addresses; in JSON its first one and the one behind its last."""


@dataclass(frozen=True, slots=True)
class Region:
    """A named range of the flash."""

    name: str
    address: int
    size_bytes: int

    @property
    def addresses(self) -> range:
        """The addresses in it."""
        return range(self.address, self.address + self.size_bytes)


@dataclass(frozen=True, slots=True)
class InstalledImage:
    """What the application region holds.

    Attributes:
        authentic: properly signed with a key that the device trusts, and meant for this device.
        code: addresses of the code that the signature covers.
        reset_address: where its vector table says that it starts. initial_stack: the stack pointer that it must be started with,
            None where the bootloader may leave that to the image.
        digest: SHA-256 of the whole image, header included.
    """

    version: int
    authentic: bool
    code: range
    reset_address: int
    initial_stack: int | None
    digest: str


class ImageFormat(Protocol):
    """What a rule may ask about flash contents; no rule knows a format."""

    def installed_image(self, flash: bytes) -> InstalledImage | None:
        """Return the image in the application region, None if there is not even a header."""
        ...

    @property
    def has_counter(self) -> bool:
        """Whether the device keeps a monotonic counter of versions."""
        ...

    def counter(self, flash: bytes) -> int:
        """Return the monotonic counter that the flash holds, 0 where there is none."""
        ...

    def staged(self, flash: bytes) -> bool | None:
        """Return whether what the bookkeeping asks the bootloader to install verifies, None where it asks for nothing, or nobody can tell."""
        ...

    def refusal(self, flash: bytes) -> int | None:
        """Return the reason with which the bootloader recorded that it refused the last staged image, 0 if it installed it; None: no record."""
        ...

    def is_out_of_key_places(self, flash: bytes) -> bool:
        """Return whether the bootloader refused the last update because no place is left for the key that it brings, and none is."""
        ...

    def has_key_place(self, flash: bytes) -> bool:
        """Return whether a place for a key is blank."""
        ...


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a firmware's bookkeeping says, apart from how it came to say it.

    Attributes:
        says: equal where the firmware is to go the same way, now and after any cut.
        rooms: free places of each log that it appends to, in a fixed order; they decide only where a record goes, until a log is full.
        free: addresses of these places, one range a log.
        again: places of each log that a run takes before it goes on, because a cut left its last record in doubt; empty where it takes none.
        unused: of each page that nothing rests on, the addresses whose content decides nothing until the page is erased: a boot looks at what lies
            before them, to see whether something might.
    """

    says: bytes
    rooms: tuple[int, ...] = ()
    free: tuple[Addresses, ...] = ()
    again: tuple[int, ...] = ()
    unused: tuple[Addresses, ...] = ()


def again_of(meaning: Meaning) -> tuple[int, ...]:
    """Return `Meaning.again`, a number for each log."""
    return meaning.again or (0,) * len(meaning.rooms)


class Bookkeeping(Protocol):
    """The regions in which a firmware keeps journals and counters, and what they say."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions."""
        ...

    @property
    def most_again(self) -> tuple[int, ...]:
        """The greatest `Meaning.again` of each log."""
        ...

    def meaning(self, flash: bytes) -> Meaning:
        """Return what the regions say."""
        ...


@dataclass(frozen=True, slots=True)
class InstalledModule:
    """The module that an application may run.

    Attributes:
        code: addresses that it has in RAM. entry_address: where it is called.
        digest: SHA-256 of the whole image, header included.
    """

    version: int
    code: range
    entry_address: int
    digest: str


class ModuleFormat(Protocol):
    """What a rule may ask about the modules on a flash."""

    def counter(self, flash: bytes) -> int:
        """Return the modules' own monotonic counter."""
        ...

    def installed(self, flash: bytes) -> InstalledModule | None:
        """Return the authentic module of the version that the counter names, None if there is none."""
        ...

    def refusal(self, flash: bytes) -> int:
        """Return the recorded reason for refusing the last staged module, 0 if it was installed."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedModule:
    """What must come of the modules of a case.

    Attributes:
        installed_digest, staged_digest: SHA-256 of the modules' images; None: there is none.
        refusal: the reason that the application must record, 0 if it is to install the staged module; None: none is staged.
    """

    end: ModuleEnd
    installed_digest: str | None
    staged_digest: str | None
    refusal: int | None


@dataclass(frozen=True, slots=True)
class PreparedCase:
    """One initial content of the device, and what must come of it.

    Attributes:
        installed_digest, staged_digest: SHA-256 of the images as the application region would hold them.
        refusal: the reason that the bootloader must record for refusing the staged image; None: it is not to refuse it, or keeps no record.
        peer: the host at the other end of the UART, until the application has settled; None: nobody.
        module: what must come of its modules; None: it has none.
        rotates_key: whether the update gives the device another key to trust.
    """

    name: str
    title: str
    state: NonVolatile
    end: ExpectedEnd
    cuts: Cuts
    installed_version: int
    installed_digest: str
    staged_version: int | None
    staged_digest: str | None
    refusal: int | None = None
    peer: PeerMaker | None = None
    module: PreparedModule | None = None
    rotates_key: bool = False


@dataclass(frozen=True, slots=True)
class PreparedScenario:
    """A scenario ready to run.

    Attributes:
        reference: bundled name or path. options: what differs from the defaults, for replay ids.
        regions: the flash layout, by name. domains: where code may run.
        protected: names of the regions that nothing may ever change.
        bootloader_elf, application_elves: paths, for symbols; application ELFs by version.
        fingerprint: 12 hex digits over device, bootloader, layout and every case's flash.
        timing: which of the data sheet's durations flash operations take.
        verification: address of the function whose time counts as verification; None: not measured.
        recovery_end: how a boot ends, as `End` names it, in which the bootloader starts nothing and asks for help.
        records: names of the regions where the firmware keeps journals and counters, and where alone a refusal may write.
        bookkeeping: what the firmware's journals and counters say; None: nobody can tell, so a search compares them byte by byte.
        modules: what the flash says of modules; None: the application loads none.
        key_places: addresses in a protected region where an update that gives the device another key may write it.
    """

    reference: str
    options: tuple[tuple[str, str], ...]
    title: str
    device: Device
    part: str
    regions: dict[str, Region]
    domains: tuple[Domain, ...]
    protected: tuple[str, ...]
    limits: Limits
    format: ImageFormat
    cases: tuple[PreparedCase, ...]
    bootloader_elf: str
    application_elves: dict[int, str]
    bootloader_bytes: int
    application_bytes: int
    fingerprint: str
    timing: Timing = Timing.TYPICAL
    verification: int | None = None
    recovery_end: str = "waiting"
    records: tuple[str, ...] = ()
    bookkeeping: Bookkeeping | None = None
    modules: ModuleFormat | None = None
    key_places: range = range(0)

    @property
    def flash_address(self) -> int:
        """First address of the flash array."""
        return self.device.flash.address.value

    @property
    def record_addresses(self) -> tuple[range, ...]:
        """The addresses of `records`."""
        return tuple(self.regions[name].addresses for name in self.records)

    def case(self, name: str) -> PreparedCase:
        """Return the case called `name`; KeyError if there is none."""
        for case in self.cases:
            if case.name == name:
                return case
        raise KeyError(name)

    def region_bytes(self, flash: bytes, name: str) -> bytes:
        """Return the content of a region in a flash array."""
        region = self.regions[name]
        start = region.address - self.flash_address
        return flash[start : start + region.size_bytes]
