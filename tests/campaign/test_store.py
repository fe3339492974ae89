"""Nothing is lost: what a campaign kept is taken up again, and gives the result of one that nobody disturbed."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.arrivals import in_order
from harness.campaign.merge import merge, result_of_store
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.settings import CampaignSettings, SweepOptions
from harness.campaign.store import CampaignStore
from harness.campaign.stored import VERDICT, StoredCampaign, read_store
from harness.campaign.sweep import CampaignResult, run_clean, sweep
from harness.cli import run_cli
from harness.errors import InputError
from harness.fault.faults import Fault, Tear
from harness.fault.plan import Shard
from harness.oracle.verdict import Verdict
from harness.report.lines import verdict_line
from harness.report.summary import summary_of
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario
from tests.campaign.stops import kill_when_it_told

REFERENCE = "stm32f103/speck-full"
OPTIONS = SweepOptions(only_case="update", operations=(0, 12))
SLICE = ["sweep", REFERENCE, "--case", "update", "--operations", "0-20", "--jobs", "1"]
WALL_TIME = {"seconds", "cuts_per_second", "kept"}


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare(REFERENCE, PrepareOptions())


@pytest.fixture(scope="module", name="undisturbed")
def _undisturbed(scenario: PreparedScenario) -> CampaignResult:
    return sweep(scenario, OPTIONS)


class StopsAfter:
    """An observer in whose middle the user presses Ctrl-C."""

    def __init__(self, verdicts: int) -> None:
        self.left = verdicts

    def cleared(self, verdict: Verdict) -> None:
        """Go on."""

    def planned(self, total: int) -> None:
        """Go on."""

    def judged(self, verdict: Verdict) -> None:
        """Count down."""
        del verdict
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def sweep_into(path: Path, scenario: PreparedScenario, options: SweepOptions, stop_after: int = 0) -> CampaignResult:
    """Sweep with a store at `path`, begun or gone on with."""
    store = CampaignStore(path, None if path.exists() else options.settings(scenario))
    try:
        return sweep(scenario, options, StopsAfter(stop_after), store)
    finally:
        store.close()


def report_of(result: CampaignResult) -> tuple[dict[str, object], list[str]]:
    """Return what does not depend on wall time: summary and lines."""
    summary = {key: value for key, value in summary_of(result).items() if key not in WALL_TIME}
    return summary, [verdict_line(result.scenario, verdict, result.seed, result.engine) for verdict in (*result.clean, *result.verdicts)]


def test_an_interrupted_campaign_goes_on_where_it_was(scenario: PreparedScenario, undisturbed: CampaignResult, tmp_path: Path) -> None:
    """Stopped three times, by one process and by two, it ends with the same report; a fault that was judged again would be refused by the file."""
    path = tmp_path / "campaign.store"
    kept = []
    for stop_after, jobs in ((7, 1), (20, 2), (37, 1)):
        result = sweep_into(path, scenario, replace(OPTIONS, jobs=jobs), stop_after)
        kept.append(result.kept)
        assert result.interrupted

    last = sweep_into(path, scenario, OPTIONS)

    assert kept[0] == 0
    assert kept[1] >= 7
    assert last.kept >= 37
    assert report_of(last) == report_of(undisturbed)
    assert sweep_into(path, scenario, OPTIONS).kept == undisturbed.planned


def test_kill_at_random_moments_changes_no_report(tmp_path: Path) -> None:
    """A killed sweep leaves a file that is whole; the last one to go on with it writes the lines that an undisturbed sweep writes."""
    store, lines, whole = tmp_path / "campaign.store", tmp_path / "lines.jsonl", tmp_path / "whole.jsonl"
    assert run_cli([*SLICE, "--jsonl", str(whole)]) == 0
    draw = random.Random(5)
    total = whole.read_bytes().count(b"\n")
    command = [sys.executable, "-m", "harness.cli"]
    kill_when_it_told(draw.randrange(total), lines, [*command, *SLICE, "--store", str(store), "--jsonl", str(lines)])
    for _ in range(2):
        kill_when_it_told(draw.randrange(total // 2, total), lines, [*command, "sweep", "--resume", str(store), "--jobs", "1", "--jsonl", str(lines)])

    assert run_cli(["sweep", "--resume", str(store), "--jsonl", str(lines)]) == 0
    assert lines.read_bytes() == whole.read_bytes()


FULL = """
import resource, sys
from harness.cli import run_cli
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
sys.exit(run_cli(sys.argv[1:]))
"""


def test_a_full_disk_is_one_clear_line_and_what_was_kept_is_whole(tmp_path: Path) -> None:
    """The sweep ends with exit code 2 and says how to go on; gone on with, it gives the report of an undisturbed one."""
    store, lines, whole = tmp_path / "campaign.store", tmp_path / "lines.jsonl", tmp_path / "whole.jsonl"
    full = subprocess.run([sys.executable, "-c", FULL, *SLICE, "--store", str(store)], capture_output=True, text=True, check=False)

    assert full.returncode == 2, full.stderr
    assert "cannot be written" in full.stderr
    assert f"harness sweep --resume {store}" in full.stderr
    assert "Traceback" not in full.stderr
    assert run_cli([*SLICE, "--jsonl", str(whole)]) == run_cli(["sweep", "--resume", str(store), "--jsonl", str(lines)]) == 0
    assert lines.read_bytes() == whole.read_bytes()


def test_a_store_takes_back_every_kind_of_verdict(scenario: PreparedScenario) -> None:
    """Sequences, disturbed cells, fractions and violations read back as they were."""
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    from harness.campaign.boots import log_of

    runner = FaultRunner(scenario, [log_of(clean, 1)], 1, "embedded")
    faults = ((Fault(0, 600, Tear.METASTABLE), Fault(0, 5, Tear.SOME)), (Fault(0, 4, Tear.FRACTION, 370),))
    verdicts = [runner.judge(Job(0, sequence)) for sequence in faults]
    runner.close()
    buggy = prepare(REFERENCE, PrepareOptions(bug="signature-ignored"))
    verdicts += sweep(buggy, SweepOptions(only_case="forged", operations=(0, 0))).clean

    assert verdicts[-1].violations
    assert [VERDICT.validate_json(VERDICT.dump_json(verdict)) for verdict in verdicts] == verdicts


OTHER: dict[str, tuple[list[str], str]] = {
    "another scenario": (["nrf51822/speck-full"], "scenario: it is of another campaign"),
    "another build": (["--app-kib", "5"], "build: it is of another campaign"),
    "a seeded bug": (["--bug", "signature-ignored"], "build: it is of another campaign"),
    "another seed": (["--seed", "2"], "seed: it is of another campaign: 1, not 2"),
    "other operations": (["--operations", "0-9"], "operations: it is of another campaign: 0-12, not 0-9"),
    "other tears": (["--tears", "none"], "tears: it is of another campaign"),
    "another part": (["--shard", "1/2"], "shard: it is of another campaign: 1/1, not 1/2"),
}


@pytest.fixture(scope="module", name="finished")
def _finished(scenario: PreparedScenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "finished.store"
    sweep_into(path, scenario, OPTIONS)
    return path


@pytest.mark.parametrize("other", OTHER)
def test_a_store_of_another_campaign_is_refused(other: str, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the user asks for and what the file holds must be the same campaign."""
    options, words = OTHER[other]

    assert run_cli(["sweep", "--resume", str(finished), *options]) == 2
    assert words in capsys.readouterr().err


