"""`harness run --cut-at`, `harness sweep --tears --fractions`, and the replay of both."""

from __future__ import annotations

import json
import re

import pytest

from harness.cli import run_cli
from harness.errors import InputError
from harness.fault.faults import ERASE_TEARS, Tear
from harness.fault.plan import FIVE_TEARS, TearChoice
from harness.fault.tear_words import parse_tears
from harness.fault.virtual_time import parse_virtual_time

SCENARIO = "stm32f103/speck-full"
FORGED = ["--case", "forged"]


@pytest.mark.parametrize(
    ("text", "time_ps"),
    [("12.345ms", 12_345_000_000), ("0s", 0), ("52.5us", 52_500_000), ("1s", 10**12), ("7ns", 7_000), ("0.0001ms", 100_000)],
)
def test_a_moment_is_read_exactly(text: str, time_ps: int) -> None:
    """Decimal, not floating point."""
    assert parse_virtual_time(text) == time_ps


@pytest.mark.parametrize("text", ["", "12", "ms", "-1ms", "1 m", "1e3us", "1.ms"])
def test_what_is_not_a_moment_is_refused(text: str) -> None:
    """A number without a unit could mean anything."""
    with pytest.raises(InputError, match="virtual time"):
        parse_virtual_time(text)


@pytest.mark.parametrize(
    ("tears", "fractions", "choice"),
    [
        (None, None, FIVE_TEARS),
        (None, 3, TearChoice(ERASE_TEARS, 3)),
        ("metastable", None, TearChoice((Tear.METASTABLE,), 0)),
        ("none, all,none", 2, TearChoice((Tear.NONE, Tear.ALL), 2)),
        ("fractions", None, TearChoice((), 4)),
        ("metastable,fractions", 7, TearChoice((Tear.METASTABLE,), 7)),
    ],
)
def test_tears_are_chosen_by_name(tears: str | None, fractions: int | None, choice: TearChoice) -> None:
    """`--fractions` adds to the named tears; the word alone stands for four."""
    assert parse_tears(tears, fractions) == choice


def test_a_sweep_with_fractions_fires_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Four programs, with one metastable cut and three fractions each."""
    assert run_cli(["sweep", SCENARIO, *FORGED, "--tears", "metastable", "--fractions", "3", "--jobs", "1", "--json"]) == 0

    summary = json.loads(capsys.readouterr().out)
    assert summary["planned"] == summary["run"] == summary["fired"] == 16
    assert summary["violations"] == 0


def test_a_cut_inside_an_operation_is_found_run_and_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    """The moment becomes an operation and a fraction; the printed id rebuilds the same crash image."""
    assert run_cli(["run", SCENARIO, *FORGED, "--cut-at", "0us", "--json"]) == 0
    (before,) = json.loads(capsys.readouterr().out)
    assert before["inside_operation"] is False
    assert before["fault"]["fault"] == "0none"

    moment = f"{before['fault']['time_us'] + 20:.3f}us"
    assert run_cli(["run", SCENARIO, *FORGED, "--cut-at", moment]) == 0
    shown = capsys.readouterr().out
    assert "in operation 0, program" in shown
    replay_id = re.search(r"replay (\S+)", shown)
    assert replay_id is not None
    assert ":0@0.381:" in replay_id[1]

    assert run_cli(["replay", replay_id[1]]) == 0
    again = capsys.readouterr().out
    assert "operation 0, 0.381 of its duration" in again
    crash_image = re.search(r"crash image (\w+)", shown)
    assert crash_image is not None
    assert crash_image[0] in again


def test_a_cut_after_the_last_operation_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The CPU ran and nothing followed: what the run left stays."""
    assert run_cli(["run", SCENARIO, *FORGED, "--json"]) == 0
    (clean,) = json.loads(capsys.readouterr().out)

    assert run_cli(["run", SCENARIO, *FORGED, "--cut-at", f"{clean['time_us'] - 1:.3f}us"]) == 0
    assert "the last one; no cell changes" in capsys.readouterr().out
