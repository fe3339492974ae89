"""Runs made by hand: a toy format on a tiny flash, so that each rule can be shown holding and failing."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.device import Domain, NonVolatile, load_device
from harness.machine.protocol import End, Entry, Operation, Trace
from harness.oracle.run import Run
from harness.scenario.model import Cuts, ExpectedEnd, Limits
from harness.scenario.prepared import InstalledImage, PreparedCase, PreparedScenario, Region

BASE = 0x0800_0000
PAGE = 1024
RESET, STACK = BASE + PAGE + 8, 0x2000_1000
NEW, OLD = "new", "old"
IMAGES = {b"N": ("new", 2, True), b"O": ("old", 1, True), b"F": ("forged", 9, False), b"X": ("other", 3, True)}


class ToyFormat:
    """The first byte of the application page names the image; the first byte of the metadata page is the counter."""

    def installed_image(self, flash: bytes) -> InstalledImage | None:
        """Return the image that the letter stands for."""
        known = IMAGES.get(flash[PAGE : PAGE + 1])
        if known is None:
            return None
        digest, version, authentic = known
        return InstalledImage(version, authentic, range(BASE + PAGE, BASE + PAGE + 100), RESET, STACK, digest)

    has_counter = True

    def counter(self, flash: bytes) -> int:
        """Return the counter byte."""
        return flash[2 * PAGE]

    def staged(self, flash: bytes) -> bool | None:
        """Return what the byte after that stands for: erased, nothing is pending; 0, it does not verify."""
        return None if flash[2 * PAGE + 2] == 0xFF else bool(flash[2 * PAGE + 2])

    def refusal(self, flash: bytes) -> int | None:
        """Return the byte behind the counter, None where it is erased."""
        recorded = flash[2 * PAGE + 1]
        return None if recorded == 0xFF else recorded

    def is_out_of_key_places(self, flash: bytes) -> bool:
        """Return whether reason 17 is recorded, and no place for a key is left."""
        return self.refusal(flash) == 17 and not self.has_key_place(flash)

    def has_key_place(self, flash: bytes) -> bool:
        """Return whether one of three bytes behind the first four of the identity page is erased."""
        return 0xFF in flash[3 * PAGE + 4 : 3 * PAGE + 7]


def make_flash(image: bytes = b"N", counter: int = 2, bootloader: bytes = b"B", identity: bytes = b"I") -> bytes:
    """Return four pages: bootloader, application, metadata, identity."""
    return b"".join(content.ljust(PAGE, b"\xff") for content in (bootloader, image, bytes([counter]), identity))


def make_scenario() -> PreparedScenario:
    """Return a scenario on the toy flash."""
    regions = {name: Region(name, BASE + index * PAGE, PAGE) for index, name in enumerate(("bootloader", "application", "metadata", "identity"))}
    return PreparedScenario(
        reference="toy",
        options=(),
        title="",
        device=load_device("stm32f103"),
        part="c8",
        regions=regions,
        domains=(Domain("bootloader", BASE, PAGE), Domain("application", BASE + PAGE, PAGE)),
        protected=("bootloader", "identity"),
        limits=Limits(boots=3, settling_boots=1, page_erases=1, cut_erases=1, boot_ms=100, recovery_ms=500, watchdog_margin_percent=25),
        format=ToyFormat(),
        cases=(),
        bootloader_elf="",
        application_elves={},
        bootloader_bytes=0,
        application_bytes=0,
        fingerprint="0" * 12,
    )


def make_trace(**changes: Any) -> Trace:
    """Return a boot that entered the new application and sleeps there; `changes` replace fields."""
    good = Trace(
        end=End.SLEEPING,
        end_detail="",
        pc=BASE + PAGE + 20,
        domain="application",
        final=NonVolatile(make_flash()),
        operations=make_log(),
        pending=None,
        entries=(Entry("bootloader", BASE, 0, 0), Entry("application", RESET, 0, 5, stack_pointer=STACK)),
        misuses=(),
        erases=bytes(4),
        uart=b"",
        instructions=100,
        time_ps=10,
        stack_bytes=0,
    )
    return dataclasses.replace(good, **changes)


def make_log(*operations: Operation) -> list[Operation]:
    """Return an operation log."""
    return list(operations)


def make_run(*traces: Trace, end: ExpectedEnd = ExpectedEnd.NEW, start: bytes | None = None) -> Run:
    """Return a run of a case that has version 1 installed and version 2 staged."""
    initial = NonVolatile(make_flash(b"O", counter=1))
    case = PreparedCase("toy", "", initial, end, Cuts.ALL, 1, OLD, 2, NEW)
    state = initial if start is None else NonVolatile(start)
    return Run(make_scenario(), case, state, None, traces or (make_trace(),))
