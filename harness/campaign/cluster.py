"""A Dask cluster as the workers of a campaign: workers that die or join in the middle cost nothing but time."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.campaign.arrivals import Arrivals, NumberedJob
from harness.campaign.cluster_link import AHEAD, LOOK_SECONDS, TRIES, ClusterLink, connected, scheduler_lost, scheduler_there
from harness.campaign.runner import FaultRunner, Job, WorkerStart
from harness.errors import EngineError
from harness.oracle.verdict import Verdict

if TYPE_CHECKING:
    from distributed import Future

_TASK_SECONDS = 2.0
_LEAST_JOBS, _MOST_JOBS = 16, 4096


def judged_by_cluster(start: WorkerStart, jobs: Sequence[NumberedJob], address: str) -> Arrivals:
    """Judge faults on a cluster, in tasks of some seconds; yield each task's verdicts when it is done.

    A task whose worker dies is run by another one. Each result is taken once, whoever made it.

    Args:
        address: of the scheduler, as `tcp://10.0.0.5:8786`.

    Raises:
        InputError: nothing answers there, or a worker runs other versions.
        EngineError: no worker is left for minutes, a task kills one worker after the other, or the scheduler went away.
    """
    with connected(address) as client:
        yield from _Campaign(ClusterLink(client, start), jobs).results()


class _Campaign:
    """The tasks of one campaign on a cluster."""

    def __init__(self, link: ClusterLink, jobs: Sequence[NumberedJob]) -> None:
        self._link = link
        self._jobs = jobs
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._under_way: dict[Any, tuple[Future[Any], Sequence[NumberedJob], int]] = {}
        self._begun = 0
        self._workers = link.workers
        self._jobs_per_second = _LEAST_JOBS / _TASK_SECONDS

    def results(self) -> Arrivals:
        """Give out tasks and yield what comes, until every job is done."""
        while self._begun < len(self._jobs) or self._under_way:
            while self._begun < len(self._jobs) and len(self._under_way) < AHEAD * self._workers:
                self._give_out(self._next_jobs(), tries=1)
            future = self._next_done()
            _, jobs, tries = self._under_way.pop(future.key)
            outcome = self._outcome(future, jobs, tries)
            if outcome is not None:
                seconds, verdicts = outcome
                self._jobs_per_second = (self._jobs_per_second + len(jobs) / max(seconds, 0.01)) / 2
                yield [(number, verdict) for (number, _), verdict in zip(jobs, verdicts, strict=True)]
            self._workers = self._link.workers

    def _next_jobs(self) -> Sequence[NumberedJob]:
        """Return neighbours for a task of some seconds; towards the end fewer, so that no worker is left waiting for another."""
        fair = (len(self._jobs) - self._begun) // (AHEAD * self._workers)
        count = max(_LEAST_JOBS, min(_MOST_JOBS, fair, int(self._jobs_per_second * _TASK_SECONDS)))
        jobs = self._jobs[self._begun : self._begun + count]
        self._begun += len(jobs)
        return jobs

    def _give_out(self, jobs: Sequence[NumberedJob], tries: int) -> None:
        future = self._link.submit(_judge, [job for _, job in jobs])
        self._under_way[future.key] = (future, jobs, tries)
        future.add_done_callback(self._done.put)

    def _next_done(self) -> Future[Any]:
        """Wait for a task to end.

        Raises:
            EngineError: the scheduler went away, or there was no worker for minutes.
        """
        seen = time.monotonic()
        while True:
            try:
                return self._done.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                seen = self._link.check_alive(seen)

    def _outcome(self, future: Future[Any], jobs: Sequence[NumberedJob], tries: int) -> tuple[float, list[Verdict]] | None:
        """Return what a task gave; None: it is given out again."""
        from distributed.scheduler import KilledWorker

        if future.status in ("cancelled", "lost"):
            raise scheduler_lost()
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            if tries == TRIES:
                raise EngineError(f"faults {jobs[0][0]} to {jobs[-1][0]} of the plan killed one worker after the other; run them with --jobs 1 to see why")
            self._give_out(jobs, tries + 1)
            return None
        with scheduler_there():
            outcome: tuple[float, list[Verdict]] = future.result()
        future.release()
        return outcome


def _judge(runner: FaultRunner, jobs: Sequence[Job]) -> list[Verdict]:
    """Judge faults on a worker."""
    return [runner.judge(job) for job in jobs]
