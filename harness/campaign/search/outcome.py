"""How to search, who hears of it, and what a search found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from harness.campaign.causes import Cause
from harness.campaign.search.expand import SearchSettings
from harness.campaign.search.state import Merging
from harness.campaign.search.state_store import StateStore
from harness.campaign.search.store import StoredSearch
from harness.oracle.run import Outcome
from harness.oracle.verdict import Verdict
from harness.scenario.prepared import PreparedScenario


class SearchObserver(Protocol):
    """Hears how a search goes on."""

    def searching(self, booted: int, reached: int, violations: int) -> None:
        """A state was booted."""
        ...

    def shrinking(self, number: int, count: int) -> None:
        """The search is over; the shortest and earliest sequence is looked for that shows cause `number`, from 1, of `count`."""
        ...


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search.

    Attributes:
        depth: most cuts in a row; None: any number.
        budget_seconds: stop after that much time; None: when nothing is left.
        stop_when: stop after the first verdict for which this is true.
        cluster: address of a Dask scheduler whose workers boot instead; None: processes here.
    """

    settings: SearchSettings = field(default_factory=SearchSettings)
    depth: int | None = None
    jobs: int = 1
    only_case: str | None = None
    budget_seconds: float | None = None
    stop_when: Callable[[Verdict], bool] | None = None
    cluster: str | None = None

    @property
    def joins(self) -> bool:
        """Whether runs are followed only to where they join another one: where neither depth nor single places of a log tell states apart."""
        return self.settings.join and self.depth is None and self.settings.merging is Merging.ROOM

    def stored(self, scenario: PreparedScenario) -> StoredSearch:
        """Return what of these decides the result, on a scenario."""
        settings = self.settings
        return StoredSearch(
            scenario=scenario.reference,
            build=scenario.options,
            fingerprint=scenario.fingerprint,
            engine=settings.engine,
            seed=settings.seed,
            case=self.only_case,
            depth=self.depth,
            merging=settings.merging,
            join=settings.join,
            tears=settings.tears,
        )


@dataclass(slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        clean: the clean run of each case.
        states: booted for their own sake. compared: states that were taken for another one and booted to see; told_apart: of these,
            how many behaved otherwise, and were searched on their own.
        faults: cuts that lead on from them, each to a state that was reached.
        updates_ps: by number of a case's start, how long its run takes as far as its last operation.
        open_states: reached and not booted, because the time was over. deepest: cuts in the longest sequence.
        findings: violations that were made again, as verdicts with the proof of all their faults: the first of each case and kind, and others up to some
            number; where one wanted violation ended the search, only the first. violating: states that break a rule; made_again: of these.
        causes: the findings grouped, each with the shortest and earliest sequence of cuts that shows it; empty where one wanted violation ended the search.
            shrunk: false where budget or Ctrl-C left some of these sequences as they were found.
        closed_pages: pages that boots look at before they erase them. enough: free places from which on a log counts as having room,
            whatever the kind of state; enough_by_kind: the same for each kind, by its key: less where less is still to be written.
        joined: states whose runs were followed no further than to where they join that of another state; their cuts behind that are counted, too.
            followed: others, whose runs were followed to their ends to see whether they lead to states that were not known.
        finished: nothing is left within the depth. kept: boots of states that were made before, and taken from a file.
    """

    scenario: PreparedScenario
    options: SearchOptions
    store: StateStore
    clean: list[Verdict]
    updates_ps: dict[int, int] = field(default_factory=dict)
    states: int = 0
    compared: int = 0
    told_apart: int = 0
    faults: int = 0
    boots: int = 0
    kept: int = 0
    deepest: int = 0
    open_states: int = 0
    violating: int = 0
    made_again: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    findings: list[Verdict] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    shrunk: bool = True
    closed_pages: frozenset[int] = frozenset()
    enough: tuple[int, ...] = ()
    enough_by_kind: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    joined: int = 0
    followed: int = 0
    finished: bool = False
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def nothing_was_cut(self) -> bool:
        """Whether a clean run broke a rule: then there is nothing to learn from cuts."""
        return any(verdict.violations for verdict in self.clean)

    @property
    def violations(self) -> list[Verdict]:
        """Every verdict that broke a rule, clean runs first."""
        return [verdict for verdict in (*self.clean, *self.findings) if verdict.violations]
