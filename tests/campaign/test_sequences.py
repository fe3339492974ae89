"""Sequences of cuts drawn by the seed: as many as asked for, the same again, and wrong where the bootloader is."""

from __future__ import annotations

import json

import pytest

from harness.campaign.sequences import sweep_sequences
from harness.campaign.settings import SweepOptions
from harness.cli import run_cli
from harness.scenario.prepare import PrepareOptions, prepare

SCENARIO = "stm32f103/speck-full"


def test_pairs_are_drawn_by_the_seed() -> None:
    """Every run has two cuts, both fired; the same seed draws the same pairs, whatever the number of workers, another one others."""
    scenario = prepare(SCENARIO, PrepareOptions(app_kib=4))
    drawn = {}
    for name, options in {"one": SweepOptions(sample=20, jobs=1), "two": SweepOptions(sample=20, jobs=2), "other": SweepOptions(sample=20, seed=2)}.items():
        result = sweep_sequences(scenario, options, 2)
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
    [(["--depth", "closure"], "--depth"), (["--depth", "2", "--budget", "10s"], "--budget"), (["--depth", "2", "--shard", "1/2"], "--shard")],
)
def test_what_a_sample_does_not_take_is_refused(options: list[str], field: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input, told by the option's name."""
    assert run_cli(["sweep", SCENARIO, "--sample", "10", *options]) == 2
    assert field in capsys.readouterr().err
