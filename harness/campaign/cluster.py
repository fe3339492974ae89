"""A Dask cluster as the workers of a campaign: workers that die or join in the middle cost nothing but time."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle
import queue
import re
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.campaign.arrivals import Arrivals, NumberedJob
from harness.campaign.identity import worker_identity
from harness.campaign.runner import FaultRunner, Job, WorkerStart
from harness.errors import EngineError, InputError
from harness.oracle.verdict import Verdict

if TYPE_CHECKING:
    from distributed import Client, Future

_AHEAD = 2
"""Tasks given out for each worker: one that it runs, one that waits there."""
_TASK_SECONDS = 2.0
_LEAST_JOBS, _MOST_JOBS = 16, 4096
_CONNECT_SECONDS = 20
_LOOK_SECONDS = 5
_ALONE_SECONDS = 300
_TRIES = 5
_ADDRESS = re.compile(r"(tcp|tls)://.+:\d+")
_GIVE_ADDRESS = "Give the address that `dask scheduler` prints, as tcp://10.0.0.5:8786."
_INSTALL = "Install it: pip install 'boot-harness[cluster]'."


def judged_by_cluster(start: WorkerStart, jobs: Sequence[NumberedJob], address: str) -> Arrivals:
    """Judge faults on a cluster, in tasks of some seconds; yield each task's verdicts when it is done.

    A task whose worker dies is run by another one. Each result is taken once, whoever made it.

    Args:
        address: of the scheduler, as `tcp://10.0.0.5:8786`.

    Raises:
        InputError: nothing answers there, or a worker runs other versions.
        EngineError: no worker is left for minutes, a task kills one worker after the other, or the scheduler went away.
    """
    with _connected(address) as client:
        _check_workers(client, address)
        yield from _Campaign(client, start, jobs).results()


class _Campaign:
    """The tasks of one campaign on a cluster."""

    def __init__(self, client: Client, start: WorkerStart, jobs: Sequence[NumberedJob]) -> None:
        self._client = client
        self._jobs = jobs
        packed = zlib.compress(pickle.dumps(start), 1)
        self._digest = hashlib.sha256(packed).hexdigest()
        # A task of its own and not data spread by hand: the scheduler can make it again where all workers that had it died.
        self._start = client.submit(_unpack, packed, key=f"boot-harness-{self._digest}", pure=False)
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._under_way: dict[Any, tuple[Future[Any], Sequence[NumberedJob], int]] = {}
        self._begun = 0
        self._workers = len(client.nthreads())
        self._jobs_per_second = _LEAST_JOBS / _TASK_SECONDS

    def results(self) -> Arrivals:
        """Give out tasks and yield what comes, until every job is done."""
        while self._begun < len(self._jobs) or self._under_way:
            while self._begun < len(self._jobs) and len(self._under_way) < _AHEAD * self._workers:
                self._give_out(self._next_jobs(), tries=1)
            future = self._next_done()
            _, jobs, tries = self._under_way.pop(future.key)
            outcome = self._outcome(future, jobs, tries)
            if outcome is not None:
                seconds, verdicts = outcome
                self._jobs_per_second = (self._jobs_per_second + len(jobs) / max(seconds, 0.01)) / 2
                yield [(number, verdict) for (number, _), verdict in zip(jobs, verdicts, strict=True)]
            self._workers = max(1, len(self._client.nthreads()))

    def _next_jobs(self) -> Sequence[NumberedJob]:
        """Return neighbours for a task of some seconds; towards the end fewer, so that no worker is left waiting for another."""
        fair = (len(self._jobs) - self._begun) // (_AHEAD * self._workers)
        count = max(_LEAST_JOBS, min(_MOST_JOBS, fair, int(self._jobs_per_second * _TASK_SECONDS)))
        jobs = self._jobs[self._begun : self._begun + count]
        self._begun += len(jobs)
        return jobs

    def _give_out(self, jobs: Sequence[NumberedJob], tries: int) -> None:
        future = self._client.submit(_run_on_worker, self._start, self._digest, worker_identity(), [job for _, job in jobs], pure=False)
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
                return self._done.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self._client.status != "running":
                    raise _scheduler_lost() from None
                if self._client.nthreads():
                    seen = time.monotonic()
                elif time.monotonic() - seen > _ALONE_SECONDS:
                    raise EngineError(f"the cluster has had no worker for {_ALONE_SECONDS} s; with --store, go on later with --resume") from None

    def _outcome(self, future: Future[Any], jobs: Sequence[NumberedJob], tries: int) -> tuple[float, list[Verdict]] | None:
        """Return what a task gave; None: it is given out again."""
        from distributed.scheduler import KilledWorker

        if future.status in ("cancelled", "lost"):
            raise _scheduler_lost()
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            if tries == _TRIES:
                raise EngineError(f"faults {jobs[0][0]} to {jobs[-1][0]} of the plan killed one worker after the other; run them with --jobs 1 to see why")
            self._give_out(jobs, tries + 1)
            return None
        outcome: tuple[float, list[Verdict]] = future.result()
        future.release()
        return outcome


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("the package `distributed` is missing", source="--cluster", remedy=_INSTALL) from None
    if not _ADDRESS.fullmatch(address):
        raise InputError(f"{address!r} is no address of a scheduler", source="--cluster", remedy=_GIVE_ADDRESS)
    # What it has to say of workers that come and go is no news to the user; what fails is raised.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no scheduler answers at {address}", source="--cluster", remedy=_GIVE_ADDRESS) from error
    try:
        yield client
    finally:
        client.close(timeout=_CONNECT_SECONDS)


def _check_workers(client: Client, address: str) -> None:
    """Refuse a cluster whose workers would make other verdicts than this machine."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError:
        remedy = f"Start one: dask worker {address} --nthreads 1"
        raise InputError(f"the scheduler at {address} has no worker", source="--cluster", remedy=remedy) from None
    found = client.run(_identity_of_worker, on_error="return")
    for worker, identity in found.items():
        if isinstance(identity, Exception):
            raise InputError(f"worker {worker} cannot load boot-harness: {identity}", source="--cluster", remedy=_SAME_VERSIONS) from identity
        _check_identity(worker, identity, worker_identity())


