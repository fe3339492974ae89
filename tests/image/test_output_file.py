"""Output files are whole or not there."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.output_file import OutputStream, write_output


def names_in(folder: Path) -> list[str]:
    """Return what is in a folder, temporary files included."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_new_file_is_written(overwrite: bool, tmp_path: Path) -> None:
    """Its content is there, and nothing else is left beside it."""
    write_output(tmp_path / "out", b"content", overwrite=overwrite)

    assert (tmp_path / "out").read_bytes() == b"content"
    assert names_in(tmp_path) == ["out"]


def test_an_existing_file_is_replaced_or_kept_whole(tmp_path: Path) -> None:
    """Without `overwrite` the old content stays; with it the new one is there."""
    path = tmp_path / "out"
    path.write_bytes(b"old")

    with pytest.raises(InputError, match="exists already"):
        write_output(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    write_output(path, b"new")
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_failed_write_leaves_nothing_new(overwrite: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails, the old file stays and no temporary one is left."""

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    if overwrite:
        (tmp_path / "out").write_bytes(b"old")
    before = names_in(tmp_path)
    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(InputError, match="No space left"):
        write_output(tmp_path / "out", b"new", overwrite=overwrite)

    assert names_in(tmp_path) == before
    assert not overwrite or (tmp_path / "out").read_bytes() == b"old"


def test_a_link_keeps_pointing_at_the_file(tmp_path: Path) -> None:
    """The file behind a symbolic link is replaced, not the link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    write_output(tmp_path / "link", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_not_replaced() -> None:
    """`/dev/null` stays a device."""
    write_output(Path("/dev/null"), b"gone")

    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


UNWRITABLE = {
    "in a folder that is not there": "none/out",
    "below a file": "file/out",
    "on a folder": "folder",
}


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("case", UNWRITABLE)
def test_an_unwritable_place_is_bad_input(case: str, overwrite: bool, tmp_path: Path) -> None:
    """The error names the path that was asked for."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    path = tmp_path / UNWRITABLE[case]

    with pytest.raises(InputError) as caught:
        write_output(path, b"content", overwrite=overwrite)

    assert caught.value.source == str(path)
    assert names_in(tmp_path) == ["file", "folder"]


def test_a_stream_that_cannot_be_written_is_named_until_it_is_closed(tmp_path: Path) -> None:
    """What a full disk left unwritten is tried once more when the file is closed: that, too, names the file."""
    path = tmp_path / "verdicts.jsonl"
    stream = OutputStream("--jsonl", path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(InputError, match=r"--jsonl: cannot write .*verdicts\.jsonl"):
            stream.write(bytes(5000))
        with pytest.raises(InputError, match=r"--jsonl: cannot write .*verdicts\.jsonl"):
            stream.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
