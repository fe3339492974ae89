"""Where the firmware sources and platform files are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def bundled_path(name: str) -> Path:
    """Return the folder `name` ("firmware" or "platforms").

    Raises:
        RuntimeError: the installation is incomplete.
    """
    for candidate in (_PACKAGE / "bundled_files" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise RuntimeError(f"the installation lacks its {name!r} folder")
