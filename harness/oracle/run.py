"""What the rules see: one run of a case, cut or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.fault.crash import FaultProof, FlashReplay
from harness.fault.flash_map import flash_map_of
from harness.machine.protocol import End, NonVolatile, Trace
from harness.scenario.prepared import APPLICATION_DOMAIN, BOOTLOADER_DOMAIN, PreparedCase, PreparedScenario

_IDLE_ENDS = frozenset({End.SLEEPING, End.WAITING})


class Outcome(StrEnum):
    """Where a run ended, by flash bytes and program counter."""

    NEW_VERSION = "new_version"
    OLD_VERSION = "old_version"
    RECOVERY = "recovery"
    """The bootloader waits for help and starts nothing."""
    OTHER_IMAGE = "other_image"
    """An application runs that is neither the installed nor the staged image."""
    BRICKED = "bricked"
    """No application runs, and the bootloader does not wait either."""


@dataclass(frozen=True, slots=True)
class CutWear:
    """What a cut's run is held against: page erases of the run that it cut, as far as the cut and, uncut, altogether.

    Attributes:
        before: an interrupted erase counts as one: it wears the page too.
    """

    before: int
    clean: int


@dataclass(frozen=True, slots=True)
class History:
    """What went before a faulted run, as far as a rule asks.

    Attributes:
        counter: the greatest that the device showed at a power-on, or when it started an application.
        module_counter: the greatest of its modules' counter then; 0 where it loads none.
    """

    wear: CutWear
    counter: int
    module_counter: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the state it started from and the boots that followed.

    Attributes:
        start: the case's state, or the crash image.
        traces: the boots: until the application settled, and one power cycle more; or as many as were allowed.
        fault: proof of the fault that made `start`; None for the clean run.
        starts: what each boot read at its reset, disturbed cells drawn; empty where nothing was disturbed.
        history: None for the clean run.
    """

    scenario: PreparedScenario
    case: PreparedCase
    start: NonVolatile
    fault: FaultProof | None
    traces: tuple[Trace, ...]
    starts: tuple[NonVolatile, ...] = ()
    history: History | None = None

    @property
    def last(self) -> Trace:
        """The trace of the last boot."""
        return self.traces[-1]

    @property
    def final_flash(self) -> bytes:
        """The flash when the run ended."""
        return self.last.final.flash

    @property
    def application_runs(self) -> bool:
        """Whether the run ended settled in the application domain."""
        return is_settled(self.last)

    @property
    def settled_boot(self) -> int | None:
        """The first boot that settled, None if none did."""
        return next((boot for boot, trace in enumerate(self.traces) if is_settled(trace)), None)

    @property
    def recoveries(self) -> tuple[tuple[Trace, ...], ...]:
        """The boots in groups, each up to the one in which the application settled: the first is the recovery, the others are the power cycles after it."""
        groups: list[list[Trace]] = [[]]
        for trace in self.traces:
            if groups[-1] and is_settled(groups[-1][-1]):
                groups.append([])
            groups[-1].append(trace)
        return tuple(map(tuple, groups))

    def state_before_boot(self, boot: int) -> NonVolatile:
        """Return what boot `boot` found at its reset."""
        if self.starts:
            return self.starts[boot]
        return self.start if boot == 0 else self.traces[boot - 1].final

    def flash_before_boot(self, boot: int) -> bytes:
        """Return the flash at the reset of boot `boot`."""
        return self.state_before_boot(boot).flash

    def flash_at(self, boot: int, operations: int) -> bytes:
        """Return the flash in boot `boot` after its first `operations` operations."""
        trace = self.traces[boot]
        if operations == len(trace.operations):
            return trace.final.flash
        before = self.state_before_boot(boot)
        log = [trace.operations[index] for index in range(operations)]
        return FlashReplay(before, log, flash_map_of(self.scenario)).state_before(operations).flash


def is_settled(trace: Trace) -> bool:
    """Tell whether a boot ended with the application idle, so that nothing more will happen without outside help, or running for as long as was asked."""
    return trace.end is End.SETTLED or (trace.end in _IDLE_ENDS and trace.domain == APPLICATION_DOMAIN)


def recovers(run: Run) -> bool:
    """Tell whether a run ended in the bootloader, which starts nothing and asks for help in the way that the scenario says."""
    return run.last.end.name.lower() == run.scenario.recovery_end and run.last.domain == BOOTLOADER_DOMAIN


def outcome_of(run: Run) -> Outcome:
    """Classify where a run ended."""
    if not run.application_runs:
        return Outcome.RECOVERY if recovers(run) else Outcome.BRICKED
    image = run.scenario.format.installed_image(run.final_flash)
    digest = None if image is None else image.digest
    if digest is not None and digest == run.case.staged_digest:
        return Outcome.NEW_VERSION
    if digest is not None and digest == run.case.installed_digest:
        return Outcome.OLD_VERSION
    return Outcome.OTHER_IMAGE
