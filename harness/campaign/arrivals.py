"""Verdicts as they come, from this process or from workers, and in the order of the plan."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar, overload

from harness.campaign.accelerations import EVERY_ACCELERATION, accelerates
from harness.campaign.runner import Job, WorkerStart, run_batch, start_worker
from harness.campaign.workers import Workers
from harness.oracle.verdict import Verdict

ResultT = TypeVar("ResultT")

_BATCH_JOBS = 24
_BATCH_JOBS_MOST = 1536
_PAGE_JOBS_MOST = 6144
"""So many cuts has a page of 4 KiB with the default tears; most are pruned, so they take no longer than other batches."""
_SHORT_SECONDS = 1.0
_LONG_SECONDS = 4.0
"""Batches that come back sooner are doubled, later halved: what neighbours share is made once a worker, and Ctrl-C waits for what has begun."""
_BATCH_JOBS_SLOW = 1
"""On an engine that makes every boot anew: Ctrl-C waits for the batches that have begun."""
_AHEAD = 4
"""Batches that are given out for each worker: none of them waits for this process."""

NumberedJob = tuple[int, Job]
NumberedVerdict = tuple[int, Verdict]
"""With the number of the fault in the plan."""
Arrivals = Generator[list[NumberedVerdict], None, None]


def judged_here(start: WorkerStart, jobs: Sequence[NumberedJob]) -> Arrivals:
    """Judge faults in this process; yield each verdict at once."""
    runner = start.tool()
    try:
        for number, job in jobs:
            yield [(number, runner.judge(job))]
    finally:
        runner.close()


def judged_by_workers(start: WorkerStart, jobs: Sequence[NumberedJob], workers: Workers) -> Arrivals:
    """Judge faults in batches of neighbours, which share most of their boots; yield each batch when it is done.

    Towards the end batches are smaller, so that no worker waits long for another.
    Leaving early drops the batches that have not begun and waits for those that have.

    Args:
        workers: made by `make_workers`; they are closed at the end.
    """
    workers.begin(start.together())
    under_way: dict[Future[list[Verdict]], tuple[Sequence[NumberedJob], float]] = {}
    begun = 0
    pages = PageBatches(start)
    shares = accelerates(start.engine, EVERY_ACCELERATION)
    least_jobs = batch_jobs = _BATCH_JOBS if shares else _BATCH_JOBS_SLOW
    try:
        while begun < len(jobs) or under_way:
            while begun < len(jobs) and len(under_way) < _AHEAD * workers.processes:
                fair = (len(jobs) - begun) // (_AHEAD * workers.processes)
                batch = jobs[begun : pages.end_of_batch(jobs, begun, max(min(batch_jobs, fair), least_jobs))]
                under_way[workers.submit(run_batch, [job for _, job in batch])] = batch, time.monotonic()
                begun += len(batch)
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                batch, submitted = under_way.pop(future)
                numbers = [number for number, _ in batch]
                verdicts = future.result()
                if shares:
                    batch_jobs = _next_size(batch_jobs, time.monotonic() - submitted)
                yield list(zip(numbers, verdicts, strict=True))
    finally:
        workers.close()


def make_workers(processes: int) -> Workers:
    """Return workers that judge faults once they are told of what campaign."""
    return Workers(processes, start_worker, None)


class PageBatches:
    """Where batches end: cuts in one page, which lead to one run, go to one worker."""

    def __init__(self, start: WorkerStart) -> None:
        self._together = accelerates(start.engine, start.accelerations) and start.accelerations.prune
        self._logs = start.logs
        self._page_bytes = start.scenario.device.flash.page_bytes.value

    def end_of_batch(self, jobs: Sequence[NumberedJob], first: int, least: int) -> int:
        """Return where a batch ends that begins at `first`: after `least` jobs, or where the page of the last of them is done with."""
        end = min(first + least, len(jobs))
        if self._together:
            page, most = self._page_of(jobs[end - 1][1]), min(first + _PAGE_JOBS_MOST, len(jobs))
            while end < most and self._page_of(jobs[end][1]) == page:
                end += 1
        return end

    def _page_of(self, job: Job) -> tuple[int, int, int]:
        fault = job.faults[0]
        return job.case, fault.boot, self._logs[job.case].boots[fault.boot].operations[fault.operation].address // self._page_bytes


def _next_size(jobs: int, seconds: float) -> int:
    if seconds < _SHORT_SECONDS:
        return min(2 * jobs, _BATCH_JOBS_MOST)
    return max(jobs // 2, _BATCH_JOBS) if seconds > _LONG_SECONDS else jobs


class NumberedJobs(Sequence[NumberedJob]):
    """Some jobs of a plan with their numbers, looked up when they are asked for.

    Args:
        numbers: of the jobs in the plan `jobs`.
    """

    def __init__(self, numbers: Sequence[int], jobs: Sequence[Job]) -> None:
        self._numbers = numbers
        self._jobs = jobs

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> NumberedJob: ...

    @overload
    def __getitem__(self, index: slice) -> list[NumberedJob]: ...

    def __getitem__(self, index: int | slice) -> NumberedJob | list[NumberedJob]:
        if isinstance(index, slice):
            return [(number, self._jobs[number]) for number in self._numbers[index]]
        number = self._numbers[index]
        return number, self._jobs[number]


def in_order(numbers: Iterable[int], known: Iterable[tuple[int, ResultT]], arrivals: Iterator[tuple[int, ResultT]]) -> Iterator[tuple[int, ResultT]]:
    """Yield the results of `numbers` in their order, each as soon as all before it are there.

    Args:
        numbers: in ascending order. known: what is there from the start, in that order too.
        arrivals: what comes, in any order; ends early where a campaign failed to make all.
    """
    waiting: dict[int, ResultT] = {}
    from_before = iter(known)
    before = next(from_before, None)
    for number in numbers:
        while before is not None and before[0] <= number:
            waiting[before[0]] = before[1]
            before = next(from_before, None)
        while number not in waiting:
            arrived = next(arrivals, None)
            if arrived is None:
                return
            waiting[arrived[0]] = arrived[1]
        yield number, waiting.pop(number)
