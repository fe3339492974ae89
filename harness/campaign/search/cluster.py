"""A Dask cluster that boots the states of a search. What is one state is decided here: workers never talk to each other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.campaign.cluster_link import AHEAD, LOOK_SECONDS, TRIES, ClusterLink, connected, scheduler_lost, scheduler_there
from harness.campaign.search.expand import Expander, OutOfTimeError, SearchSettings
from harness.campaign.search.workers import Pending
from harness.errors import EngineError
from harness.scenario.prepared import PreparedScenario

if TYPE_CHECKING:
    from distributed import Future

ResultT = TypeVar("ResultT")
NamedTask = tuple[str, Any]
"""A method of `Expander`, and what it takes."""

_BATCH_SECONDS = 1.0
_MOST_TASKS = 64


@dataclass(frozen=True, slots=True)
class SearchStart:
    """What the workers of a search start with; the same as the arguments of an `Expander`."""

    scenario: PreparedScenario
    settings: SearchSettings

    def tool(self) -> Expander:
        """Return an expander made with these."""
        return Expander(self.scenario, self.settings)


class ClusterWorkers:
    """The workers of a cluster; see `SearchWorkers`. They are given states in batches of about a second.

    Args:
        address: of the scheduler, as `tcp://10.0.0.5:8786`.
        deadline: when tasks end, done or not, by this machine's `time.monotonic`; None: never.

    Raises:
        InputError: nothing answers there, or a worker runs other versions.
    """

    def __init__(self, scenario: PreparedScenario, settings: SearchSettings, address: str, deadline: float | None = None) -> None:
        self._deadline = deadline
        self._connection = contextlib.ExitStack()
        client = self._connection.enter_context(connected(address))
        self._link = ClusterLink(client, SearchStart(scenario, settings))
        self._waiting: list[_OnCluster[Any]] = []
        self._batch_tasks = 1

    @property
    def ahead(self) -> int:
        """Two batches a worker, for as many workers as there are now."""
        return AHEAD * self._link.workers * self._batch_tasks

    def submit(self, function: Callable[[Any], ResultT], task: Any) -> Pending[ResultT]:
        """Give out a task with the next batch; a batch whose worker dies is made by another worker."""
        pending: _OnCluster[ResultT] = _OnCluster(self, (function.__name__, task))
        self._waiting.append(pending)
        if len(self._waiting) >= self._batch_tasks:
            self._send(len(self._waiting))
        return pending

    def send_all(self) -> None:
        """Send what waits for its batch to be full: a part to each worker."""
        self._send(-(-len(self._waiting) // self._link.workers))

    def took(self, seconds: float, tasks: int) -> None:
        """Hear how long a batch took, and size the next ones by it."""
        self._batch_tasks = max(1, min(_MOST_TASKS, int(_BATCH_SECONDS * tasks / max(seconds, 0.001))))

    def close(self) -> None:
        """Leave the cluster; it drops what was given out."""
        self._connection.close()

    def _send(self, size: int) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), max(1, size)):
            part = waiting[first : first + size]
            batch = _Batch(self._link, [pending.task for pending in part], self.took, self._deadline)
            for place, pending in enumerate(part):
                pending.sent(batch, place)


class _OnCluster(Generic[ResultT]):
    """A task on its way, or waiting to be sent."""

    def __init__(self, workers: ClusterWorkers, task: NamedTask) -> None:
        self.task = task
        self._workers = workers
        self._batch: _Batch | None = None
        self._place = 0

    def sent(self, batch: _Batch, place: int) -> None:
        """It is part of a batch now."""
        self._batch, self._place = batch, place

    def result(self) -> ResultT:
        """See `Pending`."""
        if self._batch is None:
            self._workers.send_all()
        assert self._batch is not None
        result: ResultT = self._batch.results()[self._place]
        return result


class _Batch:
    """Tasks that one worker makes.

    Args:
        took: hears how many seconds it took, and how many tasks it had. deadline: when it ends, done or not; None: never.
    """

    def __init__(self, link: ClusterLink, tasks: Sequence[NamedTask], took: Callable[[float, int], None], deadline: float | None) -> None:
        self._link = link
        self._tasks = tasks
        self._took = took
        self._deadline = deadline
        self._tries = 0
        self._results: Sequence[Any] | None = None
        self._give_out()

    def results(self) -> Sequence[Any]:
        """Wait for what came of all of them.

        Raises:
            EngineError: the scheduler went away, no worker is left for minutes, or the batch kills one worker after the other.
            OutOfTimeError: the time is over, here or on the worker.
        """
        if self._results is None:
            future = self._finished()
            with scheduler_there():
                seconds, self._results = future.result()
            future.release()
            self._took(seconds, len(self._tasks))
        assert self._results is not None
        return self._results

    def _give_out(self) -> None:
        self._tries += 1
        self._done = threading.Event()
        self._future: Future[Any] = self._link.submit(_make, (self._tasks, self._seconds_left()))
        self._future.add_done_callback(lambda _: self._done.set())

    def _finished(self) -> Future[Any]:
        from distributed.scheduler import KilledWorker

        while True:
            self._wait()
            error = self._future.exception() if self._future.status == "error" else None
            if not isinstance(error, KilledWorker):
                return self._future
            if self._tries == TRIES:
                raise EngineError("some states killed one worker after the other; search with --jobs 1 to see why")
            self._give_out()

    def _wait(self) -> None:
        seen = time.monotonic()
        while not self._done.wait(LOOK_SECONDS if (left := self._seconds_left()) is None else min(LOOK_SECONDS, left)):
            if self._seconds_left() == 0:
                raise OutOfTimeError
            seen = self._link.check_alive(seen)
        if self._future.status in ("cancelled", "lost"):
            raise scheduler_lost()

    def _seconds_left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())


def _make(expander: Expander, batch: tuple[Sequence[NamedTask], float | None]) -> list[object]:
    """Make tasks on a worker, in so many seconds of its own clock at most.

    Raises:
        OutOfTimeError: they are over.
    """
    tasks, seconds = batch
    expander.end_at(None if seconds is None else time.monotonic() + seconds)
    return [getattr(expander, name)(task) for name, task in tasks]
