"""The cache: whole or not at all, whoever else is writing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from harness.build.cache import CACHE_VARIABLE, cache_path, cached_file, cached_folder
from harness.errors import InputError


def _write(folder: Path) -> None:
    (folder / "first").write_text("1")
    (folder / "second").write_text("2")


def test_environment_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variable names the folder, and the parent of a path in it exists."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    assert cache_path("objects", "x.o") == tmp_path / "mine" / "objects" / "x.o"
    assert (tmp_path / "mine" / "objects").is_dir()


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """A second call returns what the first one made."""
    made: list[Path] = []
    for _ in range(2):
        assert cached_folder(tmp_path / "folder", made.append) == tmp_path / "folder"
    assert len(made) == 1


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """When making fails half-way, the cache is as it was."""

    def fail(fresh: Path) -> None:
        if fresh.is_dir():
            _write(fresh)
        else:
            fresh.write_text("half")
        raise KeyboardInterrupt

    for cached in (cached_file, cached_folder):
        with pytest.raises(KeyboardInterrupt):
            cached(tmp_path / "target", fail)
        assert list(tmp_path.iterdir()) == []


def test_two_at_once_both_succeed(tmp_path: Path) -> None:
    """Two that make the same thing at the same time both get it whole, and no temporary folder is left."""
    barrier = Barrier(2)

    def make_folder(fresh: Path) -> None:
        _write(fresh)
        barrier.wait(10)

    def make_file(fresh: Path) -> None:
        fresh.write_text("content")
        barrier.wait(10)

    with ThreadPoolExecutor(2) as executor:
        folders = list(executor.map(lambda _: cached_folder(tmp_path / "folder", make_folder), range(2)))
        files = list(executor.map(lambda _: cached_file(tmp_path / "file", make_file), range(2)))
    assert folders == [tmp_path / "folder"] * 2
    assert files == [tmp_path / "file"] * 2
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["file", "folder", "folder/first", "folder/second"]


def test_unusable_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that can't be written to is bad input, and the remedy names the variable."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(InputError, match=CACHE_VARIABLE):
        cache_path("objects", "x.o")
