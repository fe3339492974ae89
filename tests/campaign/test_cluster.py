"""A cluster gives the result of one process, whatever becomes of its workers."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import distributed
import pytest
from distributed.comm.core import CommClosedError

from harness.campaign import cluster_link
from harness.campaign.search.closure import search
from harness.campaign.search.cluster import ClusterWorkers
from harness.campaign.search.expand import OutOfTimeError, Repeat, SearchSettings, Task, expand, repeat
from harness.campaign.search.outcome import SearchOptions
from harness.campaign.search.state import start_of
from harness.campaign.search.store import SearchStore
from harness.campaign.sweep import SweepOptions, sweep
from harness.errors import EngineError, InputError
from harness.fault.faults import Fault, Tear
from harness.oracle.verdict import Verdict
from harness.report.lines import verdict_line
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

OPTIONS = SweepOptions(only_case="update", operations=(0, 24))
_LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")


class LocalCluster:
    """A scheduler and its workers, each a process of its own on the loopback interface."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        file = folder / "scheduler.json"
        self._start("scheduler", *_LOOPBACK, "--port", "0", "--scheduler-file", str(file))
        deadline = time.monotonic() + 120
        while not (file.exists() and file.read_text().rstrip().endswith("}")) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.address: str = json.loads(file.read_text())["address"]

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker; it joins on its own."""
        return self._start("worker", self.address, *_LOOPBACK, "--no-nanny", "--nthreads", "1", "--local-directory", str(self._folder))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments]
        process = self._stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        self._stack.callback(process.kill)
        return process


@pytest.fixture(scope="module", name="local_cluster")
def _local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with ExitStack() as stack:
        yield LocalCluster(stack, tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare("stm32f103/speck-full", PrepareOptions())


class KillsAWorker:
    """An observer that kills one worker after the first verdict, and starts another."""

    def __init__(self, cluster: LocalCluster, victim: subprocess.Popen[bytes]) -> None:
        self._cluster = cluster
        self._victim = victim
        self.killed = False

    def cleared(self, verdict: Verdict) -> None:
        """Go on."""

    def planned(self, total: int) -> None:
        """Go on."""

    def judged(self, verdict: Verdict) -> None:
        """Kill once."""
        del verdict
        if not self.killed:
            self._victim.kill()
            self._victim.wait()
            self._cluster.add_worker()
            self.killed = True


def test_a_killed_worker_and_one_that_joins_change_no_verdict(local_cluster: LocalCluster, scenario: PreparedScenario) -> None:
    """Of two workers one is killed after the first verdicts, and a third one joins: every verdict is there once, and is that of a single process."""
    victim = local_cluster.add_worker()
    local_cluster.add_worker()
    observer = KillsAWorker(local_cluster, victim)

    result = sweep(scenario, replace(OPTIONS, cluster=local_cluster.address), observer)

    alone = sweep(scenario, OPTIONS)
    assert observer.killed
    assert len(result.verdicts) == result.planned == alone.planned > 80
    assert [verdict_line(scenario, verdict, 1, "embedded") for verdict in result.verdicts] == [
        verdict_line(scenario, verdict, 1, "embedded") for verdict in alone.verdicts
    ]


class KillsASearcher:
    """The same for a search: after the first state."""

    def __init__(self, cluster: LocalCluster, victim: subprocess.Popen[bytes]) -> None:
        self._cluster = cluster
        self._victim = victim
        self.killed = False

    def searching(self, booted: int, reached: int, violations: int) -> None:
        """Kill once."""
        del booted, reached, violations
        if not self.killed:
            self._victim.kill()
            self._victim.wait()
            self._cluster.add_worker()
            self.killed = True

    def shrinking(self, number: int, count: int) -> None:
        """Go on."""


def test_a_search_on_a_cluster_finds_the_states_of_a_single_process(local_cluster: LocalCluster, scenario: PreparedScenario, tmp_path: Path) -> None:
    """Also where a worker is killed in the middle and another one joins; what they booted is kept as from processes of this machine."""
    options = SearchOptions(depth=2, only_case="counter-behind")
    observer = KillsASearcher(local_cluster, local_cluster.add_worker())

    with closing(SearchStore(tmp_path / "search.store", options.stored(scenario))) as store:
        result = search(scenario, replace(options, cluster=local_cluster.address), observer, store)
    with closing(SearchStore(tmp_path / "search.store")) as store:
        again = search(scenario, options, results=store)

    alone = search(scenario, options)
    assert observer.killed
    assert result.kept == 0
    assert again.kept == alone.states + alone.compared
    assert list(result.store.booted()) == list(again.store.booted()) == list(alone.store.booted())
    assert list(result.store.edges()) == list(alone.store.edges())


def test_a_budget_ends_a_search_on_a_cluster_in_the_middle_of_a_task(local_cluster: LocalCluster, scenario: PreparedScenario) -> None:
    """A cut that is repeated for hours is left, here and on the worker, which is free for the next search."""
    local_cluster.add_worker()
    start = start_of(scenario, [case.name for case in scenario.cases].index("update"))
    endless = Repeat(start, Fault(0, 0, Tear.NONE), 10**9)

    workers = ClusterWorkers(scenario, SearchSettings(), local_cluster.address, deadline=time.monotonic() + 5)
    with closing(workers), pytest.raises(OutOfTimeError):
        workers.submit(repeat, endless).result()

    with closing(ClusterWorkers(scenario, SearchSettings(), local_cluster.address)) as workers:
        assert workers.submit(expand, Task(start, cut=False)).result().boots > 0


def test_what_the_cluster_says_of_itself_is_not_shown(local_cluster: LocalCluster) -> None:
    """Not even where it logs a traceback: what fails is raised, in words of our own."""
    local_cluster.add_worker()
    logger = logging.getLogger("distributed.client")
    with cluster_link.connected(local_cluster.address):
        assert not logger.isEnabledFor(logging.ERROR)


def test_a_scheduler_that_goes_away_while_it_is_asked_is_told_so(
    local_cluster: LocalCluster, scenario: PreparedScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whatever moment the connection breaks, also while a result is on its way: an error of the engine with a remedy, not one of the harness."""

    def broken(*_: object, **__: object) -> object:
        raise CommClosedError("reset by peer")

    local_cluster.add_worker()
    monkeypatch.setattr(distributed.Future, "result", broken)
    options = SearchOptions(depth=1, only_case="counter-behind", cluster=local_cluster.address)

    with pytest.raises(EngineError, match="the scheduler of the cluster went away"):
        search(scenario, options)
    with pytest.raises(EngineError, match="the scheduler of the cluster went away"):
        sweep(scenario, SweepOptions(only_case="update", operations=(0, 2), cluster=local_cluster.address))


def test_a_worker_with_other_versions_is_refused(local_cluster: LocalCluster, scenario: PreparedScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the worker, and both versions."""
    local_cluster.add_worker()
    monkeypatch.setattr(cluster_link, "worker_identity", lambda: {"boot-harness": "9.9 (sources 0123456789ab)"})

    with pytest.raises(InputError, match=r"worker tcp://127.0.0.1:\d+ has boot-harness .*, and here it is 9\.9"):
        sweep(scenario, SweepOptions(only_case="update", operations=(0, 2), cluster=local_cluster.address))


def test_an_address_that_is_none_is_refused_at_once(scenario: PreparedScenario) -> None:
    """Nothing is tried with it."""
    with pytest.raises(InputError, match="'localhost' is no address of a scheduler"):
        sweep(scenario, SweepOptions(only_case="update", operations=(0, 2), cluster="localhost"))
