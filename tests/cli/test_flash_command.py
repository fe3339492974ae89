"""`harness flash`: wear and contents, as a user asks for them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import run_cli
from harness.report.hex_dump import hex_dump

SCENARIO = "stm32f103/speck-full"
Output = pytest.CaptureFixture[str]


def read_json(capsys: Output, *words: str) -> dict[str, object]:
    """Run `harness flash` with --json and return what it printed."""
    assert run_cli(["flash", *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert isinstance(record, dict)
    return record


def test_an_update_wears_each_page_of_the_application_once(capsys: Output) -> None:
    """Five pages are erased once, twice where a cut hit them; nothing else is erased; no half-word is written twice."""
    assert run_cli(["flash", "stats", SCENARIO, "--cuts", "30", "--json"]) == 0

    record = json.loads(capsys.readouterr().out)
    erased = [page for page in record["pages"] if page["clean_erases"]]
    assert len(record["pages"]) == 64
    assert {page["region"] for page in erased} == {"application"}
    assert [(page["clean_erases"], page["lifetime_updates"]) for page in erased] == [(1, 10_000)] * 5
    assert [(page["worst_erases"], page["worst_lifetime_updates"]) for page in erased] == [(2, 5_000)] * 5
    assert max(page["most_writes"] for page in record["pages"]) == 1
    assert record["cuts"] == 30
    assert record["cuts"] < record["cuts_possible"]


def test_many_updates_share_the_erases_of_the_pool(capsys: Output) -> None:
    """Patch after patch is applied by the real bootloader: pages of log and scratch are erased alike, those of the application once an update."""
    record = read_json(capsys, "stats", "stm32f103/speck-delta", "--updates", "8")
    regions = {region["region"]: region for region in record["regions"]}  # type: ignore[attr-defined]

    assert (record["updates"], record["version"]) == (8, 9)
    assert set(regions) == {"application", "slot", "metadata"}
    assert regions["application"]["erases"] == [8] * 34
    assert regions["metadata"]["most"] <= 2 * regions["metadata"]["least"]
    assert sum(regions["metadata"]["erases"]) > 8 * 34
    assert regions["metadata"]["lifetime_updates"] == 10_000 * 8 // regions["metadata"]["most"]


@pytest.mark.long
@pytest.mark.parametrize("chip", ["stm32f103", "nrf52840"])
def test_two_hundred_updates_wear_the_pool_evenly(chip: str, capsys: Output) -> None:
    """No page of log and scratch is erased more than twice as often as another, and none is left out."""
    record = read_json(capsys, "stats", f"{chip}/speck-delta", "--updates", "200")
    erases = next(region["erases"] for region in record["regions"] if region["region"] == "metadata")  # type: ignore[attr-defined]

    assert record["updates"] == 200
    assert 0 < max(erases) <= 2 * min(erases)


def test_many_updates_are_told(capsys: Output) -> None:
    """A region a row, and what the options that say nothing here are told."""
    assert run_cli(["flash", "stats", SCENARIO, "--updates", "2"]) == 0
    text = capsys.readouterr().out
    assert "2 updates, one after the other, up to version 3" in text
    assert "application     20       5" in text
    assert run_cli(["flash", "stats", SCENARIO, "--updates", "2", "--cuts", "5"]) == 2
    assert "--cuts: it says nothing with --updates" in capsys.readouterr().err
    assert run_cli(["flash", "stats", "stm32f103/speck-download", "--updates", "2"]) == 2
    assert "stages no update" in capsys.readouterr().err


def test_a_bug_that_erases_twice_halves_the_lifetime(capsys: Output) -> None:
    """The figure follows the firmware."""
    assert run_cli(["flash", "stats", SCENARIO, "--cuts", "0", "--bug", "erased-twice", "--json"]) == 0

    pages = json.loads(capsys.readouterr().out)["pages"]
    assert {page["lifetime_updates"] for page in pages if page["clean_erases"]} == {5_000}


def test_the_table_gives_advice(capsys: Output) -> None:
    """A person sees pages, lifetime and what wears out first."""
    assert run_cli(["flash", "stats", SCENARIO, "--cuts", "0"]) == 0

    text = capsys.readouterr().out
    assert "0x08005000  application" in text
    assert "wear evenly, and are worn out after 10,000 updates" in text


def test_a_dump_shows_a_region(capsys: Output) -> None:
    """The slot begins with the image's magic; the start of the flash is the vector table."""
    assert run_cli(["flash", "dump", SCENARIO, "--region", "slot", "--len", "16"]) == 0
    assert capsys.readouterr().out.startswith("0800a000  53 50 4b 02 ")

    assert read_json(capsys, "dump", SCENARIO, "--start", "0x08000000", "--len", "4") == {"address": 0x08000000, "bytes": "00100020"}


def test_the_end_of_a_run_holds_the_new_image(capsys: Output) -> None:
    """After the update the application region reads as the slot does."""
    installed = read_json(capsys, "dump", SCENARIO, "--at", "end", "--region", "application", "--len", "4240")
    staged = read_json(capsys, "dump", SCENARIO, "--region", "slot", "--len", "4240")
    before = read_json(capsys, "dump", SCENARIO, "--region", "application", "--len", "4240")

    assert installed["bytes"] == staged["bytes"] != before["bytes"]


def test_a_crash_image_is_dumped_by_replay_id(capsys: Output) -> None:
    """The state right after a cut, and the end of the recovery, both from the id that a report prints."""
    assert run_cli(["run", SCENARIO, "--case", "update", "--json"]) == 0
    clean = json.loads(capsys.readouterr().out)[0]["replay_id"]
    torn = clean.replace(":clean:", ":4all:")
    page = ["--start", "0x08005000", "--len", "1024"]

    assert read_json(capsys, "dump", torn, *page)["bytes"] == "ff" * 1024
    assert read_json(capsys, "dump", torn, "--at", "end", *page)["bytes"] != "ff" * 1024
    assert run_cli(["flash", "dump", clean, *page]) == 2
    assert "uninterrupted" in capsys.readouterr().err
    assert run_cli(["flash", "dump", torn, "--case", "update"]) == 2
    assert "Leave out --case" in capsys.readouterr().err


WRONG = {
    "an unknown region": (["--region", "slto"], "Regions: "),
    "an address outside the flash": (["--start", "0x20000000"], "from 0x08000000 to 0x0800ffff"),
    "an address outside the region": (["--region", "slot", "--start", "0x08005000"], "outside region slot"),
    "more bytes than there are": (["--region", "slot", "--len", "99999"], "Give 1 to 20480"),
    "no bytes": (["--len", "0"], "Give 1 to"),
    "a number that is none": (["--start", "here"], "Write 4096 or 0x1000"),
    "a cut of a scenario": (["--at", "cut"], "replay id"),
    "an unknown case": (["--case", "updat"], "Cases: "),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_bad_input_is_told(sentence: str, capsys: Output) -> None:
    """One line that says what to do instead; exit code 2."""
    words, remedy = WRONG[sentence]

    assert run_cli(["flash", "dump", SCENARIO, *words]) == 2
    assert remedy in capsys.readouterr().err


@given(st.binary(max_size=200), st.integers(0, 2**32 - 256))
def test_a_dump_loses_no_byte(content: bytes, address: int) -> None:
    """The bytes can be read back from the lines, a `*` standing for repeats of the line before."""
    read = b""
    line_bytes = b""
    for line in hex_dump(content, address):
        if line == "*":
            continue
        start = int(line[:8], 16) - address
        while len(read) < start:
            read += line_bytes
        line_bytes = bytes.fromhex(line[10:58])
        read += line_bytes
    assert read == content
