"""How a case wears the flash: its clean run, and a sample of its cuts or all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.campaign.boots import log_of, run_until_settled
from harness.fault.crash import FlashReplay
from harness.fault.faults import Fault, Tear
from harness.fault.flash_map import flash_map_of
from harness.fault.plan import every_operation, live_sample
from harness.machine.engines import make_machine
from harness.machine.protocol import Machine
from harness.oracle.wear import FlashGeometry, PageWear, WearCount, executed_until
from harness.scenario.prepared import PreparedCase, PreparedScenario


@dataclass(frozen=True, slots=True)
class WearReport:
    """The wear of one case.

    Attributes:
        pages: every page of the array, in order. cuts, cuts_possible: how many were made, of how many.
    """

    case: str
    pages: tuple[PageWear, ...]
    cuts: int
    cuts_possible: int


def measure_wear(
    scenario: PreparedScenario,
    case: PreparedCase,
    *,
    seed: int,
    engine: str,
    cuts: int | None,
    planned: Callable[[int], None] | None = None,
    done: Callable[[], None] | None = None,
) -> WearReport:
    """Count erases and writes of a case's clean run and of its cuts.

    Args:
        cuts: how many cuts to make, spread evenly, those in erases before all others; None: all.
        planned, done: told how many cuts follow, and of each.

    Raises:
        EngineError: the engine failed.
    """
    machine = make_machine(engine, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    try:
        return _Wear(scenario, case, machine, seed).report(cuts, planned, done)
    finally:
        machine.close()


class _Wear:
    """The counts of one case, which grow cut by cut."""

    def __init__(self, scenario: PreparedScenario, case: PreparedCase, machine: Machine, seed: int) -> None:
        flash = scenario.device.flash
        self._scenario, self._case, self._machine, self._seed = scenario, case, machine, seed
        self._geometry = FlashGeometry(flash.address.value, flash.page_bytes.value, len(case.state.flash) // flash.page_bytes.value)
        self._log = log_of(run_until_settled(machine, scenario, case, case.state, seed), seed)
        clean = WearCount(self._geometry)
        for boot in self._log.boots:
            clean.add(boot.operations)
        self._clean = clean.erases
        self._worst = list(clean.erases)
        self._writes = list(clean.most_writes)
        self._faults = [""] * self._geometry.pages
        self._before = WearCount(self._geometry)
        self._counted = (0, 0)
        self._done: set[tuple[str, int, int]] = set()

    def report(self, cuts: int | None, planned: Callable[[int], None] | None, done: Callable[[], None] | None) -> WearReport:
        """Make the cuts and return what came of them."""
        possible = every_operation([boot.operations for boot in self._log.boots], seed=self._seed)
        chosen = _in_order(possible) if cuts is None else self._sample(possible, cuts)
        if planned:
            planned(len(chosen))
        replays = [FlashReplay(boot.start, boot.operations, flash_map_of(self._scenario)) for boot in self._log.boots]
        for fault in chosen:
            self._cut(fault, replays[fault.boot])
            if done:
                done()
        return WearReport(self._case.name, tuple(map(self._page, range(self._geometry.pages))), len(chosen), len(possible))

    def _sample(self, possible: Sequence[Fault], cuts: int) -> list[Fault]:
        erases = [fault for fault in possible if self._log.boots[fault.boot].operations[fault.operation].kind.is_erase]
        taken = live_sample(erases, max(2, cuts)) if len(erases) > cuts else erases
        others = [fault for fault in possible if fault not in set(erases)]
        left = cuts - len(taken)
        return _in_order([*taken, *(live_sample(others, left) if left > 1 else [])])

    def _cut(self, fault: Fault, replay: FlashReplay) -> None:
        crash = replay.crash_image(fault, self._seed)
        executed = len(executed_until(self._log.boots[fault.boot].operations, fault.operation, fault.tear))
        key = (crash.proof.crash_digest, fault.boot, executed)
        if key in self._done:
            return
        self._done.add(key)
        run = run_until_settled(self._machine, self._scenario, self._case, crash.state, self._seed, crash.proof)
        count = self._count_until(fault.boot, executed)
        for trace in run.recoveries[0]:
            count.add(trace.operations[index] for index in range(len(trace.operations)))
        for page, erases in enumerate(count.erases):
            if erases > self._worst[page]:
                self._worst[page] = erases
                self._faults[page] = str(fault)
        self._writes = [max(pair) for pair in zip(self._writes, count.most_writes, strict=True)]

    def _count_until(self, boot: int, executed: int) -> WearCount:
        """Return the wear of the clean run up to a cut: cuts come in that order, so the count goes on where it was."""
        if (boot, executed) < self._counted:
            self._before, self._counted = WearCount(self._geometry), (0, 0)
        for number in range(self._counted[0], boot + 1):
            operations = self._log.boots[number].operations
            first = self._counted[1] if number == self._counted[0] else 0
            self._before.add(operations[first : executed if number == boot else None])
        self._counted = (boot, executed)
        return self._before.copy()

    def _page(self, page: int) -> PageWear:
        address = self._geometry.address + page * self._geometry.page_bytes
        region = next((name for name, region in self._scenario.regions.items() if address in region.addresses), "")
        return PageWear(address, region, self._clean[page], self._worst[page], self._writes[page], self._faults[page])


def _in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Sort by what was executed before the cut."""
    return sorted(faults, key=lambda fault: (fault.boot, fault.operation, fault.tear is not Tear.NONE))
