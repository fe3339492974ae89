"""Campaign speed: cuts per second, what each acceleration is worth, the worst case, scaling, sizes. Writes docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import unicorn

from harness.campaign.accelerations import EVERY_ACCELERATION, NO_ACCELERATION, Accelerations, make_accelerated
from harness.campaign.boots import CaseLog, log_of, run_until_settled
from harness.campaign.collection import rare_collections
from harness.campaign.planning import plan_campaign
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import SweepOptions
from harness.campaign.sweep import CampaignResult, run_clean, sweep
from harness.device import NonVolatile
from harness.image.spk import HEADER_BYTES
from harness.machine.engines import make_machine
from harness.machine.sharing import SharingMachine
from harness.oracle.verdict import Verdict
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

_SCENARIO = "stm32f103/speck-full"
_APP_KIB = 16
_SIZES_KIB = (16, 64, 256)
_PAGES = SweepOptions(only_case="update", operations=(1500, 2060))
"""A page of the application and the journal beside it: where each acceleration can show what it does."""
_LONG = SweepOptions(only_case="update", operations=(0, 9_999))
"""Of `stm32f103/speck-delta`: long enough that it hardly matters what is done once a process."""
_SAMPLE = 40
_TURNS = 3
_CRC_OFFSET = 34
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_MODES = {
    "convergence alone": Accelerations(share=False, memo=False, prune=False, converge=True),
    "shared boots alone": Accelerations(share=True, memo=False, prune=False, converge=False),
    "shared calls alone": Accelerations(share=False, memo=True, prune=False, converge=False),
    "shared boots and calls": Accelerations(share=True, memo=True, prune=False, converge=False),
    "shared boots, pruned runs": Accelerations(share=True, memo=False, prune=True, converge=False),
    "all but convergence": Accelerations(converge=False),
    "all": EVERY_ACCELERATION,
}


class Stopwatch:
    """Observes a sweep: this process's time from the start of cutting to the last verdict."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0

    def cleared(self, verdict: Verdict) -> None:
        """Clean runs are no cuts."""

    def planned(self, total: int) -> None:  # noqa: ARG002 -- as the protocol has it
        """The cuts begin."""
        self.began = time.process_time()

    def judged(self, verdict: Verdict) -> None:  # noqa: ARG002 -- as the protocol has it
        """One more."""
        self.ended = time.process_time()


@dataclass(frozen=True)
class Measured:
    """Some cuts and how long they took: on the wall, and of one core."""

    cuts: int
    wall_seconds: float
    core_seconds: float

    @property
    def rate(self) -> float:
        """Cuts per second of one core's time."""
        return self.cuts / self.core_seconds


def measure(cuts: int, action: Callable[[], object]) -> Measured:
    """Run `action`, which makes that many cuts in this process."""
    wall, core = time.perf_counter(), time.process_time()
    action()
    return Measured(cuts, time.perf_counter() - wall, time.process_time() - core)


def plan(scenario: PreparedScenario, options: SweepOptions) -> tuple[list[CaseLog], list[Job]]:
    """Return the logs of the clean runs and the jobs of a campaign, none of them live."""
    logs = [log_of(run, options.seed) for run in run_clean(scenario, options)]
    return logs, [replace(job, live=False) for job in plan_campaign(scenario, logs, options)[0]]


def judge(scenario: PreparedScenario, logs: Sequence[CaseLog], jobs: Sequence[Job], accelerations: Accelerations) -> tuple[Measured, FaultRunner]:
    """Judge jobs with a fresh runner, as a worker does."""
    runner = FaultRunner(scenario, logs, 1, "embedded", accelerations)
    with rare_collections():
        return measure(len(jobs), lambda: [runner.judge(job) for job in jobs]), runner


