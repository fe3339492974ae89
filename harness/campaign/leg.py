"""The run that a fault falls into, as a log: a case's clean run, or the recovery after the faults before it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from harness.campaign.boots import BootLog, CaseLog, live_crash_image
from harness.errors import EngineError
from harness.fault.crash import CrashImage, FaultProof, FlashReplay
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import flash_map_of
from harness.machine.protocol import Machine, Operation, OperationKind
from harness.oracle.run import CutWear, History
from harness.scenario.prepared import PreparedScenario

_PAGE_ERASES = (OperationKind.PAGE_ERASE, OperationKind.MASS_ERASE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Operations of a boot that follow each other in one flash page: in the states between them, nothing else differs.

    Attributes:
        first: number of the first of them. length: how many they are.
    """

    boot: int
    first: int
    page: int
    length: int


class Leg:
    """One run of a sequence of faults, to be cut once more.

    Args:
        log: its boots. before: the faults that led to it; none for a clean run.
        history: what the run was held against; None for a clean run.
    """

    def __init__(self, scenario: PreparedScenario, log: CaseLog, before: FaultProof | None = None, history: History | None = None) -> None:
        self.log = log
        self._scenario = scenario
        self._before = before
        self._history = history
        self._replays: dict[int, FlashReplay] = {}
        self._erases: dict[int, tuple[tuple[int, int], ...]] = {}
        self._histories: dict[tuple[int, int, int], History] = {}
        self._last_history: tuple[tuple[int, int, bool], History] | None = None
        self._stretches: dict[int, list[Stretch | None]] = {}

    def crash_image(self, fault: Fault, seed: int) -> CrashImage:
        """Return what `fault` leaves, by the log.

        Raises:
            EngineError: the run has no such operation: the fault cannot have fired.
        """
        replay = self._replays.get(fault.boot)
        if replay is None:
            boot = self._boot(fault)
            replay = self._replays[fault.boot] = FlashReplay(boot.start, boot.operations, flash_map_of(self._scenario))
        return self._proved(replay.crash_image(fault, seed))

    def live_crash_image(self, machine: Machine, fault: Fault, seed: int) -> CrashImage:
        """Return what `fault` leaves, by stopping the machine right before the operation.

        Raises:
            EngineError: the machine never came to that operation: the fault did not fire.
        """
        self._boot(fault)
        return self._proved(live_crash_image(machine, self._scenario, self.log.boots, fault, seed))

    def history(self, fault: Fault) -> History:
        """Return what the recovery from `fault` is held against: the wear, and the counter that the device had reached."""
        place = (fault.boot, fault.operation, fault.tear is Tear.NONE)
        if self._last_history is None or self._last_history[0] != place:
            self._last_history = (place, self._find_history(fault))
        return self._last_history[1]

    def _find_history(self, fault: Fault) -> History:
        erased = bisect_left(self._page_erases(fault.boot), fault.operation + (fault.tear is not Tear.NONE), key=itemgetter(0))
        key = (fault.boot, erased, bisect_right(self.log.boots[fault.boot].entered, fault.operation))
        if key not in self._histories:
            self._histories[key] = self._history_at(fault, erased)
        return self._histories[key]

    def stretch(self, fault: Fault) -> Stretch | None:
        """Return the operations around the one that `fault` cuts, as far as they stay in its flash page; None: it is not of that kind."""
        if fault.boot not in self._stretches:
            self._stretches[fault.boot] = self._find_stretches(fault.boot)
        return self._stretches[fault.boot][fault.operation]

    def _history_at(self, fault: Fault, erased: int) -> History:
        boots = range(len(self.log.boots))
        before = [pages for boot in boots[: fault.boot] for _, pages in self._page_erases(boot)]
        before += [pages for _, pages in self._page_erases(fault.boot)[:erased]]
        clean = [pages for boot in boots for _, pages in self._page_erases(boot)]
        wear = CutWear(sum(before), sum(clean))
        modules = self._scenario.modules
        flashes = list(self._flashes_until(fault))
        counter = max((self._scenario.format.counter(flash) for flash in flashes), default=0)
        module_counter = 0 if modules is None else max((modules.counter(flash) for flash in flashes), default=0)
        if self._history is None:
            return History(wear, counter, module_counter)
        return History(wear, max(counter, self._history.counter), max(module_counter, self._history.module_counter))

    def _find_stretches(self, boot: int) -> list[Stretch | None]:
        stretches: list[Stretch | None] = []
        for page, operations in groupby(self.log.boots[boot].operations, key=self._page_of):
            found = list(operations)
            stretches += [None if page is None else Stretch(boot, found[0].index, page, len(found))] * len(found)
        return stretches

    def _page_of(self, operation: Operation) -> int | None:
        if operation.kind not in (OperationKind.PROGRAM, OperationKind.PAGE_ERASE):
            return None
        return (operation.address - self._scenario.flash_address) // self._scenario.device.flash.page_bytes.value

    def _proved(self, crash: CrashImage) -> CrashImage:
        if self._before is None:
            return crash
        earlier = (*self._before.earlier, replace(self._before, earlier=()))
        return crash.after(earlier)

    def _flashes_until(self, fault: Fault) -> Iterator[bytes]:
        """Yield the flash whose counters the device showed before a cut: when power came, unless cells were disturbed, and when an application started."""
        for number, boot in enumerate(self.log.boots[: fault.boot + 1]):
            if not boot.start.disturbed:
                yield boot.start.flash
            done = [entered for entered in boot.entered if number < fault.boot or entered <= fault.operation]
            if done:
                replayed = FlashReplay(boot.start, boot.operations, flash_map_of(self._scenario))
                yield from (replayed.state_before(entered).flash for entered in done)

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
