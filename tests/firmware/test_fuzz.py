"""The fuzz targets: their corpus is replayed always, and they are fuzzed for a moment where a fuzzer is found."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.build.bugs import apply_edits, load_bug
from harness.bundled import bundled_path
from tests.firmware.host_build import FUZZ_TARGETS, HostCompiler, build_fuzz_target, find_fuzzer
from tests.firmware.host_images import write_fuzz_images
from tests.fuzz import main as fuzz_main

FIRMWARE = Path(bundled_path("firmware"))
CORPUS = {target: sorted((FIRMWARE / "fuzz" / "corpus" / target).iterdir()) for target in FUZZ_TARGETS}


_MOMENT_RUNS = {"rebuild": 100}
"""How many inputs where one boots several times."""


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Where each target's signed images are, and no look for leaks: there is no heap."""
    made = {}
    for target in FUZZ_TARGETS:
        images = tmp_path_factory.mktemp(f"images-{target}")
        write_fuzz_images(images, target)
        made[target] = {**os.environ, "FUZZ_IMAGES": str(images), "ASAN_OPTIONS": "detect_leaks=0"}
    return made


@pytest.mark.parametrize("target", FUZZ_TARGETS)
def test_the_corpus_holds(target: str, host_compiler: HostCompiler, environments: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """Every input in the tree passes under the sanitizers of the host's compiler."""
    program = build_fuzz_target(host_compiler, FIRMWARE, tmp_path, target)
    ended = subprocess.run([program, *CORPUS[target]], capture_output=True, text=True, check=False, env=environments[target])
    assert CORPUS[target]
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_corpus_is_small() -> None:
    """What the tree keeps are a few kilobytes of seeds, not what a run found."""
    assert sum(path.stat().st_size for paths in CORPUS.values() for path in paths) < 64 * 1024


@pytest.mark.parametrize(
    ("bug", "target"),
    [("signature-ignored", "image"), ("torn-place-reused", "metadata"), ("delta-done-before-copy", "rebuild"), ("delta-torn-key-taken", "rebuild")],
)
def test_the_targets_find_bugs(bug: str, target: str, host_compiler: HostCompiler, environments: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """The targets can fail: with a seeded bug in the sources, an input of the corpus shows it."""
    firmware = Path(shutil.copytree(FIRMWARE, tmp_path / "firmware"))
    apply_edits(firmware, load_bug(bug).edits)
    program = build_fuzz_target(host_compiler, firmware, tmp_path, target)
    ended = subprocess.run([program, *CORPUS[target]], capture_output=True, text=True, check=False, env=environments[target])
    assert ended.returncode != 0
    assert "expected" in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("target", FUZZ_TARGETS)
def test_a_moment_of_fuzzing(target: str, environments: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """A thousand inputs that libFuzzer makes of the corpus pass; `tox -e fuzz` goes on for minutes."""
    fuzzer = find_fuzzer()
    if fuzzer is None:
        pytest.skip("no clang with libFuzzer on this machine: the corpus was replayed, nothing was fuzzed")
    program = build_fuzz_target(fuzzer, FIRMWARE, tmp_path, target)
    (tmp_path / "found").mkdir()
    command: list[str | Path] = [
        program,
        f"-runs={_MOMENT_RUNS.get(target, 1000)}",
        "-seed=1",
        f"-artifact_prefix={tmp_path}/",
        tmp_path / "found",
        FIRMWARE / "fuzz" / "corpus" / target,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environments[target])
    assert ended.returncode == 0, ended.stderr[-2000:]


def test_an_input_is_replayed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What a target crashed with can be seen again by its file: one of the corpus passes, and a file that is not there is told."""
    if find_fuzzer() is None:
        pytest.skip("no clang with libFuzzer on this machine")
    assert fuzz_main(["--target", "image", "--replay", str(CORPUS["image"][0])]) == 0
    assert "image: no crash" in capfd.readouterr().out
    assert fuzz_main(["--target", "image", "--replay", str(tmp_path / "absent")]) == 2
    with pytest.raises(SystemExit):
        fuzz_main(["--replay", str(CORPUS["image"][0])])
