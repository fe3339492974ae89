"""Counts that worker processes add to while the campaign's own process shows them, and its word to stop."""

from __future__ import annotations

from multiprocessing import get_context

from harness.oracle.verdict import Verdict


class Tally:
    """What has been done of several tasks, over all processes; its text is what a progress bar shows.

    Each task has places of its own, so nobody waits for anybody. Workers get it as an argument of their start.

    Args:
        tasks: how many there are.
    """

    def __init__(self, tasks: int) -> None:
        context = get_context("spawn")
        self._runs = context.RawArray("Q", tasks)
        self._violations = context.RawArray("Q", tasks)
        self._stopped = context.RawArray("B", 1)

    @property
    def runs(self) -> int:
        """Runs that were judged."""
        return sum(self._runs)

    @property
    def violations(self) -> int:
        """Rules that these runs broke, each as often as one did."""
        return sum(self._violations)

    def add(self, task: int, runs: int, violations: int) -> None:
        """Count what was done of a task; only who does it may."""
        self._runs[task] += runs
        self._violations[task] += violations

    def stop(self) -> None:
        """Ask all who count to stop."""
        self._stopped[0] = 1

    @property
    def stopped(self) -> bool:
        """Whether they are to stop."""
        return bool(self._stopped[0])

    def __str__(self) -> str:
        """Return the counts for people."""
        return f"{self.runs:,} cuts, {self.violations:,} violations"


class TaskObserver:
    """Hears how the sweep or the search of one task goes on, and counts it; stops it as Ctrl-C does when all are to stop.

    Args:
        task: its number, from 0.
    """

    def __init__(self, tally: Tally, task: int) -> None:
        self._tally = tally
        self._task = task
        self._booted = self._broken = 0

    def cleared(self, verdict: Verdict) -> None:
        """Count a clean run that broke a rule; it is no cut."""
        self._count(0, len(verdict.violations))

    def planned(self, total: int) -> None:
        """Go on: nobody knows after how many cuts the bug is found."""

    def judged(self, verdict: Verdict) -> None:
        """Count one faulted run."""
        self._count(1, len(verdict.violations))

    def searching(self, booted: int, reached: int, violations: int) -> None:
        """Count the states that were booted since the last call; a search that begins again begins with none."""
        del reached
        if booted < self._booted:
            self._booted = self._broken = 0
        runs, broken = booted - self._booted, violations - self._broken
        self._booted, self._broken = booted, violations
        self._count(runs, broken)

    def shrinking(self, number: int, count: int) -> None:
        """Go on: what is looked for is found."""

    def _count(self, runs: int, violations: int) -> None:
        self._tally.add(self._task, runs, violations)
        if self._tally.stopped:
            raise KeyboardInterrupt
