"""Worker processes that Ctrl-C does not reach: only the campaign's own process answers it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

from harness.errors import EngineError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


class Workers:
    """Worker processes that stay; with one, everything runs in this process.

    Args:
        start, arguments: called once in each worker, before its first task.
    """

    def __init__(self, processes: int, start: Callable[..., None] | None = None, arguments: tuple[object, ...] = ()) -> None:
        self.processes = processes
        self._executor: ProcessPoolExecutor | None = None
        if processes > 1:
            # Spawned, not forked: the parent has threads (the progress bar), and a fork in the middle of one can hang.
            self._executor = ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (start, arguments))
        elif start is not None:
            start(*arguments)

    def submit(self, function: Callable[[TaskT], ResultT], task: TaskT) -> Future[ResultT]:
        """Run `function` on a task; the future's result is fetched with `result_of`."""
        if self._executor is None:
            done: Future[ResultT] = Future()
            done.set_result(function(task))
            return done
        with ignoring_interrupts():  # inherited by the workers, from their first instruction on
            return self._executor.submit(function, task)

    def close(self) -> None:
        """Drop the tasks that have not begun and wait for those that have."""
        if self._executor is not None:
            with ignoring_interrupts():  # a second Ctrl-C must not stop the tidying up
                self._executor.shutdown(wait=True, cancel_futures=True)


def _start_worker(start: Callable[..., None] | None, arguments: tuple[object, ...]) -> None:
    """Begin a worker that ends with the campaign: one that is killed closes no queue, and its workers would wait for the next task for ever."""
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    if start is not None:
        start(*arguments)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def result_of(future: Future[ResultT]) -> ResultT:
    """Wait for a task's result.

    Raises:
        EngineError: its worker process died.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise EngineError("a worker process died; run again with --jobs 1 to see why") from error


def results_in_order(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], processes: int, start: Callable[..., None] | None = None, arguments: tuple[object, ...] = ()
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
            yield result_of(future)
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
