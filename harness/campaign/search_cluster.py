"""A Dask cluster that boots the states of a search. What is one state is decided here: workers never talk to each other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.campaign.cluster_link import AHEAD, LOOK_SECONDS, TRIES, ClusterLink, connected, scheduler_lost
from harness.campaign.expand import Expander, SearchSettings
from harness.campaign.search_workers import Pending
from harness.errors import EngineError
from harness.scenario.prepared import PreparedScenario

if TYPE_CHECKING:
    from distributed import Future

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class SearchStart:
    """What the workers of a search start with; the same as the arguments of an `Expander`."""

    scenario: PreparedScenario
    settings: SearchSettings

    def tool(self) -> Expander:
        """Return an expander made with these."""
        return Expander(self.scenario, self.settings)


class ClusterWorkers:
    """The workers of a cluster; see `SearchWorkers`.

    Args:
        address: of the scheduler, as `tcp://10.0.0.5:8786`.

    Raises:
        InputError: nothing answers there, or a worker runs other versions.
    """

    def __init__(self, scenario: PreparedScenario, settings: SearchSettings, address: str) -> None:
        self._connection = contextlib.ExitStack()
        client = self._connection.enter_context(connected(address))
        self._link = ClusterLink(client, SearchStart(scenario, settings))

    @property
    def ahead(self) -> int:
        """Two tasks a worker, for as many workers as there are now."""
        return AHEAD * self._link.workers

    def submit(self, function: Callable[[Any], ResultT], task: Any) -> Pending[ResultT]:
        """Give out a task; one whose worker dies is made by another worker."""
        return _OnCluster(self._link, function.__name__, task)

    def close(self) -> None:
        """Leave the cluster; it drops what was given out."""
        self._connection.close()


class _OnCluster(Generic[ResultT]):
    """A task on its way."""

    def __init__(self, link: ClusterLink, name: str, task: object) -> None:
        self._link = link
        self._named_task = (name, task)
        self._tries = 0
        self._give_out()

    def _give_out(self) -> None:
        self._tries += 1
        self._done = threading.Event()
        self._future: Future[Any] = self._link.submit(_make, self._named_task)
        self._future.add_done_callback(lambda _: self._done.set())

    def result(self) -> ResultT:
        """Wait for what came of it.

        Raises:
            EngineError: the scheduler went away, no worker is left for minutes, or the task kills one worker after the other.
        """
        from distributed.scheduler import KilledWorker

        while True:
            self._wait()
            error = self._future.exception() if self._future.status == "error" else None
            if not isinstance(error, KilledWorker):
                break
            if self._tries == TRIES:
                raise EngineError("a state killed one worker after the other; search with --jobs 1 to see why")
            self._give_out()
        result: ResultT
        _, result = self._future.result()
        self._future.release()
        return result

    def _wait(self) -> None:
        seen = time.monotonic()
        while not self._done.wait(LOOK_SECONDS):
            seen = self._link.check_alive(seen)
        if self._future.status in ("cancelled", "lost"):
            raise scheduler_lost()


def _make(expander: Expander, named_task: tuple[str, Any]) -> object:
    """Make a task on a worker."""
    name, task = named_task
    return getattr(expander, name)(task)
