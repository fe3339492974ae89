"""A search that is taken up again boots nothing twice, and ends as one that nobody disturbed."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.certificate import certificate_of
from harness.campaign.search.closure import search
from harness.campaign.search.expand import Expander, Repeat, SearchSettings, Task
from harness.campaign.search.figures import figures_of
from harness.campaign.search.outcome import SearchOptions, SearchResult
from harness.campaign.search.state import start_of
from harness.campaign.search.store import SearchStore, key_of_task
from harness.campaign.stored import is_search
from harness.cli import run_cli
from harness.errors import ExitCode, InputError
from harness.fault.tear_words import parse_tears
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario
from tests.campaign.stops import kill_when, never

REFERENCE = "stm32f103/speck-full"
OPTIONS = SearchOptions(depth=3, only_case="counter-behind")
SEARCH = ["sweep", REFERENCE, "--case", "counter-behind", "--depth", "3"]


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare(REFERENCE, PrepareOptions())


@pytest.fixture(scope="module", name="undisturbed")
def _undisturbed(scenario: PreparedScenario) -> SearchResult:
    return search(scenario, OPTIONS)


class StopsAfter:
    """An observer in whose middle the user presses Ctrl-C."""

    def __init__(self, states: int) -> None:
        self.left = states

    def searching(self, booted: int, reached: int, violations: int) -> None:
        """Count down."""
        del booted, reached, violations
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def shrinking(self, number: int, count: int) -> None:
        """Go on."""


def search_into(path: Path, scenario: PreparedScenario, options: SearchOptions, stop_after: int = 0) -> SearchResult:
    """Search with a store at `path`, begun or gone on with."""
    store = SearchStore(path, None if path.exists() else options.stored(scenario))
    try:
        return search(scenario, options, StopsAfter(stop_after), store)
    finally:
        store.close()


def report_of(result: SearchResult) -> dict[str, object]:
    """Return all that a search found: counts, states with labels and behaviours, cuts between them."""
    certificate = certificate_of(result, figures_of(result, 1.0)).model_dump(exclude={"seconds", "sha256"})
    return {**certificate, "all edges": list(result.store.edges()), "all states": list(result.store.booted()), "findings": result.violations}


def test_an_interrupted_search_goes_on_where_it_was(scenario: PreparedScenario, undisturbed: SearchResult, tmp_path: Path) -> None:
    """Stopped three times, by one process and by two: the same states, edges and verdicts, and what was booted before is not booted again."""
    path = tmp_path / "search.store"
    for stop_after, jobs in ((2, 1), (4, 2), (6, 1)):
        result = search_into(path, scenario, replace(OPTIONS, jobs=jobs), stop_after)
        assert result.interrupted

    last = search_into(path, scenario, OPTIONS)
    again = search_into(path, scenario, OPTIONS)

    assert last.kept >= 6
    assert report_of(last) == report_of(again) == report_of(undisturbed)
    assert again.kept == again.states + again.compared > 30


def kill_when_it_has(size_bytes: int, path: Path, command: list[str]) -> None:
    """Start a search and kill it once its file is so large."""
    kill_when(lambda: path.exists() and path.stat().st_size >= size_bytes, command)


def test_kill_at_random_moments_changes_no_certificate(tmp_path: Path) -> None:
    """A killed search leaves a file that is whole; the last one to go on with it writes the certificate of an undisturbed one."""
    store, whole, after = tmp_path / "search.store", tmp_path / "whole.json", tmp_path / "after.json"
    assert run_cli([*SEARCH, "--jobs", "1", "--certificate", str(whole)]) == ExitCode.HOLDS
    draw = random.Random(7)
    harness = [sys.executable, "-m", "harness.cli"]
    kill_when_it_has(draw.randrange(24_576, 40_000), store, [*harness, *SEARCH, "--jobs", "1", "--store", str(store)])
    for _ in range(2):
        grown = store.stat().st_size + draw.randrange(4_096, 16_000)
        kill_when_it_has(grown, store, [*harness, "sweep", "--resume", str(store), "--jobs", "2"])

    assert run_cli(["sweep", "--resume", str(store), "--jobs", "1", "--certificate", str(after)]) == ExitCode.HOLDS
    one, other = (json.loads(path.read_text()) for path in (whole, after))
    assert {**one, "seconds": 0, "sha256": ""} == {**other, "seconds": 0, "sha256": ""}


def test_violations_are_those_of_an_undisturbed_search(tmp_path: Path) -> None:
    """With a bug that single cuts show; the pages that must not stay open are found out again from the file."""
    broken = prepare(REFERENCE, PrepareOptions(bug="counter-page-erased-in-place"))
    options = SearchOptions(SearchSettings(tears=parse_tears("all")), depth=1, only_case="counter-rotation", stop_when=never)
    alone = search(broken, options)

    stopped = search_into(tmp_path / "search.store", broken, options, stop_after=10)
    last = search_into(tmp_path / "search.store", broken, options)

    assert stopped.interrupted
    assert report_of(last) == report_of(alone)
    assert last.violations


def test_every_result_reads_back_as_it_was(scenario: PreparedScenario, tmp_path: Path) -> None:
    """Of states with disturbed cells too; and a task is told from one with other closed pages."""
    expander = Expander(scenario, SearchSettings(tears=parse_tears("metastable,some")))
    task = Task(start_of(scenario, 0), apart=True)
    expansion = expander.expand(task)
    disturbed = next(child for child in expansion.children if child.state.disturbed)
    repeat = Repeat(disturbed.state, disturbed.fault, 0)
    store = SearchStore(tmp_path / "search.store", OPTIONS.stored(scenario))

    store.add(key_of_task(task, frozenset()), task, expansion)
    store.add(key_of_task(repeat, frozenset()), repeat, expander.repeat(repeat))

    assert store.find(key_of_task(task, frozenset()), task) == expansion
    assert store.find(key_of_task(repeat, frozenset()), repeat) == disturbed.state
    assert store.find(key_of_task(task, frozenset({3})), task) is None
    expander.close()
    store.close()


def test_a_page_is_kept_once(scenario: PreparedScenario, tmp_path: Path) -> None:
    """However many states hold it: what cuts of one update leave has nearly all pages in common."""
    expander = Expander(scenario, SearchSettings())
    task = Task(start_of(scenario, 0))
    expansion = expander.expand(task)
    store = SearchStore(tmp_path / "search.store", OPTIONS.stored(scenario))

    store.add(key_of_task(task, frozenset()), task, expansion)
    store.close()

    pages = [content for child in expansion.children for _, content in child.state.pages]
    with closing(sqlite3.connect(tmp_path / "search.store")) as database:
        (kept,) = database.execute("SELECT count(*) FROM page").fetchone()
    expander.close()
    assert kept == len(set(pages)) < len(pages) / 2


@pytest.fixture(scope="module", name="finished")
def _finished(scenario: PreparedScenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "finished.store"
    search_into(path, scenario, replace(OPTIONS, depth=1))
    return path


def change(statement: str) -> Callable[[Path], None]:
    """Return what runs an SQL statement on a file."""

    def run(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()

    return run


REFUSED: dict[str, tuple[Callable[[Path], object], list[str], str]] = {
    "another depth": (lambda _: None, ["--depth", "closure"], "depth: it is of another campaign: 1, not closure"),
    "another seed": (lambda _: None, ["--seed", "2"], "seed: it is of another campaign"),
    "another build": (lambda _: None, ["--app-kib", "5"], "build: it is of another campaign"),
    "other merging": (lambda _: None, ["--merge", "bytes"], "merging: it is of another campaign"),
    "a part of it": (lambda _: None, ["--depth", "1", "--shard", "1/2"], "--cluster"),
    "half of a file": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), [], "is damaged"),
    "a page that is gone": (change("DELETE FROM page"), [], "a result cannot be read"),
    "a page that is none": (change("UPDATE page SET content = x'00'"), [], "a result cannot be read"),
    "a result that is none": (change("UPDATE result SET result = x'00'"), [], "a result cannot be read"),
    "settings that are none": (change("UPDATE campaign SET value = '{}' WHERE name = 'settings'"), [], "its settings cannot be read"),
    "made by another version": (
        change("UPDATE campaign SET value = replace(value, '\"behaviour\":', '\"behaviour\":9') WHERE name = 'settings'"),
        [],
        "another version of the harness",
    ),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_not_this_search_is_refused(refused: str, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line, exit code 2."""
    damage, options, words = REFUSED[refused]
    path = tmp_path / "search.store"
    path.write_bytes(finished.read_bytes())
    damage(path)

    assert run_cli(["sweep", "--resume", str(path), "--jobs", "1", *options]) == ExitCode.BAD_INPUT
    assert words in capsys.readouterr().err


