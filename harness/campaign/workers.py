"""Worker processes that Ctrl-C does not reach: only the campaign's own process answers it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from harness.errors import EngineError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


def results_in_order(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], processes: int, start: Callable[..., None] | None = None, arguments: tuple[object, ...] = ()
) -> Iterator[ResultT]:
    """Run `function` on every task in worker processes; yield the results in the order of the tasks.

    Leaving the iteration early, by Ctrl-C too, drops the tasks that have not begun and waits for those that have.

    Args:
        start, arguments: called once in each worker, before its first task.

    Raises:
        EngineError: a worker process died.
    """
    # Spawned, not forked: the parent has threads (the progress bar), and a fork in the middle of one can hang.
    executor = ProcessPoolExecutor(processes, get_context("spawn"), start, arguments)  # type: ignore[arg-type] # typeshed ties both to one TypeVarTuple
    futures: list[Future[ResultT]] = []
    try:
        with ignoring_interrupts():  # inherited by the workers, from their first instruction on
            futures = [executor.submit(function, task) for task in tasks]
        for future in futures:
            yield future.result()
    except BrokenProcessPool as error:
        raise EngineError("a worker process died; run again with --jobs 1 to see why") from error
    finally:
        with ignoring_interrupts():  # a second Ctrl-C must not stop the tidying up
            executor.shutdown(wait=True, cancel_futures=True)


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
