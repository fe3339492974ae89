"""Worker processes that Ctrl-C does not reach: only the campaign's own process answers it.

One process is spawned, without threads, reads what all workers begin with, and forks them: so that is read once, and memory that was made to be
shared is shared. The campaign's own process is never forked itself: it has threads (the progress bar), and a fork in the middle of one can hang.
The spawned process may be there before it is known what workers begin with: then it imports what they need while the campaign makes its clean runs.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from harness.errors import EngineError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

_End = Callable[[], None]
_Start = Callable[..., _End | None] | None
_PICKLE = pickle.HIGHEST_PROTOCOL


class Workers:
    """Worker processes that stay; with one, everything runs in this process.

    Args:
        start, arguments: called once in each worker, before its first task. What `arguments` hold is read once, before workers part ways.
            What `start` returns is called when the worker ends. None: they wait for `begin`.
    """

    def __init__(self, processes: int, start: _Start = None, arguments: tuple[object, ...] | None = ()) -> None:
        self.processes = processes
        self._start = start
        self._begun = False
        self._threads: ThreadPoolExecutor | None = None
        self._end: _End | None = None
        if processes > 1:
            self._spawn(arguments)
            self._begun = arguments is not None
        elif arguments is not None:
            self.begin(*arguments)

    def begin(self, *arguments: object) -> None:
        """Let the workers begin; to be called once, unless the constructor had the arguments."""
        self._begun = True
        if self._threads is not None:
            with contextlib.suppress(OSError):  # the process died: whoever waits for a result is told
                self._orders.send(arguments)
        elif self._start is not None:
            self._end = self._start(*arguments)

    def _spawn(self, arguments: tuple[object, ...] | None) -> None:
        context = get_context("spawn")
        pairs = [context.Pipe() for _ in range(self.processes)]
        self._orders, orders = context.Pipe()
        self._parent = context.Process(target=_fork_workers, args=([theirs for _, theirs in pairs], orders, self._start, arguments), daemon=True)
        with ignoring_interrupts():  # inherited by the workers, from their first instruction on
            self._parent.start()
        for theirs in (*(theirs for _, theirs in pairs), orders):
            theirs.close()
        self._connections: list[Connection] = [ours for ours, _ in pairs]
        self._unclaimed = iter(self._connections)
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(self.processes, "worker", self._take_connection)

    def submit(self, function: Callable[[TaskT], ResultT], task: TaskT) -> Future[ResultT]:
        """Run `function` on a task; the future's result raises `EngineError` if its worker process died."""
        if self._threads is None:
            done: Future[ResultT] = Future()
            done.set_result(function(task))
            return done
        return self._threads.submit(self._run, function, task)

    def results(self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT], ahead: int = 1) -> Iterator[tuple[TaskT, ResultT]]:
        """Run `function` on every task; yield each with its result as soon as that is there, in any order.

        Args:
            ahead: tasks that are given out at a time, for each process.
        """
        waiting = iter(tasks)
        under_way: dict[Future[ResultT], TaskT] = {}
        most = ahead * self.processes if self.processes > 1 else 1
        while True:
            for task in itertools.islice(waiting, most - len(under_way)):
                under_way[self.submit(function, task)] = task
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                yield under_way.pop(future), future.result()

    def close(self) -> None:
        """Drop the tasks that have not begun and wait for those that have; a second time, do nothing."""
        if self._end is not None:
            self._end()
            self._end = None
        if self._threads is None:
            return
        with ignoring_interrupts():  # a second Ctrl-C must not stop the tidying up
            self._threads.shutdown(wait=True, cancel_futures=True)
            for connection in (*self._connections, self._orders):
                connection.close()
            if not self._begun:
                self._parent.terminate()  # it need not finish its imports
            self._parent.join()
            self._parent.close()
        self._threads = None

    def _take_connection(self) -> None:
        """Give a thread the worker that it speaks to."""
        self._own.connection = next(self._unclaimed)

    def _run(self, function: Callable[[TaskT], ResultT], task: TaskT) -> ResultT:
        connection: Connection = self._own.connection
        try:
            connection.send((function, task))
            made, outcome = pickle.loads(connection.recv_bytes())  # noqa: S301 -- from a process that this one started
        except (EOFError, OSError) as error:
            raise EngineError("a worker process died; run again with --jobs 1 to see why") from error
        if not made:
            raise outcome
        result: ResultT = outcome
        return result


def _fork_workers(connections: Sequence[Connection], orders: Connection, start: _Start, arguments: tuple[object, ...] | None) -> None:
    """Fork a worker for each connection once it is known what they begin with, and wait for all of them.

    Args:
        arguments: what they begin with, if it was known from the start: only so may it hold memory that processes share. None: it is told in an order.
    """
    if arguments is None:
        try:
            arguments = orders.recv()
        except EOFError:
            return  # there is nothing for them to do
    orders.close()
    gc.freeze()  # what is here now is the workers' common memory: no collection needs to touch it
    workers = []
    for connection in connections:
        worker = os.fork()
        if worker == 0:
            for other in connections:
                if other is not connection:
                    other.close()
            _work(connection, start, arguments)
            sys.exit()
        workers.append(worker)
    for connection in connections:
        connection.close()
    for worker in workers:
        os.waitpid(worker, 0)


def _work(connection: Connection, start: _Start, arguments: tuple[object, ...]) -> None:
    """Do one task after the other, until the campaign closes the connection; this process does nothing else."""
    threading.Thread(target=_end_with_campaign, name="end with campaign", daemon=True).start()
    end: _End | None = None
    failure: bytes | None = None
    try:
        end = start(*arguments) if start else None
    except Exception as error:  # noqa: BLE001 -- it is raised again by whoever waits for a result
        failure = _spelled(error)
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, task = connection.recv()
            connection.send_bytes(failure or _outcome_of(function, task))
    if end is not None:
        end()


def _outcome_of(function: Callable[[Any], Any], task: Any) -> bytes:
    """Return whether a task was done, and its result or what was raised."""
    try:
        return pickle.dumps((True, function(task)), _PICKLE)
    except Exception as error:  # noqa: BLE001 -- it is raised again by whoever waits for the result
        return _spelled(error)


def _spelled(error: Exception) -> bytes:
    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
    try:
        return pickle.dumps((False, error), _PICKLE)
    except Exception:  # noqa: BLE001 -- whatever cannot be pickled can still be told
        return pickle.dumps((False, EngineError(f"a worker process failed: {error!r}")), _PICKLE)


def _end_with_campaign() -> None:
    """End a worker whose campaign was killed, in the middle of a task too."""
    campaign = parent_process()
    if campaign is not None:
        campaign.join()
        os._exit(1)


def results_in_order(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], processes: int, start: _Start = None, arguments: tuple[object, ...] = ()
) -> Iterator[ResultT]:
    """Run `function` on every task in worker processes; yield the results in the order of the tasks.

    Leaving the iteration early, by Ctrl-C too, drops the tasks that have not begun and waits for those that have.

    Args:
        processes: more than one. start, arguments: called once in each worker, before its first task.

    Raises:
        EngineError: a worker process died.
    """
    workers = Workers(processes, start, arguments)
    try:
        for future in [workers.submit(function, task) for task in tasks]:
            yield future.result()
    finally:
        workers.close()


@contextlib.contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C for a moment. Outside of the main thread, where no handler can be set, nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
