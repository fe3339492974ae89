"""Runs that were followed only to where they came to a state that is booted itself: whether both go on the same way, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.campaign.search.child import Meeting
from harness.campaign.search.expand import Expansion
from harness.campaign.search.state_store import Edge, RunLike, StateStore
from harness.fault.faults import Fault
from harness.oracle.progress import circles

_ROUNDS = 64
"""The runs of one of so many such states are followed to their ends all the same; of as many others, if that leads to states that were not known."""


@dataclass(frozen=True, slots=True)
class _Joined:
    """A state whose run was followed to `meeting`, where it came to the kind `target`; `rest` is what it did from there on."""

    target: int
    meeting: Meeting
    rest: bytes


@dataclass(frozen=True, slots=True)
class _Begun:
    """A state that a run may come to: what its own run does, when it begins to, and the kind that a cut before that leaves."""

    course: bytes
    starts_ps: int
    first: int


class Joins:
    """The runs of a search that were followed to a meeting, and those of the states that they met."""

    def __init__(self) -> None:
        self._joined: dict[int, _Joined] = {}
        self._begun: dict[int, _Begun] = {}
        self._agreed: set[int] = set()

    def __len__(self) -> int:
        return len(self._joined)

    def add(self, number: int, expansion: Expansion, targets: Sequence[int]) -> None:
        """Take in a state's run.

        Args:
            targets: the kinds of its children.
        """
        self._begun[number] = _Begun(expansion.course, expansion.starts_ps, -1 if expansion.first < 0 else targets[expansion.first])
        if expansion.meeting is not None:
            self._joined[number] = _Joined(targets[expansion.meeting.child], expansion.meeting, expansion.rest)

    def unlike(self) -> list[int]:
        """Return the states whose runs go on another way than that of the state that they met: they count as not joined from now on."""
        unlike = []
        for number in [number for number in self._joined if number not in self._agreed]:
            joined = self._joined[number]
            met = self._begun.get(joined.target)
            if met is not None and met.course and met.course == joined.rest:
                self._agreed.add(number)
            else:
                del self._joined[number]
                unlike.append(number)
        return unlike

    def sample(self, number_of_round: int) -> list[int]:
        """Return some joined states, others in each round: they count as not joined from now on."""
        sample = [number for number in self._joined if number % _ROUNDS == number_of_round % _ROUNDS]
        for number in sample:
            del self._joined[number]
        return sample

    def complete(self, store: StateStore) -> int:
        """Give joined states the cuts behind their meetings: those of the state that they met, as far later as they met it.

        As edges, where an endless series of cuts can go through them: no other says anything of progress, and there are millions. Of the others it
        is only kept how the run goes on.

        Returns:
            How many cuts there are in all.
        """
        circle = circles((edge.source, edge.target) for edge in store.edges())
        count = 0
        behind: dict[int, int] = {}  # cuts of each state's run from its meeting on
        for number in self._in_order():
            target = self._joined[number].target
            behind[number] = store.cuts_of(target) + behind.get(target, 0)
            count += behind[number]
        for number in self._in_order():
            joined = self._joined[number]
            if circle[number] == circle[joined.target]:
                self._inherit(store, number)
            else:
                meeting, met = joined.meeting, self._begun[joined.target]
                store.add_run_like(RunLike(number, joined.target, met.first, meeting.ready_ps, meeting.at_ps - met.starts_ps))
        return count

    def _in_order(self) -> Iterator[int]:
        """Yield joined states, each behind the one that it met: that one's run is shorter, so there is no circle."""
        done: set[int] = set()
        for number in self._joined:
            way = []
            at = number
            while at in self._joined and at not in done:
                done.add(at)
                way.append(at)
                at = self._joined[at].target
            yield from reversed(way)

    def _inherit(self, store: StateStore, number: int) -> None:
        joined = self._joined[number]
        meeting, met = joined.meeting, self._begun[joined.target]
        later_ps = meeting.at_ps - met.starts_ps
        edges = []
        first = True
        for edge in store.edges_of(joined.target):
            if not edge.faults:
                continue  # the same cut, several times in a row: that is no cut of this run
            window_ps, moment = edge.window_ps, edge.moment + later_ps * edge.window_ps
            if first and edge.target == met.first:
                # Power is on for a while before the first operation: here, since the last one before the meeting.
                window_ps += later_ps - meeting.ready_ps
                moment += (later_ps**2 - meeting.ready_ps**2) / 2
                first = False
            wearing = _moved(edge.wearing, meeting)
            edges.append(Edge(number, edge.target, edge.faults, meeting.erases + edge.erases, wearing, edge.latest_ps + later_ps, window_ps, moment))
        for edge in edges:
            store.add_edge(edge)


def _moved(fault: Fault, meeting: Meeting) -> Fault:
    """Return the fault of a joined run that comes as far behind the meeting as one of the state's own run comes behind its start."""
    operation = fault.operation + (meeting.operation if fault.boot == 0 else 0)
    return replace(fault, boot=fault.boot + meeting.boot, operation=operation)