_SAME_VERSIONS = "Install the same versions on all machines."


def _check_identity(worker: str, identity: dict[str, str], wanted: dict[str, str]) -> None:
    for name, value in wanted.items():
        if identity.get(name) != value:
            raise InputError(f"worker {worker} has {name} {identity.get(name)}, and here it is {value}", source="--cluster", remedy=_SAME_VERSIONS)


def _scheduler_lost() -> EngineError:
    return EngineError("the scheduler of the cluster went away; with --store, go on with --resume")


def _identity_of_worker() -> dict[str, str]:
    return worker_identity()


def _unpack(packed: bytes) -> WorkerStart:
    """Return what workers start with; runs on a worker."""
    start: Any = pickle.loads(zlib.decompress(packed))  # noqa: S301 -- from the campaign's own process, over the cluster's own connection
    assert isinstance(start, WorkerStart)
    return start


_runner: tuple[str, FaultRunner] | None = None
_one_at_a_time = threading.Lock()
"""A machine serves one thread: a worker with several runs their tasks one after the other."""


def _run_on_worker(start: WorkerStart, digest: str, identity: dict[str, str], jobs: Sequence[Job]) -> tuple[float, list[Verdict]]:
    """Judge faults on a worker; the machine and what it learnt stay for the next task of the campaign.

    Returns:
        Seconds that it took, and the verdicts.
    """
    global _runner
    with _one_at_a_time:
        began = time.monotonic()
        if _runner is None or _runner[0] != digest:
            _check_identity("that joined", worker_identity(), identity)
            if _runner is not None:
                _runner[1].close()
            _runner = (digest, start.runner())
        runner = _runner[1]
        verdicts = [runner.judge(job) for job in jobs]
        return time.monotonic() - began, verdicts
