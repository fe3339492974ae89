"""Runs that cannot differ are judged once: cuts in a page that the recovery erases before anything looks at it.

In the states between operations that stay in one flash page, only that page differs. Where the recovery from one of them
erased the page before it, or a rule, looked at it, the recovery from every other one does the same, and ends the same: only
the proof of the fault is another. docs/DESIGN.md gives the argument.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from harness.campaign.boots import filling_of
from harness.campaign.leg import Stretch
from harness.fault.crash import CrashImage
from harness.machine.protocol import PageUse
from harness.oracle.run import History, Run
from harness.oracle.verdict import Verdict
from harness.scenario.prepared import BOOTLOADER_DOMAIN, PreparedScenario

Place = tuple[dict[int, Verdict], int]
"""Verdicts by the filling of RAM, and the filling."""


class ClosedPages:
    """Verdicts of runs that did not depend on one page of the state that they started from."""

    def __init__(self, scenario: PreparedScenario) -> None:
        self.pruned = 0
        self._scenario = scenario
        self._known: dict[Hashable, dict[int, Verdict]] = {}
        self._last: tuple[Hashable, Stretch, History, dict[int, Verdict]] | None = None
        self._judged = frozenset(page for name in scenario.protected for page in self._pages(name))

    def place(self, leg: Hashable, stretch: Stretch | None, crash: CrashImage, history: History) -> Place | None:
        """Return where the verdict of runs is kept that depend on the same besides the page of `stretch`; None: that can't be told.

        Args:
            leg: which run the cut lies in.
        """
        proof = crash.proof
        if stretch is None or proof.cells_weak or proof.cells_metastable or stretch.page in self._judged:
            return None
        last = self._last
        if last is None or last[1] is not stretch or last[2] is not history or last[0] != leg:
            last = self._last = (leg, stretch, history, self._known.setdefault((leg, stretch, history), {}))
        return last[3], filling_of(proof.crash_digest)

    def find(self, place: Place | None) -> Verdict | None:
        """Return the verdict of an earlier run of that place that did not depend on the page."""
        known = None if place is None else place[0].get(place[1])
        self.pruned += known is not None
        return known

    def keep(self, place: Place | None, stretch: Stretch | None, run: Run, verdict: Verdict) -> None:
        """Keep a verdict for all runs that differ in the page of `stretch` only, if this one shows that they cannot differ otherwise."""
        if place is None or stretch is None or run.start.disturbed:
            return
        flash_format, modules = self._scenario.format, self._scenario.modules
        at_start: list[Callable[[bytes], object]] = [flash_format.counter]
        at_start += [flash_format.staged] if run.case.peer else []
        at_start += [modules.counter] if modules else []
        matters_at_entries = modules is not None or self._look_at(stretch.page, run.start.flash, [flash_format.installed_image])
        if _is_erased_unread(run, stretch.page, matters_at_entries) and not self._look_at(stretch.page, run.start.flash, at_start):
            place[0][place[1]] = verdict

    def _look_at(self, page: int, flash: bytes, questions: Sequence[Callable[[bytes], object]]) -> bool:
        """Tell whether the answer to one of the questions that rules ask of a flash may depend on a page of it."""
        looked_at = _LookedAt(flash)
        try:
            for ask in questions:
                ask(looked_at)  # type: ignore[arg-type] # it is enough of bytes, or raises
        except (TypeError, AttributeError, ValueError):
            return True
        page_bytes = self._scenario.device.flash.page_bytes.value
        return any(span.start < (page + 1) * page_bytes and page * page_bytes < span.stop for span in looked_at.spans)

    def _pages(self, region: str) -> range:
        addresses = self._scenario.regions[region].addresses
        page_bytes = self._scenario.device.flash.page_bytes.value
        start, stop = (address - self._scenario.flash_address for address in (addresses.start, addresses.stop))
        return range(start // page_bytes, -(-stop // page_bytes))


class _LookedAt:
    """A flash that keeps in mind which of its bytes were asked for; whoever wants more than slices gets an error."""

    def __init__(self, flash: bytes) -> None:
        self.spans: list[range] = []
        self._flash = flash

    def __len__(self) -> int:
        return len(self._flash)

    def __getitem__(self, place: slice) -> bytes:
        span = range(len(self._flash))[place]
        if span:
            self.spans.append(range(min(span[0], span[-1]), max(span[0], span[-1]) + 1))
        return self._flash[place]


def _is_erased_unread(run: Run, page: int, matters_at_entries: bool) -> bool:
    """Tell whether a run erases a page before a boot, or a rule at an entry into other code than the bootloader's, looks at it.

    Args:
        matters_at_entries: whether the image that is installed may depend on the page; the counter is asked apart.
    """
    for trace in run.traces:
        if not trace.page_uses or trace.page_uses[page] == PageUse.READ:
            return False
        entered = [entry.operations for entry in trace.entries if matters_at_entries and entry.domain != BOOTLOADER_DOMAIN]
        if trace.page_uses[page] == PageUse.ERASED_FIRST:
            return all(operations > trace.erased_by[page] for operations in entered)
        if entered:
            return False
    return False  # what is never erased is part of the end
