"""The machine's own apt sources, turned into sources of source packages."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from harness.errors import EngineError

_APT = Path("/etc/apt")
_ROLLING = {"stable", "oldstable", "testing", "unstable", "sid"}


def debian_sources(folder: Path, apt: Path = _APT) -> None:
    """Write `deb-src` variants of the machine's distribution sources to `folder`.

    Third-party sources are left out: only those of the release itself carry the package, and only they are surely there.

    Args:
        folder: becomes apt's `sources.list.d`. apt: where apt's configuration is.

    Raises:
        EngineError: no source of the distribution was found.
    """
    suites = _release_suites()
    lines: list[str] = []
    stanzas: list[str] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # a source that this user may not read is one that it may not use
        if path.suffix == ".list":
            lines += source_lines(text, suites)
        else:
            stanzas += source_stanzas(text, suites)
    if not lines and not stanzas:
        raise EngineError(f"apt on this machine has no source for {' or '.join(sorted(suites - _ROLLING)) or 'its release'} in {apt}.")
    (folder / "harness.list").write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)))
    (folder / "harness.sources").write_text("\n\n".join(dict.fromkeys(stanzas)) + "\n")


def source_lines(text: str, suites: set[str]) -> list[str]:
    """Return the `deb-src` variants of the one-line entries for one of `suites`."""
    entries = re.finditer(r"^deb(?:-src)?\s+((?:\[[^\]]*\]\s+)?\S+\s+(\S+)(?:\s+[^#\n]*)?)", text, re.MULTILINE)
    return [f"deb-src {entry[1].strip()}" for entry in entries if entry[2] in suites]


def source_stanzas(text: str, suites: set[str]) -> list[str]:
    """Return the `deb-src` variants of the deb822 stanzas for one of `suites`, each for these suites alone."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", "\n".join(lines), re.MULTILINE))
        wanted = [suite for suite in fields.get("Suites", "").split() if suite in suites]
        if not wanted or fields.get("Enabled", "yes").strip().lower() in ("no", "false"):
            continue
        kept = [line for line in lines if not line.startswith(("Types:", "Suites:"))]
        found.append("\n".join(["Types: deb-src", f"Suites: {' '.join(wanted)}", *kept]))
    return found


def _release_suites() -> set[str]:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return set(_ROLLING)
    codenames = {release.get(key, "") for key in ("VERSION_CODENAME", "UBUNTU_CODENAME", "DEBIAN_CODENAME")}
    return _ROLLING | codenames - {""}
