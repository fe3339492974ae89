"""Time per cut on each engine, the same cuts on all of them, in one run. `python -m tests.bench_engines` prints it, and writes it into docs/engines.md."""

from __future__ import annotations

import argparse
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from harness.campaign.accelerations import EVERY_ACCELERATION, NO_ACCELERATION
from harness.campaign.boots import log_of
from harness.campaign.planning import plan_campaign
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import SweepOptions
from harness.campaign.sweep import run_clean
from harness.fault.plan import random_sample
from harness.machine.engines import make_machine, probe_engine
from harness.oracle.verdict import Verdict, verdict_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

_ENGINES = {"stm32f103/speck-full": ("embedded", "renode"), "nrf52840/speck-full": ("embedded", "renode"), "nrf51822/speck-full": ("embedded", "qemu")}
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "engines.md"
_PLACE = re.compile(r"(?<=<!-- made by python -m tests\.bench_engines -->\n).*?(?=<!-- end -->)", re.DOTALL)
_SEED = 1
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Row:
    """One way of making the cuts: wall time of one, and how many there were."""

    scenario: str
    engine: str
    way: str
    cuts: int
    seconds: float

    @property
    def milliseconds(self) -> float:
        """Wall time of one cut."""
        return 1000 * self.seconds / self.cuts


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=40, help="how many, drawn by the seed, the first and the last among them (default 40)")
    parser.add_argument("--print-only", action="store_true", help="leave docs/engines.md alone")
    arguments = parser.parse_args()
    rows = [row for reference in _ENGINES for row in measure(reference, arguments.cuts)]
    text = table(rows)
    print(text)
    if not arguments.print_only:
        page = _PAGE.read_text(encoding="utf-8")
        _PAGE.write_text(_PLACE.sub(lambda _: text, page), encoding="utf-8")


def measure(reference: str, cuts: int) -> list[Row]:
    """Make the cuts of one scenario in every way, in turn, so that a busy machine is busy for all of them; verdicts must be equal."""
    scenario = prepare(reference, PrepareOptions())
    engines = [engine for engine in _ENGINES[reference] if probe_engine(engine).usable]
    logs = {engine: [log_of(run, _SEED) for run in run_clean(scenario, SweepOptions(engine=engine))] for engine in engines}
    jobs = [replace(job, live=False) for job in plan_campaign(scenario, logs["embedded"], SweepOptions())[0]]
    chosen = random_sample(jobs, cuts, _SEED)
    runners = {engine: FaultRunner(scenario, logs[engine], _SEED, engine, NO_ACCELERATION) for engine in engines}
    accelerated = FaultRunner(scenario, logs["embedded"], _SEED, "embedded", EVERY_ACCELERATION)
    boot = one_boot(scenario, runners["embedded"])
    stopwatch = Stopwatch()
    for job in chosen:
        stopwatch.time("embedded", "one boot a cut, from the log", boot, job)
        verdicts = [stopwatch.time(engine, "made live, all boots that follow", judged_live, runners[engine], job) for engine in engines]
        verdicts.append(stopwatch.time("embedded", f"as in a sweep, these {cuts} alone", accelerated.judge, job))
        outcomes = {verdict.outcome for verdict in verdicts}
        assert len(outcomes) == 1, f"{reference}, {job}: {outcomes}"
    whole = FaultRunner(scenario, logs["embedded"], _SEED, "embedded", EVERY_ACCELERATION)
    for job in jobs:
        stopwatch.time("embedded", "as in a sweep, all cuts", whole.judge, job)
    for runner in (*runners.values(), accelerated, whole):
        runner.close()
    return [Row(reference, engine, way, counts, spent) for (engine, way), (counts, spent) in stopwatch.read.items()]


class Stopwatch:
    """Adds up how long calls take: how many there were, and their wall time, by engine and way."""

    def __init__(self) -> None:
        self.read: dict[tuple[str, str], tuple[int, float]] = {}

    def time(self, engine: str, way: str, function: Callable[..., ResultT], *arguments: object) -> ResultT:
        """Call `function`, and return what it returns."""
        started = time.perf_counter()
        result = function(*arguments)
        count, spent = self.read.get((engine, way), (0, 0.0))
        self.read[engine, way] = count + 1, spent + time.perf_counter() - started
        return result


def judged_live(runner: FaultRunner, job: Job) -> Verdict:
    """Make a cut by stopping the machine, boot what it leaves until it settles, and judge."""
    return verdict_of(runner.run(job))


def one_boot(scenario: PreparedScenario, runner: FaultRunner) -> Callable[[Job], object]:
    """Return what boots a cut's crash image once, on a machine that executes everything."""
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    return lambda job: machine.boot(runner.crash_image(job).state, seed=_SEED, instruction_budget=scenario.limits.instructions)


def table(rows: list[Row]) -> str:
    """Return the table, with the machine and the versions that it was measured with."""
    lines = ["| scenario | engine | how | cuts | ms a cut | ratio |", "|---|---|---|---|---|---|"]
    live = {row.scenario: row.milliseconds for row in rows if row.engine == "embedded" and row.way.startswith("made live")}
    lines += [
        f"| {row.scenario} | {row.engine} | {row.way} | {row.cuts:,} | {figure(row.milliseconds)} | {figure(row.milliseconds / live[row.scenario])} |"
        for row in rows
    ]
    versions = [f"{engine}: {probe_engine(engine).version or 'not usable here'}" for engine in ("embedded", "renode", "qemu")]
    machine = f"{processor()}, {os.cpu_count()} cores, one used at a time; {platform.system()}, Python {platform.python_version()}"
    return "\n".join([*lines, "", f"Measured in one run, on {machine}; {'; '.join(versions)}.", ""])


def figure(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def processor() -> str:
    """Return what the system calls its processor."""
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
