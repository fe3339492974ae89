"""`tox -e fuzz -- --minutes N`: the targets of firmware/fuzz under libFuzzer, one after the other, with the corpus of the tree to begin with."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.bundled import bundled_path
from tests.firmware.host_build import FUZZ_TARGETS, HostCompiler, build_fuzz_target, find_fuzzer
from tests.firmware.host_images import write_fuzz_images

_INPUT_BYTES_MAX = 7200
_DONE = re.compile(r"^Done (\d+) runs", re.MULTILINE)
_COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz; return 1 if a target crashed, and leave the input that did it in this folder.

    Args:
        words: of the command line; None: the process's own.
    """
    parser = argparse.ArgumentParser(prog="tox -e fuzz --", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="altogether; each target gets an equal part (default: 10)")
    parser.add_argument("--target", choices=FUZZ_TARGETS, action="append", help="only this one; may be given again")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what is found, for a longer run later")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="do not fuzz: run one --target on this input, such as one that it crashed with")
    arguments = parser.parse_args(words)
    fuzzer = find_fuzzer()
    if fuzzer is None:
        print("fuzz: no clang with libFuzzer on this machine (Debian: apt install clang libclang-rt-dev); nothing was fuzzed", file=sys.stderr)
        return 2
    targets = arguments.target or FUZZ_TARGETS
    if arguments.replay:
        if len(targets) != 1:
            parser.error("--replay needs one --target: that of the input")
        return replay(fuzzer, targets[0], arguments.replay)
    with tempfile.TemporaryDirectory() as folder:
        crashed = [target for target in targets if not fuzz(fuzzer, target, Path(folder), 60 * arguments.minutes / len(targets), arguments.corpus)]
    print("no crash" if not crashed else f"crashed: {', '.join(crashed)}; see one again: tox -e fuzz -- --target TARGET --replay crash-TARGET-...")
    return 1 if crashed else 0


def fuzz(fuzzer: HostCompiler, target: str, folder: Path, seconds: float, corpus: Path | None) -> bool:
    """Fuzz one target; return whether it survived."""
    firmware = Path(bundled_path("firmware"))
    program = build_fuzz_target(fuzzer, firmware, folder, target)
    images, found = folder / f"images-{target}", (corpus or folder / "corpus") / target
    images.mkdir(exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    write_fuzz_images(images, target)
    options = (
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={_INPUT_BYTES_MAX}",
        "-use_value_profile=1",
        f"-artifact_prefix={Path.cwd()}/crash-{target}-",
    )
    print(f"{target}: {seconds:.0f} s ...", flush=True)
    environment = {**os.environ, "FUZZ_IMAGES": str(images)}
    ended = subprocess.run(
        [program, *options, found, firmware / "fuzz" / "corpus" / target],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    done, covered = _DONE.search(ended.stderr), _COVERED.findall(ended.stderr)
    if ended.returncode or done is None:
        print(ended.stderr[-4000:])
        return False
    edges, features, inputs = covered[-1] if covered else ("?", "?", "?")
    print(f"{target}: {int(done[1]):,} runs, {edges} edges and {features} features covered by {inputs} inputs", flush=True)
    return True


def replay(fuzzer: HostCompiler, target: str, file: Path) -> int:
    """Run a target on one input, and show what the sanitizers say; return 1 if it crashed, 2 without such a file."""
    if not file.is_file():
        print(f"fuzz: no such file: {file}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        program = build_fuzz_target(fuzzer, Path(bundled_path("firmware")), Path(folder), target)
        images = Path(folder, "images")
        images.mkdir()
        write_fuzz_images(images, target)
        ended = subprocess.run([program, file.resolve()], check=False, env={**os.environ, "FUZZ_IMAGES": str(images)})
    print(f"{target}: {'crashed' if ended.returncode else 'no crash'}")
    return 1 if ended.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
