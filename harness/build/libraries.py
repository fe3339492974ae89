"""C libraries: fetched by name, version and hash into the cache, never into the tree."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from harness.build.cache import cache_path, cached_folder, workspace
from harness.build.download import download_debian_source, download_python_source
from harness.build.profile import InnerPath, Strict, Word
from harness.errors import EngineError, InputError
from harness.toml_input import load_toml

OVERRIDE_VARIABLE = "BOOT_HARNESS_LIBRARIES"
"""Environment variable that names a folder with the archives, for machines that can't fetch them."""

_TABLE = "libraries.toml"


class Library(Strict):
    """One C library.

    Attributes:
        name: what profiles call it. version: of the library itself. licence: an SPDX expression.
        origin: the kind of archive that carries it: a source archive of the Python package index, or a Debian source package.
        package: what to ask the origin for; pinned, except that any Debian revision of the same archive will do.
        archive: file name of the archive. sha256: its digest.
        folder: the library inside the archive. include: folders below it where headers are.
    """

    name: Word
    version: str
    licence: str
    origin: Literal["python", "debian"]
    package: str
    archive: InnerPath
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    folder: InnerPath
    include: tuple[str, ...]


class _Table(Strict):
    """The file `libraries.toml`."""

    library: tuple[Library, ...]


def load_libraries(root: Path) -> dict[str, Library]:
    """Return the C libraries that a firmware folder pins, by name; none where it has no table of them.

    Raises:
        InputError: the table is malformed.
    """
    path = root / _TABLE
    table = load_toml(path, _Table).library if path.is_file() else ()
    return {library.name: library for library in table}


def library_path(library: Library) -> Path:
    """Return the folder of an unpacked library; fetches and unpacks it first, if the cache lacks it.

    Raises:
        InputError: the archive in the override folder is not the pinned one.
        EngineError: the archive can't be fetched; says what to do.
    """
    offered = _offered_archive(library)
    folder = cache_path("libraries", f"{library.name}-{library.version}-{library.sha256[:16]}")

    def make(fresh: Path) -> None:
        if offered is not None:
            _unpack(offered, library.folder, fresh)
            return
        with workspace(folder.parent) as temporary:
            _unpack(_download(library, temporary), library.folder, fresh)

    return cached_folder(folder, make)


def _offered_archive(library: Library) -> Path | None:
    """Return the archive that the override folder offers, checked; None if it offers none."""
    chosen = os.environ.get(OVERRIDE_VARIABLE)
    if not chosen:
        return None
    folder = Path(chosen)
    if not folder.is_dir():
        raise InputError("there is no such folder", source=OVERRIDE_VARIABLE, field=chosen, remedy="Name a folder with the archives, or unset it.")
    archive = folder / library.archive
    if not archive.is_file():
        return None
    digest = _digest(archive)
    if digest != library.sha256:
        raise InputError(
            f"has the SHA-256 {digest}, not {library.sha256}",
            source=str(archive),
            remedy=f"Replace it with the source archive of {library.name} {library.version}, or unset {OVERRIDE_VARIABLE}.",
        )
    return archive


def _download(library: Library, folder: Path) -> Path:
    by_hand = f"Or put {library.archive} (SHA-256 {library.sha256}) into a folder and set {OVERRIDE_VARIABLE} to it."
    try:
        if library.origin == "python":
            download_python_source(library.package, library.sha256, folder)
        else:
            download_debian_source(library.package, folder)
    except EngineError as error:
        raise EngineError(f"{library.name} {library.version} can't be fetched: {error} {by_hand}") from error
    archive = folder / library.archive
    if not archive.is_file():
        found = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_file()))
        raise EngineError(f"{library.name} {library.version} can't be fetched: {library.package} holds {found}, not {library.archive}. {by_hand}")
    digest = _digest(archive)
    if digest != library.sha256:
        raise EngineError(
            f"{library.name} {library.version}: the fetched {library.archive} has the SHA-256 {digest}, not {library.sha256}: it is not used. {by_hand}"
        )
    return archive


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Make it readable.") from error


def _unpack(archive: Path, folder: str, target: Path) -> None:
    """Write the regular files below `folder` of a tar archive to `target`; links and paths that lead outside are refused."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not member.isfile() or not path.is_relative_to(folder):
                continue
            relative = path.relative_to(folder)
            if ".." in relative.parts:
                raise EngineError(f"{archive.name}: {member.name!r} leads outside the archive")
            stream = tar.extractfile(member)
            assert stream is not None
            destination = target / relative
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.write_bytes(stream.read())