def spread(jobs: Sequence[Job]) -> list[Job]:
    """Return a few jobs of a plan, spread evenly."""
    return [jobs[index * (len(jobs) - 1) // (_SAMPLE - 1)] for index in range(_SAMPLE)]


def whole_campaign(scenario: PreparedScenario) -> list[str]:
    """The campaign of the default scenario, as `harness sweep` makes it on one core; and against a core without accelerations."""
    stopwatch = Stopwatch()
    results: list[CampaignResult] = []
    alone = measure(0, lambda: results.append(sweep(scenario, SweepOptions(), stopwatch)))
    result = results[0]
    assert not result.violating
    cuts = len(result.verdicts)
    logs, jobs = plan(scenario, SweepOptions())
    judged, runner = judge(scenario, logs, jobs, EVERY_ACCELERATION)
    plain, _ = judge(scenario, logs, spread(jobs), NO_ACCELERATION)
    boot = one_boot(scenario, logs, spread(jobs))
    return [
        "Every signature is computed, unless it is provably the same computation.",
        "",
        "| what | cuts per second |",
        "|---|---|",
        f"| judging all {cuts:,} cuts, one process | **{judged.rate:,.0f}** |",
        f"| with {result.live_checked} of them made live and judged again, as every sweep does | {cuts / (stopwatch.ended - stopwatch.began):,.0f} |",
        f"| the whole `harness sweep`: also clean runs, their check, the plan, the risk | {cuts / alone.core_seconds:,.0f} |",
        f"| the same without any acceleration ({plain.cuts} cuts spread over the plan) | {plain.rate:,.1f} |",
        f"| one boot per cut, nothing judged (the same {boot.cuts}) | {boot.rate:,.1f} |",
        "",
        f"Judging is {judged.rate / plain.rate:,.0f} times as fast as without accelerations, {judged.rate / boot.rate:,.0f} times as fast as one boot per cut.",
        "",
        *shares(cuts, result.distinct_crash_images, runner),
    ]


def shares(cuts: int, distinct: int, runner: FaultRunner) -> list[str]:
    """Where the verdicts of a campaign came from: counts, the same on every machine."""
    machine = runner.machine
    assert isinstance(machine, SharingMachine)
    made = distinct - runner.runs_pruned
    boots = machine.boots_made + machine.boots_shared
    total = machine.instructions_made
    return [
        "| what | how many | of these |",
        "|---|---|---|",
        f"| cuts | {cuts:,} | {cuts - distinct:,} leave the bytes that another cut left |",
        f"| crash images | {distinct:,} | {runner.runs_pruned:,} are pruned: what follows cannot differ |",
        f"| runs | {made:,} | of their {boots:,} boots {machine.boots_shared:,} are shared |",
        f"| instructions of the boots made | {total / 1e9:.2f} thousand million | {machine.instructions_executed / total:.1%} are executed |",
        f"| of the others | {machine.instructions_shared / total:.1%} in shared calls | {machine.instructions_converged / total:.1%} behind known states |",
    ]


def scaling(scenario: PreparedScenario) -> list[str]:
    """How much sooner two processes are done: with the short campaign of the default scenario, and with a long one."""
    campaigns = {
        f"`{_SCENARIO}`, {_APP_KIB} KiB, whole": (scenario, SweepOptions()),
        "`stm32f103/speck-delta`, first 10,000 operations of case `update`": (prepare("stm32f103/speck-delta", PrepareOptions()), _LONG),
    }
    rows = []
    for name, (swept, options) in campaigns.items():
        alone, together = (sweep(swept, replace(options, jobs=jobs)) for jobs in (1, 2))
        assert alone.verdicts == together.verdicts
        rows.append(f"| {name} | {len(alone.verdicts):,} | {alone.seconds:.1f} s | {together.seconds:.1f} s | {alone.seconds / together.seconds:.2f} |")
    return [
        "Wall time of the whole sweep: clean runs, plan and the start of the processes included. Each process makes on its own what it shares, but for calls.",
        "",
        "| campaign | cuts | one process | two processes | times as fast |",
        "|---|---|---|---|---|",
        *rows,
    ]


def one_boot(scenario: PreparedScenario, logs: Sequence[CaseLog], jobs: Sequence[Job]) -> Measured:
    """Boot each crash image once on a machine that executes everything."""
    runner = FaultRunner(scenario, logs, 1, "embedded", NO_ACCELERATION)
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    states = [crash.state for crash in (runner.crash_image(job) for job in jobs)]
    return measure(len(states), lambda: [machine.boot(state, seed=1) for state in states])


def accelerations(scenario: PreparedScenario) -> list[str]:
    """What each acceleration is worth, alone and together, over the cuts in a page."""
    logs, jobs = plan(scenario, _PAGES)
    plain, _ = judge(scenario, logs, spread(jobs), NO_ACCELERATION)
    rows = [f"| none ({plain.cuts} of them) | {plain.rate:,.1f} | 1 |"]
    for name, mode in _MODES.items():
        measured, _ = judge(scenario, logs, jobs, mode)
        rows.append(f"| {name} | {measured.rate:,.0f} | {measured.rate / plain.rate:,.1f} |")
    title = f"{len(jobs):,} cuts around one page of the application, and in the journal beside it."
    return [title, "", "| accelerations | cuts per second | ratio |", "|---|---|---|", *rows]


def worst_case(scenario: PreparedScenario) -> list[str]:
    """Each state holds another staged image whose CRC is right and whose signature is not: nothing that is verified was verified before."""
    case = scenario.case("update")
    states = [altered(scenario, case.state, number) for number in range(_SAMPLE)]
    build = ("embedded", EVERY_ACCELERATION, scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    machine, _ = make_accelerated(*build)
    measured = measure(len(states), lambda: [run_until_settled(machine, scenario, case, state, 1) for state in states])
    plain = make_machine("embedded", scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    without = measure(len(states), lambda: [run_until_settled(plain, scenario, case, state, 1) for state in states])
    return [
        f"**{measured.rate:,.0f} per second**, {measured.rate / without.rate:.1f} times the rate without accelerations.",
        f"{_SAMPLE} states, each with another {_APP_KIB} KiB image in the slot, all properly summed and none properly signed: each must be hashed and checked",
        "for real, and only more cores do that sooner. What the states have in common is not done again, and recording what is never met again is given up.",
    ]


def altered(scenario: PreparedScenario, state: NonVolatile, number: int) -> NonVolatile:
    """Return a state whose staged image differs from all others in its code, with the CRC made right."""
    region = scenario.regions["slot"]
    start = region.address - scenario.flash_address
    flash = bytearray(state.flash)
    code_bytes = int.from_bytes(flash[start + 10 : start + 14], "little")
    code = slice(start + HEADER_BYTES, start + HEADER_BYTES + code_bytes)
    place = code.start + 1024 + 8 * number
    flash[place] ^= 0xFF
    flash[start + _CRC_OFFSET : start + _CRC_OFFSET + 4] = zlib.crc32(flash[code]).to_bytes(4, "little")
    return NonVolatile(bytes(flash), state.option_bytes)


def sizes() -> list[str]:
    """Time per cut over the size of the image, on the nRF52840: the shortest of some turns, each with a fresh runner, as others use the machine too."""
    planned = {}
    for size_kib in _SIZES_KIB:
        scenario = prepare("nrf52840/speck-full", PrepareOptions(app_kib=size_kib))
        planned[size_kib] = (scenario, *plan(scenario, SweepOptions(only_case="update")))
    turns = [{size_kib: sized(*what) for size_kib, what in planned.items()} for _ in range(_TURNS)]
    rows: list[str] = []
    measures: list[Measured] = []
    for size_kib in _SIZES_KIB:
        measured, boots, executed = min((turn[size_kib] for turn in turns), key=lambda one: one[0].core_seconds)
        cost_us = 1e6 / measured.rate
        before = measures[-1] if measures else None
        more = "" if before is None else f"{1e6 * (measured.core_seconds - before.core_seconds) / (measured.cuts - before.cuts):.0f} us"
        measures.append(measured)
        counts = f"{measured.cuts:,} | {boots:,} | {executed / measured.cuts:,.0f}"
        rows.append(f"| {size_kib} KiB | {counts} | {cost_us:.0f} us | {cost_us * measures[0].rate / 1e6:.2f} | {more} |")
    return [
        f"Every cut of the update case, one process, the shortest of {_TURNS} turns. To tear, digest, look up and prove a cut takes as long at every size.",
        "What differs: the first boots are executed, and recorded, whatever the size; cuts at the beginning and the end of an update are as many, and each has",
        "boots of its own; and where a record is torn, the boot looks through the log again for each page that follows. So a small image has more boots for",
        "its cuts, and a large one longer boots. Beside the time per cut stands what each further cut costs, from one size to the next.",
        "",
        "| image | cuts | boots | instructions executed a cut | time per cut | ratio | each further cut |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]


def sized(scenario: PreparedScenario, logs: Sequence[CaseLog], jobs: Sequence[Job]) -> tuple[Measured, int, int]:
    """Judge jobs; return also how many boots were made for that, and how many instructions executed, which are the same on every machine."""
    measured, runner = judge(scenario, logs, jobs, EVERY_ACCELERATION)
    machine = runner.machine
    assert isinstance(machine, SharingMachine)
    counts = (machine.boots_made, machine.instructions_executed)
    runner.close()
    return measured, *counts


def processor() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_benchmarks() -> None:
    """Measure part by part, print each, and write the page."""
    scenario = prepare(_SCENARIO, PrepareOptions(app_kib=_APP_KIB))
    measures: dict[str, Callable[[], list[str]]] = {
        f"{_SCENARIO} with an image of {_APP_KIB} KiB": lambda: whole_campaign(scenario),
        "Two processes": lambda: scaling(scenario),
        "What each acceleration is worth": lambda: accelerations(scenario),
        "The worst case": lambda: worst_case(scenario),
        "Size of the image, on the nRF52840": sizes,
    }
    body: list[str] = []
    for title, measured in measures.items():
        part = ["", f"## {title}", *measured()]
        print("\n".join(part), flush=True)
        body += part
    load = os.getloadavg()[0]
    head = [
        "# Benchmarks",
        "",
        "Written by `tox -e bench`. Rates are per second of one core's time, unless they say wall time; ratios travel, absolute times do not.",
        "",
        f"Measured on {processor()}, {os.cpu_count()} cores (load average at the end {load:.1f}),",
        f"Python {platform.python_version()}, Unicorn {unicorn.__version__}.",
    ]
    _PAGE.write_text("\n".join([*head, *body]) + "\n")


if __name__ == "__main__":
    write_benchmarks()
