"""Virtual times as a user reads them, and `--timing`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.cli import run_cli
from harness.errors import InputError
from harness.scenario.prepare import PrepareOptions

SLICE = ["sweep", "stm32f103/speck-full", "--case", "downgrade", "--json"]
TIMES = ("virtual_update_us", "virtual_boot_us", "virtual_verification_us", "virtual_recovery_worst_us")


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command and return the JSON that it printed."""
    assert run_cli(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def test_a_summary_has_the_times_of_update_boot_verification_and_worst_recovery_each_with_its_range(capsys: pytest.CaptureFixture[str]) -> None:
    """The time that the device counts lies inside the range that its cycles leave open."""
    summary = run_json(capsys, "sweep", "stm32f103/speck-full", "--case", "update", "--operations", "0-3", "--json")
    for name in TIMES:
        assert 0 < summary[f"{name}_low"] < summary[name] < summary[f"{name}_high"], name


def test_the_worst_recovery_comes_with_the_id_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    """An id of another timing than the typical one carries it, and shows the same time."""
    summary = run_json(capsys, *SLICE, "--timing", "maximum")
    replay_id = summary["virtual_recovery_worst_replay_id"]
    assert replay_id.startswith("stm32f103/speck-full+timing=maximum:downgrade:")
    assert run_cli(["replay", replay_id]) == 0
    assert f"the application runs after {summary['virtual_recovery_worst_us'] / 1e3:,.1f} ms" in capsys.readouterr().out


def test_timing_changes_the_time_of_an_update_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """From minimum to maximum: the same instructions and operations, longer each time."""
    runs = [
        run_json(capsys, "run", "stm32f103/speck-full", "--case", "update", "--json", "--timing", timing)[0] for timing in ("minimum", "typical", "maximum")
    ]
    times = [run["ready_us"] for run in runs]
    assert times == sorted(times)
    assert len(set(times)) == 3
    assert len({(run["instructions"], run["operations"], run["outcome"]) for run in runs}) == 1


def test_a_start_that_takes_too_long_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The seeded bug of that kind breaks the rule for it, and no other."""
    assert run_cli([*SLICE, "--bug", "delay-at-start"]) == 1
    assert json.loads(capsys.readouterr().out)["rules_violated"].keys() == {"time_budget"}


def test_a_replay_id_with_an_unknown_timing_is_refused() -> None:
    """The message names the three that there are."""
    with pytest.raises(InputError, match="minimum, typical, maximum"):
        PrepareOptions.from_pairs([("timing", "average")], source="replay id")


def test_options_go_into_a_replay_id_only_where_they_are_not_the_default() -> None:
    """Written and read back."""
    options = PrepareOptions.from_pairs([("timing", "minimum")], source="replay id")
    assert options.pairs() == (("timing", "minimum"),)
    assert PrepareOptions().pairs() == ()
