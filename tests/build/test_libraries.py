"""C libraries: only the pinned archive is unpacked, and whatever goes wrong says what to do."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from harness.build import download
from harness.build.apt_sources import debian_sources, source_lines, source_stanzas
from harness.build.cache import CACHE_VARIABLE, cache_path
from harness.build.libraries import OVERRIDE_VARIABLE, Library, library_path, load_libraries
from harness.bundled import bundled_path
from harness.errors import EngineError, InputError

CONTENT = {"nacl-1/nacl.c": b"int nacl;\n", "nacl-1/inc/nacl.h": b"extern int nacl;\n", "outside/other.c": b"no\n"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(OVERRIDE_VARIABLE, raising=False)


def make_archive(folder: Path, content: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """Write `nacl-1.tar.gz` with files and symbolic links, and return it."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "nacl-1.tar.gz", "w:gz") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.SYMTYPE
            member.linkname = target
            tar.addfile(member)
    return folder / "nacl-1.tar.gz"


def make_library(archive: Path, **changes: str) -> Library:
    """Return a library that pins an archive."""
    fields = {
        "name": "nacl",
        "version": "1",
        "licence": "MIT",
        "origin": "python",
        "package": "no-such-package-of-ours==1",
        "archive": archive.name,
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "folder": "nacl-1",
    }
    return Library.model_validate({**fields, **changes, "include": (".",)})


def cached_files() -> list[str]:
    """Return every file that the cache holds, temporary ones included."""
    root = cache_path()
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_archive_of_the_override_folder_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own files are unpacked, without the folder that wraps them; what is beside it is not."""
    archive = make_archive(tmp_path / "offered", CONTENT)
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(archive.parent))
    folder = library_path(make_library(archive))
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files == {"nacl.c": b"int nacl;\n", "inc/nacl.h": b"extern int nacl;\n"}
    monkeypatch.delenv(OVERRIDE_VARIABLE)
    assert library_path(make_library(archive)) == folder


def test_links_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link in an archive, which might lead anywhere, is left out."""
    archive = make_archive(tmp_path / "offered", CONTENT, {"nacl-1/link.c": "/etc/hostname"})
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(archive.parent))
    assert not (library_path(make_library(archive)) / "link.c").exists()


def test_path_that_leads_outside_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that would write outside its folder is refused, and nothing of it stays."""
    archive = make_archive(tmp_path / "offered", {**CONTENT, "nacl-1/../../escaped.c": b"no\n"})
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(archive.parent))
    with pytest.raises(EngineError, match="leads outside"):
        library_path(make_library(archive))
    assert cached_files() == []
    assert list(tmp_path.rglob("escaped.c")) == []


def test_wrong_hash_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another archive under the right name is refused with both digests, even when the cache holds the right one."""
    archive = make_archive(tmp_path / "offered", CONTENT)
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(archive.parent))
    library = make_library(archive)
    library_path(library)
    make_archive(tmp_path / "offered", {"nacl-1/nacl.c": b"int evil;\n"})
    with pytest.raises(InputError) as raised:
        library_path(library)
    for told in (library.sha256, hashlib.sha256(archive.read_bytes()).hexdigest(), str(archive), OVERRIDE_VARIABLE):
        assert told in str(raised.value)


def test_missing_override_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An override that names no folder is bad input."""
    archive = make_archive(tmp_path / "offered", CONTENT)
    monkeypatch.setenv(OVERRIDE_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no such folder"):
        library_path(make_library(archive))


def test_package_that_pip_cannot_get_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the error gives pip's words and the way by hand; nothing is left in the cache."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    archive = make_archive(tmp_path / "offered", CONTENT)
    library = make_library(archive)
    with pytest.raises(EngineError) as raised:
        library_path(library)
    for told in ("no-such-package-of-ours==1", "Could not find a version", "Check the network", archive.name, library.sha256, OVERRIDE_VARIABLE):
        assert told in str(raised.value)
    assert cached_files() == []


def make_source_package(folder: Path, name: str) -> Path:
    """Write a Python source archive that fails loudly when any of its code runs, and return it."""
    folder.mkdir()
    content = {
        f"{name}-1.0/PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{name}-1.0/setup.py": b"raise SystemExit('the code of the package ran')\n",
        f"{name}-1.0/pyproject.toml": b'[build-system]\nrequires = ["setuptools", "Cython"]\n',
        f"{name}-1.0/{name}.c": b"int x;\n",
    }
    made = make_archive(folder, content)
    return made.rename(folder / f"{name}-1.0.tar.gz")


def test_pip_downloads_without_running_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip brings the archive from an index; none of the package's own code runs, and it needs no build tools."""
    archive = make_source_package(tmp_path / "index", "tinylib")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(archive.parent))
    library = make_library(archive, package="tinylib==1.0", folder="tinylib-1.0")
    assert (library_path(library) / "tinylib.c").read_bytes() == b"int x;\n"


