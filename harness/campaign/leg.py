"""The run that a fault falls into, as a log: a case's clean run, or the recovery after the faults before it."""

from __future__ import annotations

from dataclasses import replace

from harness.campaign.boots import BootLog, CaseLog, live_crash_image
from harness.errors import EngineError
from harness.fault.crash import CrashImage, FaultProof, FlashReplay
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import flash_map_of
from harness.machine.protocol import Machine, OperationKind
from harness.oracle.run import CutWear, History
from harness.scenario.prepared import PreparedScenario

_PAGE_ERASES = (OperationKind.PAGE_ERASE, OperationKind.MASS_ERASE)


class Leg:
    """One run of a sequence of faults, to be cut once more.

    Args:
        log: its boots. before: the faults that led to it; none for a clean run.
        counter: the greatest that the device showed in the runs before it.
    """

    def __init__(self, scenario: PreparedScenario, log: CaseLog, before: FaultProof | None = None, counter: int = 0) -> None:
        self.log = log
        self._scenario = scenario
        self._before = before
        self._counter_before = counter
        self._replays: dict[int, FlashReplay] = {}
        self._erases: dict[int, tuple[tuple[int, int], ...]] = {}

    def crash_image(self, fault: Fault, seed: int) -> CrashImage:
        """Return what `fault` leaves, by the log.

        Raises:
            EngineError: the run has no such operation: the fault cannot have fired.
        """
        boot = self._boot(fault)
        if fault.boot not in self._replays:
            self._replays[fault.boot] = FlashReplay(boot.start, boot.operations, flash_map_of(self._scenario))
        return self._proved(self._replays[fault.boot].crash_image(fault, seed))

    def live_crash_image(self, machine: Machine, fault: Fault, seed: int) -> CrashImage:
        """Return what `fault` leaves, by stopping the machine right before the operation.

        Raises:
            EngineError: the machine never came to that operation: the fault did not fire.
        """
        self._boot(fault)
        return self._proved(live_crash_image(machine, self._scenario, self.log.boots, fault, seed))

    def history(self, fault: Fault) -> History:
        """Return what the recovery from `fault` is held against: the wear, and the counter that the device had reached."""
        executed = fault.operation + (fault.tear is not Tear.NONE)
        boots = range(len(self.log.boots))
        before = [pages for boot in boots[: fault.boot + 1] for index, pages in self._page_erases(boot) if boot < fault.boot or index < executed]
        clean = [pages for boot in boots for _, pages in self._page_erases(boot)]
        return History(CutWear(sum(before), sum(clean)), max(self._counter_before, self._counter_until(fault)))

    def _proved(self, crash: CrashImage) -> CrashImage:
        if self._before is None:
            return crash
        earlier = (*self._before.earlier, replace(self._before, earlier=()))
        return replace(crash, proof=replace(crash.proof, earlier=earlier))

    def _counter_until(self, fault: Fault) -> int:
        """Return the greatest counter that the device showed before a cut: when power came, unless cells were disturbed, and when an application started."""
        counters = [0]
        for number, boot in enumerate(self.log.boots[: fault.boot + 1]):
            if not boot.start.disturbed:
                counters.append(self._scenario.format.counter(boot.start.flash))
            done = [entered for entered in boot.entered if number < fault.boot or entered <= fault.operation]
            if done:
                replayed = FlashReplay(boot.start, boot.operations, flash_map_of(self._scenario))
                counters += [self._scenario.format.counter(replayed.state_before(entered).flash) for entered in done]
        return max(counters)

    def _boot(self, fault: Fault) -> BootLog:
        if fault.boot >= len(self.log.boots):
            raise EngineError(f"fault {fault} did not fire: the run has only {len(self.log.boots)} boots")
        return self.log.boots[fault.boot]

    def _page_erases(self, boot: int) -> tuple[tuple[int, int], ...]:
        """Return (operation, pages erased) of every erase of a boot."""
        if boot not in self._erases:
            page_bytes = self._scenario.device.flash.page_bytes.value
            operations = self.log.boots[boot].operations
            erases = ((operation.index, operation.size_bytes // page_bytes) for operation in operations if operation.kind in _PAGE_ERASES)
            self._erases[boot] = tuple(erases)
        return self._erases[boot]
