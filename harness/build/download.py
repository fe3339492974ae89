"""Fetches source archives with the machine's own pip and apt, so its mirrors, proxies and certificates apply."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness.build.apt_sources import debian_sources
from harness.errors import EngineError

_TIMEOUT_SECONDS = 20
_STAND_IN_BACKEND = '''\
"""Names the package and nothing else: `pip download` wants metadata, we want only the archive, and none of its code run."""
import os, sys
__legacy__ = sys.modules[__name__]
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = "{name}-{version}.dist-info"
    os.mkdir(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder
'''


def download_python_source(requirement: str, sha256: str, folder: Path) -> None:
    """Download the source archive of a Python package into `folder`, with pip.

    Args:
        requirement: "name==version". sha256: the archive's digest, which pip checks too.

    Raises:
        EngineError: pip failed; gives its last words and what to do.
    """
    name, version = requirement.split("==")
    backend = folder / "stand-in" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(_STAND_IN_BACKEND.format(name=name, version=version))
    lock = folder / "lock.txt"
    lock.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-build-isolation", "--no-binary", name, "--require-hashes"]
    command += ["--retries", "1", "--timeout", str(_TIMEOUT_SECONDS), "--progress-bar", "off", "--dest", str(folder), "-r", str(lock)]
    result = _run(command, PYTHONPATH=str(backend.parent), PIP_DISABLE_PIP_VERSION_CHECK="1")
    if result.returncode == 0:
        return
    if "DO NOT MATCH THE HASHES" in result.stderr:
        raise EngineError(f"the package index serves another content for {requirement} (wrong SHA-256). Check pip's index and cache.")
    raise EngineError(f"pip could not download {requirement}: {_last_words(result)} Check the network and pip's index.")


def download_debian_source(package: str, folder: Path) -> None:
    """Download the archives of a Debian source package into `folder`, with apt-get; needs no root.

    A private apt configuration takes the mirrors from the machine's own sources and asks them for sources instead of binaries.

    Raises:
        EngineError: no apt-get, no usable mirror, or the download failed; says what to do.
    """
    if shutil.which("apt-get") is None:
        raise EngineError("it comes from a Debian source package, and this machine has no apt-get.")
    private = folder / "apt"
    parts = private / "sources"
    for made in (parts, private / "lists" / "partial", private / "cache"):
        made.mkdir(parents=True)
    debian_sources(parts)
    options = {
        "Dir::Etc::SourceList": os.devnull,
        "Dir::Etc::SourceParts": str(parts),
        "Dir::State::Lists": str(private / "lists"),
        "Dir::Cache": str(private / "cache"),
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": str(_TIMEOUT_SECONDS),
        "Acquire::https::Timeout": str(_TIMEOUT_SECONDS),
    }
    if os.geteuid() == 0:
        # As root apt would drop to a user that can't enter our folder.
        options["APT::Sandbox::User"] = "root"
    apt = ["apt-get", *(f"-o{key}={value}" for key, value in options.items())]
    # One mirror of several may fail: what counts is whether the package is found.
    update = _run([*apt, "update"])
    source = _run([*apt, "source", "--download-only", package], folder=folder)
    if source.returncode != 0:
        words = _last_words(update) if update.returncode != 0 else _last_words(source)
        raise EngineError(f"apt-get could not download the source package {package}: {words} Check the network and apt's sources.")


def _run(command: list[str], folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=folder, env={**os.environ, "LC_ALL": "C", **environment}, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise EngineError(f"{command[0]} can't be run: {error.strerror or error}.") from error


def _last_words(result: subprocess.CompletedProcess[str]) -> str:
    """Return the first error line of a command that failed, else the last line."""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("ERROR", "E:", "Err"))]
    text = next(iter([*telling, *lines[-1:]]), f"exit code {result.returncode}")
    return text if text.endswith(".") else f"{text}."
