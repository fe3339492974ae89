"""What a worker runs: two with equal identities make equal verdicts."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from harness import __version__

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCES = (".py", ".c", ".h", ".toml")


@cache
def worker_identity() -> dict[str, str]:
    """Return the versions that decide about verdicts: of the harness, with a digest over its sources, and of the emulator."""
    hasher = hashlib.sha256()
    for path in sorted(path for path in _PACKAGE.rglob("*") if path.suffix in _SOURCES):
        hasher.update(f"{path.relative_to(_PACKAGE).as_posix()}\n".encode() + path.read_bytes())
    return {"boot-harness": f"{__version__} (sources {hasher.hexdigest()[:12]})", "unicorn": version("unicorn")}
