"""Who boots the states of a search: processes of this machine, or a cluster; what a file has from before is taken from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from harness.campaign.search.expand import SearchSettings, start_expander
from harness.campaign.search.store import SearchStore, key_of_task
from harness.campaign.workers import Workers
from harness.machine.engines import shared_calls
from harness.scenario.prepared import PreparedScenario

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

_AHEAD = 2
"""Tasks given to each worker in advance."""


class Pending(Protocol[ResultT_co]):
    """A task that was given out."""

    def result(self) -> ResultT_co:
        """Wait for what came of it.

        Raises:
            EngineError: an engine failed, or whoever was to make it went away.
        """
        ...


class SearchWorkers(Protocol):
    """Boots states."""

    @property
    def ahead(self) -> int:
        """How many tasks to give out before the first result is taken."""
        ...

    def submit(self, function: Callable[[Any], ResultT], task: Any) -> Pending[ResultT]:
        """Give out a task: `expand` or `repeat`, and what it takes."""
        ...

    def close(self) -> None:
        """Drop what has not begun."""
        ...


class LocalWorkers:
    """Processes of this machine; with one, everything is made in this process.

    Args:
        deadline: when tasks end, done or not; see `Expander`.
    """

    def __init__(self, scenario: PreparedScenario, settings: SearchSettings, processes: int, deadline: float | None) -> None:
        self._workers = Workers(processes, start_expander, (scenario, settings, shared_calls(settings.engine), deadline))

    @property
    def ahead(self) -> int:
        """See `SearchWorkers`."""
        return _AHEAD * self._workers.processes

    def submit(self, function: Callable[[Any], ResultT], task: Any) -> Pending[ResultT]:
        """See `SearchWorkers`."""
        return self._workers.submit(function, task)

    def close(self) -> None:
        """Drop the tasks that have not begun and wait for those that have."""
        self._workers.close()


class StoredWorkers:
    """Workers that are asked only for what a file does not have; what they make goes into it once it is taken."""

    def __init__(self, workers: SearchWorkers, store: SearchStore, closed_pages: frozenset[int]) -> None:
        self._workers = workers
        self._store = store
        self._closed_pages = closed_pages

    @property
    def ahead(self) -> int:
        """See `SearchWorkers`."""
        return self._workers.ahead

    def submit(self, function: Callable[[Any], ResultT], task: Any) -> Pending[ResultT]:
        """See `SearchWorkers`."""
        key = key_of_task(task, self._closed_pages)
        known: Any = self._store.find(key, task)
        if known is not None:
            return _Known(known)
        return _Kept(self._workers.submit(function, task), self._store, key, task)

    def close(self) -> None:
        """Drop what has not begun; what the file has stays."""
        self._workers.close()


class _Known(Generic[ResultT]):
    def __init__(self, known: ResultT) -> None:
        self._known = known

    def result(self) -> ResultT:
        return self._known


class _Kept(Generic[ResultT]):
    def __init__(self, pending: Pending[ResultT], store: SearchStore, key: bytes, task: Any) -> None:
        self._pending = pending
        self._store = store
        self._key = key
        self._task = task

    def result(self) -> ResultT:
        result: Any = self._pending.result()
        self._store.add(self._key, self._task, result)
        made: ResultT = result
        return made