def test_wrong_hash_from_the_index_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that serves another content is told, and nothing is left in the cache."""
    archive = make_source_package(tmp_path / "index", "tinylib")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(archive.parent))
    library = make_library(archive, package="tinylib==1.0", folder="tinylib-1.0", sha256="0" * 64)
    with pytest.raises(EngineError, match="wrong SHA-256"):
        library_path(library)
    assert cached_files() == []


def test_missing_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without apt-get learns where to put the archive."""
    monkeypatch.setenv("PATH", str(tmp_path))
    library = make_library(make_archive(tmp_path / "offered", CONTENT), origin="debian", package="nacl")
    with pytest.raises(EngineError, match=f"no apt-get.*{OVERRIDE_VARIABLE}"):
        library_path(library)


def test_missing_apt_source_is_told(tmp_path: Path) -> None:
    """A machine whose apt knows no distribution source learns where we looked."""
    with pytest.raises(EngineError, match=f"no source for .* in {tmp_path}"):
        debian_sources(tmp_path / "out", apt=tmp_path)


FAKE_APT = """\
#!/bin/sh
case "$*" in *update*) exit 0;; *) echo "E: Unable to find a source package for nacl" >&2; exit 100;; esac
"""


@pytest.mark.skipif(sys.platform != "linux", reason="apt exists on Linux only")
def test_apt_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When apt-get fails, the error gives its words and what to do; nothing is left in the cache."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "apt-get").write_text(FAKE_APT)
    (tools / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(download, "debian_sources", lambda folder: folder)
    library = make_library(make_archive(tmp_path / "offered", CONTENT), origin="debian", package="nacl")
    with pytest.raises(EngineError) as raised:
        library_path(library)
    for told in ("E: Unable to find a source package for nacl", "Check the network and apt's sources", OVERRIDE_VARIABLE):
        assert told in str(raised.value)
    assert cached_files() == []


LINES = {
    "a plain entry": ("deb http://mirror/debian bookworm main\n", ["deb-src http://mirror/debian bookworm main"]),
    "options stay": (
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main # ours\n",
        ["deb-src [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main"],
    ),
    "a source entry": ("deb-src http://mirror/debian bookworm main\n", ["deb-src http://mirror/debian bookworm main"]),
    "a comment": ("# deb http://mirror/debian bookworm main\n", []),
    "somebody else's suite": ("deb https://vendor/apt tools-bookworm main\n", []),
}


@pytest.mark.parametrize(("text", "expected"), LINES.values(), ids=LINES)
def test_one_line_sources_are_turned(text: str, expected: list[str]) -> None:
    """One-line entries of the release become entries for its source packages."""
    assert source_lines(text, {"bookworm"}) == expected


STANZA = "Types: deb\n# a comment\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n"
STANZAS = {
    "a stanza": (STANZA, ["Types: deb-src\nSuites: bookworm\nURIs: http://mirror/debian\nComponents: main\nSigned-By: /k.gpg"]),
    "a disabled stanza": (STANZA + "Enabled: no\n", []),
    "somebody else's stanza": (STANZA.replace("bookworm bookworm-updates", "nodistro"), []),
    "two stanzas, one of them the release's": (
        STANZA.replace("bookworm bookworm-updates", "nodistro") + "\n" + STANZA,
        ["Types: deb-src\nSuites: bookworm\nURIs: http://mirror/debian\nComponents: main\nSigned-By: /k.gpg"],
    ),
    "a key in the stanza": (
        "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n",
        ["Types: deb-src\nSuites: bookworm\nURIs: http://mirror/debian\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), STANZAS.values(), ids=STANZAS)
def test_stanzas_are_turned(text: str, expected: list[str]) -> None:
    """Stanzas of the release become stanzas for its source packages."""
    assert source_stanzas(text, {"bookworm"}) == expected


MALFORMED = {
    "an unknown origin": ('origin = "python"', 'origin = "web"', "'python'"),
    "a short digest": ("5e56e3d3", "5e", "library[0].sha256"),
    "a missing key": ('licence = "MIT"\n', "", "library[1].licence"),
}


@pytest.mark.parametrize(("before", "after", "told"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_table_is_told(tmp_path: Path, before: str, after: str, told: str) -> None:
    """The error names file and key."""
    text = (bundled_path("firmware") / "libraries.toml").read_text()
    assert before in text
    (tmp_path / "libraries.toml").write_text(text.replace(before, after, 1))
    with pytest.raises(InputError) as raised:
        load_libraries(tmp_path)
    assert told in str(raised.value)
    assert "libraries.toml" in str(raised.value)


def test_libraries_are_not_in_the_tree() -> None:
    """No source of a C library is copied into the firmware folder."""
    names = {path.name for path in bundled_path("firmware").rglob("*.[ch]")}
    assert not names & {"monocypher.c", "monocypher.h", "bearssl.h", "bearssl_hash.h", "inner.h"}


def test_pip_is_there() -> None:
    """The pip that downloads is the environment's own."""
    assert subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0