def change(statement: str) -> Callable[[Path], None]:
    """Return what runs an SQL statement on a store."""

    def run(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()

    return run


def cut_off(path: Path) -> None:
    """Keep only the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "an empty file": (lambda path: path.write_bytes(b""), "holds nothing"),
    "no database": (lambda path: path.write_text("no database at all, but long enough for the header of one" * 9), "is no campaign store"),
    "another database": (change("PRAGMA application_id = 7"), "is no campaign store"),
    "a later format": (change("PRAGMA user_version = 3"), "has format 3"),
    "half of a file": (cut_off, "is damaged"),
    "a verdict that is none": (change("UPDATE verdict SET verdict = '{}' WHERE number = 3"), "is damaged"),
    "another fault's verdict": (change("UPDATE verdict SET verdict = (SELECT verdict FROM verdict WHERE number = 4) WHERE number = 3"), "is damaged: row 3"),
    "the plan of another build": (change("UPDATE campaign SET value = replace(value, 'digest\":\"', 'digest\":\"0') WHERE name = 'plan'"), "another one"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_store_is_refused(broken: str, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and one line, never a traceback and never half of a report."""
    path = tmp_path / "broken.store"
    path.write_bytes(finished.read_bytes())
    damage, words = BROKEN[broken]
    damage(path)

    assert run_cli(["sweep", "--resume", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_a_store_is_written_by_one_sweep_at_a_time(finished: Path, scenario: PreparedScenario) -> None:
    """A second one is refused, and so is a new campaign in a file that exists."""
    store = CampaignStore(finished)
    try:
        with pytest.raises(InputError, match="in use"):
            CampaignStore(finished)
    finally:
        store.close()
    with pytest.raises(InputError, match="exists already"):
        CampaignStore(finished, OPTIONS.settings(scenario))


@pytest.mark.parametrize("count", [1, 3])
def test_the_parts_of_a_campaign_merge_to_the_whole(count: int, scenario: PreparedScenario, undisturbed: CampaignResult, tmp_path: Path) -> None:
    """In any order, parts give the report of a campaign that was not cut into parts."""
    paths = [tmp_path / f"part-{number}.store" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        sweep_into(path, scenario, replace(OPTIONS, shard=Shard(number, count)))

    whole = merge([read_store(path) for path in reversed(paths)])

    assert report_of(result_of_store(scenario, whole)) == report_of(undisturbed)


def part(number: int, count: int, planned: int = 10, made: int | None = None, **changes: object) -> StoredCampaign:
    """Return a part of a made-up campaign without verdicts, `made` of its cuts run."""
    from harness.campaign.stored import Row, StoredPlan

    shard = Shard(number, count)
    settings = CampaignSettings("s", (), "f", "embedded", 1, shard=shard)
    block = list(shard.block(planned))[:made]
    rows = tuple(Row(index, False, None) for index in block)  # type: ignore[arg-type] # nobody looks at them
    return replace(
        StoredCampaign(settings, StoredPlan("digest", planned, planned, 0, None, None, ()), rows, 1.0, Path(f"{number}-of-{count}")),
        **changes,  # type: ignore[arg-type]
    )


UNFIT: dict[str, tuple[list[StoredCampaign], str]] = {
    "a part is missing": ([part(1, 3), part(3, 3)], "of 3 parts 1 are missing: 2/3"),
    "a part is there twice": ([part(1, 2), part(2, 2), part(2, 2)], "it is part 2/2, as 2-of-2 is"),
    "parts overlap": ([part(1, 2), part(2, 3)], "it is part 2/3, and 1-of-2 is part 1/2"),
    "a part is not finished": ([part(1, 2), part(2, 2, made=3)], "is not finished: 3 of its 5 cuts were run"),
    "a part never began": ([part(1, 2), part(2, 2, plan=None)], "is not finished: nothing"),
    "another seed": ([part(1, 2), part(2, 2, settings=CampaignSettings("s", (), "f", "embedded", 2, shard=Shard(2, 2)))], "seed: it is of another campaign"),
    "another build": ([part(1, 2), part(2, 2, settings=CampaignSettings("s", (), "g", "embedded", 1, shard=Shard(2, 2)))], "fingerprint: it is of another"),
    "another plan": ([part(1, 2, planned=10), part(2, 2, planned=11)], "its plan is not that of"),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_parts_that_do_not_fit_are_refused(unfit: str) -> None:
    """A whole is made of each part of one campaign once, and each finished."""
    parts, words = UNFIT[unfit]

    with pytest.raises(InputError, match=words):
        merge(parts)


def test_a_merge_prints_what_a_sweep_prints(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The store of a whole campaign is reported again, JSON and lines."""
    lines = tmp_path / "lines.jsonl"
    assert run_cli(["merge", str(finished), "--json", "--jsonl", str(lines)]) == 0

    summary = json.loads(capsys.readouterr().out)
    assert summary["planned"] == summary["run"] == summary["fired"] == summary["kept"] > 0
    assert lines.read_bytes().count(b"\n") == summary["run"] + summary["cases"]


def test_a_merge_tells_the_risk_that_the_whole_sweep_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though no part can: every moment of the update was judged by some of them."""
    command = ["sweep", "stm32f103/speck-full", "--case", "update", "--jobs", "1", "--json"]
    parts = [str(tmp_path / f"part-{number}.store") for number in (1, 2)]
    for number, part_of_it in enumerate(parts, 1):
        assert run_cli([*command, "--shard", f"{number}/2", "--store", part_of_it]) == 0
        assert json.loads(capsys.readouterr().out)["risk"] == []

    assert run_cli(["merge", *parts, "--json", "--loss-rate", "7"]) == 0

    (risk,) = json.loads(capsys.readouterr().out)["risk"]
    assert (risk["case"], risk["losses_per_hour"], risk["harmful_share"], risk["complete"]) == ("update", 7.0, 0.0, True)


@given(planned=st.integers(0, 500), count=st.integers(1, 40))
def test_parts_are_neighbours_and_leave_nothing_out(planned: int, count: int) -> None:
    """All parts in order are the plan, and no two differ by more than one fault."""
    blocks = [Shard(number, count).block(planned) for number in range(1, count + 1)]

    assert [number for block in blocks for number in block] == list(range(planned))
    assert max(map(len, blocks)) - min(map(len, blocks)) <= 1


@given(data=st.data())
def test_verdicts_are_told_in_plan_order_whatever_order_they_come_in(data: st.DataObject) -> None:
    """What is known and what arrives comes out in the order of the plan, each once."""
    planned = data.draw(st.integers(0, 30))
    known = data.draw(st.sets(st.sampled_from(range(planned)))) if planned else set()
    arriving = data.draw(st.permutations([number for number in range(planned) if number not in known]))

    told = in_order(range(planned), [(number, "kept") for number in sorted(known)], iter([(number, "made") for number in arriving]))

    assert list(told) == [(number, "kept" if number in known else "made") for number in range(planned)]
