"""Batches for worker processes."""

from __future__ import annotations

import itertools

import pytest

from harness.campaign.accelerations import EVERY_ACCELERATION, NO_ACCELERATION, Accelerations
from harness.campaign.arrivals import NumberedJob, PageBatches
from harness.campaign.boots import log_of
from harness.campaign.planning import plan_campaign
from harness.campaign.runner import Job, WorkerStart
from harness.campaign.sweep import SweepOptions, run_clean
from harness.scenario.prepare import PrepareOptions, prepare


@pytest.mark.parametrize(
    ("accelerations", "least", "split"),
    [(EVERY_ACCELERATION, 24, 0), (EVERY_ACCELERATION, 1536, 0), (NO_ACCELERATION, 1536, 4)],
    ids=["small", "large", "where nothing is pruned"],
)
def test_cuts_in_one_page_stay_together(accelerations: Accelerations, least: int, split: int) -> None:
    """Batches follow each other without a gap, and end where the cuts in a page end; where each cut is a run of its own, after so many."""
    scenario = prepare("stm32f103/speck-full", PrepareOptions())
    options = SweepOptions(only_case="update")
    logs = [log_of(run, options.seed) for run in run_clean(scenario, options)]
    jobs = list(enumerate(plan_campaign(scenario, logs, options)[0]))
    batches = PageBatches(WorkerStart(scenario, logs, options.seed, options.engine, accelerations))

    def page_of(numbered: NumberedJob) -> int:
        job: Job = numbered[1]
        return logs[0].boots[job.faults[0].boot].operations[job.faults[0].operation].address // 1024

    ends = [0]
    while ends[-1] < len(jobs):
        ends.append(batches.end_of_batch(jobs, ends[-1], least))

    assert all(after - before >= least for before, after in itertools.pairwise(ends[:-1]))
    assert sum(page_of(jobs[end]) == page_of(jobs[end - 1]) for end in ends[1:-1]) >= split
    assert split or all(page_of(jobs[end]) != page_of(jobs[end - 1]) for end in ends[1:-1])
