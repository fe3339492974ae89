"""The link to a Dask cluster: connecting, checking its workers, and what they all start with."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from harness.campaign.identity import worker_identity
from harness.errors import EngineError, InputError

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2
"""Tasks given out for each worker: one that it runs, one that waits there."""
TRIES = 5
"""How many workers a task may kill."""
LOOK_SECONDS = 5

_ALONE_SECONDS = 300
_CONNECT_SECONDS = 20
_ADDRESS = re.compile(r"(tcp|tls)://.+:\d+")
_GIVE_ADDRESS = "Give the address that `dask scheduler` prints, as tcp://10.0.0.5:8786."
_INSTALL = "Install it: pip install 'boot-harness[cluster]'."
_SAME_VERSIONS = "Install the same versions on all machines."


class Tool(Protocol):
    """What a worker makes once for all tasks of a campaign."""

    def close(self) -> None:
        """Release its machines."""
        ...


class Start(Protocol):
    """What workers start with; pickled once for all of them."""

    def tool(self) -> Tool:
        """Return what makes the tasks."""
        ...


class ClusterLink:
    """A connection to a cluster, and the tasks of one campaign there.

    Args:
        start: what workers start with.
    """

    def __init__(self, client: Client, start: Start) -> None:
        self._client = client
        packed = zlib.compress(pickle.dumps(start), 1)
        self._digest = hashlib.sha256(packed).hexdigest()
        # A task of its own and not data spread by hand: the scheduler can make it again where all workers that had it died.
        self._start = client.submit(_unpack, packed, key=f"boot-harness-{self._digest}", pure=False)

    @property
    def workers(self) -> int:
        """How many there are now, at least one."""
        with scheduler_there():
            return max(1, len(self._client.nthreads()))

    def submit(self, function: Callable[[Any, Any], object], task: object) -> Future[Any]:
        """Give out a task: `function` is called on a worker with its tool and `task`. Its result is (seconds that it took, what it returned)."""
        return self._client.submit(_run_on_worker, self._start, self._digest, worker_identity(), function, task, pure=False)

    def check_alive(self, seen: float) -> float:
        """Return now if there is a worker, else `seen`, when there was one.

        Raises:
            EngineError: the scheduler went away, or there was no worker for minutes.
        """
        if self._client.status != "running":
            raise scheduler_lost()
        with scheduler_there():
            if self._client.nthreads():
                return time.monotonic()
        if time.monotonic() - seen > _ALONE_SECONDS:
            raise EngineError(f"the cluster has had no worker for {_ALONE_SECONDS} s; with --store, go on later with --resume")
        return seen


@contextlib.contextmanager
def connected(address: str) -> Iterator[Client]:
    """Connect to a scheduler, and check its workers.

    Raises:
        InputError: nothing answers there, there is no worker, or one would make other verdicts than this machine.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("the package `distributed` is missing", source="--cluster", remedy=_INSTALL) from None
    if not _ADDRESS.fullmatch(address):
        raise InputError(f"{address!r} is no address of a scheduler", source="--cluster", remedy=_GIVE_ADDRESS)
    _silence()
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no scheduler answers at {address}", source="--cluster", remedy=_GIVE_ADDRESS) from error
    try:
        _check_workers(client, address)
        yield client
    finally:
        client.close(timeout=_CONNECT_SECONDS)


def _silence() -> None:
    """Keep to ourselves what the package has to say of workers that come and go: that is no news to the user, and what fails is raised."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":  # some of its loggers have a level of their own
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def scheduler_there() -> Iterator[None]:
    """Ask something of the scheduler.

    Raises:
        EngineError: it went away meanwhile.
    """
    from distributed.comm.core import CommClosedError

    try:
        yield
    except CommClosedError as error:
        raise scheduler_lost() from error


def scheduler_lost() -> EngineError:
    """Return the error of a campaign whose scheduler is gone."""
    return EngineError("the scheduler of the cluster went away; with --store, go on with --resume")


def _check_workers(client: Client, address: str) -> None:
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


def _check_identity(worker: str, identity: dict[str, str], wanted: dict[str, str]) -> None:
    for name, value in wanted.items():
        if identity.get(name) != value:
            raise InputError(f"worker {worker} has {name} {identity.get(name)}, and here it is {value}", source="--cluster", remedy=_SAME_VERSIONS)


def _identity_of_worker() -> dict[str, str]:
    return worker_identity()


def _unpack(packed: bytes) -> Start:
    """Return what workers start with; runs on a worker."""
    start: Start = pickle.loads(zlib.decompress(packed))  # noqa: S301 -- from the campaign's own process, over the cluster's own connection
    return start


_tool: tuple[str, Tool] | None = None
_one_at_a_time = threading.Lock()
"""A machine serves one thread: a worker with several runs their tasks one after the other."""


def _run_on_worker(start: Start, digest: str, identity: dict[str, str], function: Callable[[Tool, object], object], task: object) -> tuple[float, object]:
    """Make a task on a worker; the tool and what it learnt stay for the next task of the campaign."""
    global _tool
    with _one_at_a_time:
        began = time.monotonic()
        if _tool is None or _tool[0] != digest:
            _check_identity("that joined", worker_identity(), identity)
            if _tool is not None:
                _tool[1].close()
            _tool = (digest, start.tool())
        result = function(_tool[1], task)
        return time.monotonic() - began, result