def test_sweeps_and_searches_keep_to_their_own_files(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is refused where the other belongs, and told from each other on --resume."""
    sweep = tmp_path / "sweep.store"
    assert run_cli(["sweep", REFERENCE, "--case", "update", "--operations", "0-0", "--jobs", "1", "--store", str(sweep)]) == ExitCode.HOLDS
    assert run_cli(["merge", str(finished)]) == ExitCode.BAD_INPUT
    assert "is the file of a search through states" in capsys.readouterr().err
    assert run_cli(["sweep", "--resume", str(sweep), "--depth", "2"]) == ExitCode.BAD_INPUT
    assert "depth: it is of another campaign: 1, not 2" in capsys.readouterr().err
    assert run_cli(["sweep", "--resume", str(sweep), "--depth", "closure"]) == ExitCode.BAD_INPUT
    assert "is the file of a sweep, or of sampled sequences. Go on with it as it began" in capsys.readouterr().err
    assert run_cli(["sweep", "--resume", str(sweep), "--jobs", "1"]) == ExitCode.HOLDS
    assert run_cli(["sweep", "--resume", str(finished), "--jobs", "1", "--json"]) == ExitCode.HOLDS
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["kept"] > 0


def test_a_file_that_must_be_rolled_back_first_is_still_known(finished: Path, tmp_path: Path) -> None:
    """As a kill in the middle of a commit leaves it, with its journal beside it: SQLite does not read it without writing to it."""
    path, killed = tmp_path / "search.store", tmp_path / "killed.store"
    path.write_bytes(finished.read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN EXCLUSIVE")
        database.executemany("INSERT INTO result VALUES (?, zeroblob(9000))", ((bytes([number]),) for number in range(40)))
        for suffix in ("", "-journal"):
            Path(f"{killed}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())

    with closing(sqlite3.connect(f"{killed.as_uri()}?mode=ro", uri=True)) as database, pytest.raises(sqlite3.OperationalError):
        database.execute("PRAGMA application_id").fetchone()
    assert is_search(killed)
    assert run_cli(["sweep", "--resume", str(killed), "--jobs", "1"]) == ExitCode.HOLDS
    assert not is_search(tmp_path / "nothing.store")


def test_a_file_is_written_by_one_search_at_a_time(finished: Path, scenario: PreparedScenario) -> None:
    """A second one is refused, and so is a new search in a file that exists."""
    store = SearchStore(finished)
    try:
        with pytest.raises(InputError, match="in use"):
            SearchStore(finished)
    finally:
        store.close()
    with pytest.raises(InputError, match="exists already"):
        SearchStore(finished, OPTIONS.stored(scenario))


def test_a_budget_that_ends_says_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4, and the command; and where going on like that would never come to an end, what to do about it."""
    path, certificate = tmp_path / "search.store", tmp_path / "certificate.json"
    arguments = ["--jobs", "1", "--budget", "0.001s", "--store", str(path), "--certificate", str(certificate)]
    assert run_cli([*SEARCH, *arguments]) == ExitCode.UNFINISHED
    told = capsys.readouterr().err
    assert f"go on with: harness sweep --resume {path}" in told
    assert "give a longer --budget" in told
    assert f"no certificate was written to {certificate}" in told
    assert not certificate.exists()
