"""The cache folder: everything in it is named by the hash of what it was made from, and appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from harness.errors import InputError

CACHE_VARIABLE = "BOOT_HARNESS_CACHE"
"""Environment variable that moves the cache folder."""


def cache_path(*parts: str) -> Path:
    """Return a path in the cache folder; its parent folder exists afterwards.

    Raises:
        InputError: the cache folder can't be made.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    root = Path(chosen).absolute() if chosen else platformdirs.user_cache_path("boot-harness")
    path = root.joinpath(*parts)
    try:
        (path.parent if parts else path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(root, error) from error
    return path


def cached_file(target: Path, make: Callable[[Path], None]) -> Path:
    """Return `target`, making it first if it does not exist.

    Two processes may do so at once: each makes its own file, and the last one renamed, with the same content, stays.

    Args:
        target: a path in the cache, named by content.
        make: writes the file to the path that it is given; if it raises, nothing is left behind.
    """
    if not target.is_file():
        with workspace(target.parent) as folder:
            fresh = folder / target.name
            make(fresh)
            fresh.replace(target)
    return target


def cached_folder(target: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder `target`, making it first if it does not exist; otherwise as `cached_file`."""
    if not target.is_dir():
        with workspace(target.parent) as folder:
            fresh = folder / target.name
            fresh.mkdir()
            make(fresh)
            try:
                fresh.rename(target)
            except OSError:
                # A folder can't be renamed over one that is not empty: another process was faster.
                if not target.is_dir():
                    raise
    return target


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """Yield a temporary folder in `parent`: on the same file system, so that its content can be renamed into place.

    Raises:
        InputError: the cache can't be written to.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    except OSError as error:
        raise _unusable(parent, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"the cache can't be written: {error.strerror or error}",
        source=str(path),
        remedy=f"Make the folder writable, or set {CACHE_VARIABLE} to one that is.",
    )
