"""Sequences of cuts drawn by the seed: as many as asked for, the same again, and wrong where the bootloader is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.certificate import read_certificate
from harness.campaign.sequences import sweep_sequences
from harness.campaign.settings import SweepOptions
from harness.campaign.store import CampaignStore
from harness.campaign.stored import read_store
from harness.campaign.sweep_certificate import FaultRow, SweepCertificate, verify_sweep_certificate
from harness.cli import run_cli
from harness.cli.reports import ProgressBar
from harness.errors import ExitCode
from harness.oracle.run import Outcome
from harness.oracle.verdict import Verdict
from harness.scenario.prepare import PrepareOptions, prepare
from tests.campaign.stops import kill_when_it_told

SCENARIO = "stm32f103/speck-full"
SHORT = "counter-behind"
"""A case with few operations."""
OPTIONS = SweepOptions(only_case=SHORT, sample=50, depth=2)
ASKED = ["sweep", SCENARIO, "--case", SHORT, "--depth", "2", "--sample", "50", "--jobs", "1"]


def test_pairs_are_drawn_by_the_seed() -> None:
    """Every run has two cuts, both fired; the same seed draws the same pairs, whatever the number of workers, another one others."""
    scenario = prepare(SCENARIO, PrepareOptions(app_kib=4))
    drawn = {}
    for name, options in {"one": SweepOptions(sample=20, jobs=1), "two": SweepOptions(sample=20, jobs=2), "other": SweepOptions(sample=20, seed=2)}.items():
        result = sweep_sequences(scenario, replace(options, depth=2))
        assert result.violating == []
        drawn[name] = [(verdict.case, verdict.proof.faults) for verdict in result.verdicts if verdict.proof]
        assert [len(faults) for _, faults in drawn[name]] == [2] * 20
        assert result.live_checked == 2
    assert drawn["one"] == drawn["two"] != drawn["other"]


def test_the_command_finds_what_takes_two_cuts(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug that no single cut shows is found by pairs, with a replay id that holds both cuts."""
    arguments = ["sweep", SCENARIO, "--bug", "second-resume-refused", "--case", "update", "--depth", "2", "--sample", "32", "--json"]
    code = run_cli(arguments)
    summary = json.loads(capsys.readouterr().out)
    assert (code, summary["depth"], summary["planned"], summary["fired"]) == (1, 2, 32, 32)
    assert summary["violations"] > 0
    assert "/" in summary["causes"][0]["replay_id"].split(":")[2]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--depth", "closure"], "--depth"),
        (["--depth", "2", "--budget", "10s"], "--budget"),
        (["--depth", "2", "--merge", "bytes"], "--merge"),
        (["--depth", "2", "--cluster", "tcp://127.0.0.1:9"], "--cluster"),
    ],
)
def test_what_a_sample_does_not_take_is_refused(options: list[str], field: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input, told by the option's name."""
    assert run_cli(["sweep", SCENARIO, "--sample", "10", *options]) == 2
    assert field in capsys.readouterr().err


@pytest.fixture(scope="module", name="undisturbed")
def _undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    """Lines and certificate of sequences that nobody disturbed."""
    lines, certificate = (tmp_path_factory.mktemp("sequences") / name for name in ("lines.jsonl", "sequences.json"))
    assert run_cli([*ASKED, "--json", "--jsonl", str(lines), "--certificate", str(certificate)]) == ExitCode.HOLDS
    return lines.read_bytes(), certificate


def test_kill_at_random_moments_changes_no_report(undisturbed: tuple[bytes, Path], tmp_path: Path) -> None:
    """Killed twice, and gone on with by one process and by two: the lines are those of a run that nobody disturbed, and nothing kept is made again."""
    store, lines = tmp_path / "sequences.store", tmp_path / "lines.jsonl"
    command = [sys.executable, "-m", "harness.cli"]
    kill_when_it_told(20, lines, [*command, *ASKED, "--store", str(store), "--jsonl", str(lines)])
    kill_when_it_told(36, lines, [*command, "sweep", "--resume", str(store), "--jobs", "2", "--jsonl", str(lines)])
    kept = len(read_store(store).rows)

    summary = tmp_path / "summary.json"
    with summary.open("w") as file:
        subprocess.run([*command, "sweep", "--resume", str(store), "--jsonl", str(lines), "--json"], stdout=file, check=True)
    assert lines.read_bytes() == undisturbed[0]
    assert json.loads(summary.read_text())["kept"] == kept


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_was_judged_and_says_how_to_go_on(
    jobs: str, undisturbed: tuple[bytes, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130, and an unfinished certificate; by its file alone the rest is made, and the certificate is the undisturbed one."""
    store, partial, whole = (tmp_path / name for name in ("sequences.store", "partial.json", "whole.json"))

    def stop(_bar: ProgressBar, _verdict: Verdict) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ProgressBar, "judged", stop)
        assert run_cli([*ASKED, "--jobs", jobs, "--json", "--store", str(store), "--certificate", str(partial)]) == ExitCode.INTERRUPTED
    assert f"go on with: harness sweep --resume {store}" in capsys.readouterr().err
    assert len(read_store(store).rows) >= 16
    unfinished = read_sweep(partial)
    assert (unfinished.finished, unfinished.counts.faults_planned, unfinished.counts.faults_run) == (False, 50, 1)

    assert run_cli(["sweep", "--resume", str(store), "--jobs", jobs, "--json", "--certificate", str(whole)]) == ExitCode.HOLDS
    assert content_of(whole) == content_of(undisturbed[1])


def read_sweep(path: Path) -> SweepCertificate:
    """Read the certificate of a sweep, or of sequences."""
    certificate = read_certificate(path)
    assert isinstance(certificate, SweepCertificate)
    return certificate


def content_of(path: Path) -> dict[str, object]:
    """Return what a certificate says, but for wall time."""
    return read_sweep(path).model_dump(exclude={"seconds", "sha256"})


def test_parts_merge_to_the_whole(undisturbed: tuple[bytes, Path], tmp_path: Path) -> None:
    """Three parts, which cut families in two, give lines and certificate of the whole; the certificate of one says that it is a part."""
    parts = [tmp_path / f"part-{number}.store" for number in (1, 2, 3)]
    lines, certificate, whole = (tmp_path / name for name in ("lines.jsonl", "part.json", "whole.json"))
    for number, part in enumerate(parts, 1):
        assert run_cli([*ASKED, "--shard", f"{number}/3", "--store", str(part), "--json", "--certificate", str(certificate)]) == ExitCode.HOLDS

    assert run_cli(["merge", *map(str, reversed(parts)), "--json", "--jsonl", str(lines), "--certificate", str(whole)]) == ExitCode.HOLDS
    assert lines.read_bytes() == undisturbed[0]
    assert content_of(whole) == content_of(undisturbed[1])
    last = read_sweep(certificate)
    assert (last.whole, last.model.shard, last.counts.faults_planned, last.counts.faults_run) == (False, "3/3", 17, 17)
    assert run_cli(["certificate", "verify", str(certificate), "--sample", "2"]) == ExitCode.HOLDS


def test_a_certificate_says_what_was_drawn_and_holds_when_it_is_made_again(undisturbed: tuple[bytes, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Depth, sample, seed, and as many sequences fired as were planned; nobody says of how many."""
    certificate = read_sweep(undisturbed[1])
    model, counts = certificate.model, certificate.counts
    assert (model.depth, model.sample, model.seed, model.shard, model.case) == (2, 50, 1, "1/1", SHORT)
    assert (counts.faults_possible, counts.faults_planned, counts.faults_run, counts.faults_fired) == (None, 50, 50, 50)
    assert (certificate.finished, certificate.holds, certificate.whole) == (True, True, False)
    assert all(row.fault.count("/") == 1 for row in certificate.faults)

    assert run_cli(["certificate", "verify", str(undisturbed[1]), "--sample", "5"]) == ExitCode.HOLDS
    assert "5 of 50 sequences of cuts made again, 0 differ; certified: no violation, in a part of the cuts" in capsys.readouterr().out


def other_outcome(rows: list[FaultRow]) -> list[FaultRow]:
    """Change what came of every sequence."""
    return [row.model_copy(update={"outcome": Outcome.RECOVERY}) for row in rows]


def other_order(rows: list[FaultRow]) -> list[FaultRow]:
    """Put sequences, as they were made, into places that others were drawn for."""
    return rows[16:] + rows[:16]


@pytest.mark.parametrize(
    ("forge", "difference"), [(other_outcome, "made again, it has another outcome"), (other_order, "the seed draws other cuts in this place")]
)
def test_what_was_not_drawn_or_did_not_come_of_it_is_found(
    forge: Callable[[list[FaultRow]], list[FaultRow]], difference: str, undisturbed: tuple[bytes, Path]
) -> None:
    """Even with a new digest."""
    certificate = read_sweep(undisturbed[1])
    forged = certificate.model_copy(update={"faults": forge(certificate.faults)}).sealed()

    checks = list(verify_sweep_certificate(forged, prepare(SCENARIO, PrepareOptions()), sample=3, seed=1))

    assert forged.is_unchanged
    assert [check.difference for check in checks] == [difference] * 3


WRONG: dict[str, tuple[list[str], str]] = {
    "another depth": (["--depth", "3"], "depth: it is of another campaign: 2, not 3"),
    "another sample": (["--sample", "60"], "sample: it is of another campaign: 50, not 60"),
    "another seed": (["--seed", "2"], "seed: it is of another campaign"),
    "a search": (["--depth", "closure"], "is the file of a sweep, or of sampled sequences. Go on with it as it began"),
    "a budget": (["--budget", "1m"], "--budget: it belongs to a search through states"),
    "a cluster": (["--cluster", "tcp://127.0.0.1:9"], "--cluster: sampled sequences of cuts do not take it"),
}


@pytest.fixture(scope="module", name="begun")
def _begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "begun.store"
    CampaignStore(path, OPTIONS.settings(prepare(SCENARIO, PrepareOptions()))).close()
    return path


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_this_sample_is_refused(name: str, begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line, exit code 2."""
    options, words = WRONG[name]
    assert run_cli(["sweep", "--resume", str(begun), *options]) == ExitCode.BAD_INPUT
    assert words in capsys.readouterr().err


def test_a_verdict_with_fewer_cuts_is_not_one_of_a_sequence(begun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file into which the verdict of a plain sweep got is damaged."""
    path, plain = tmp_path / "mixed.store", tmp_path / "plain.store"
    path.write_bytes(begun.read_bytes())
    assert run_cli(["sweep", SCENARIO, "--case", SHORT, "--operations", "0-0", "--jobs", "1", "--json", "--store", str(plain)]) == ExitCode.HOLDS
    store = CampaignStore(path)
    store.add(read_store(plain).rows[:1])
    store.close()

    assert run_cli(["sweep", "--resume", str(path), "--jobs", "1"]) == ExitCode.BAD_INPUT
    assert "is damaged: row 0: 2 cuts were planned, and counter-behind:0none fired" in capsys.readouterr().err
