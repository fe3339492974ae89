"""The file of `harness selftest --store`: what came of each seeded bug, and the verdicts of the good bootloader, as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.build.bugs import SeededBug
from harness.campaign.settings import CampaignSettings, SweepOptions
from harness.campaign.store import VERDICT_TABLE, CampaignStore
from harness.campaign.store_file import FileKind
from harness.campaign.stored import SELFTEST_APPLICATION_ID, damaged, store_errors
from harness.scenario.prepared import PreparedScenario

_KIND = FileKind(SELFTEST_APPLICATION_ID, 1, (VERDICT_TABLE, "CREATE TABLE bug (name TEXT PRIMARY KEY, found TEXT NOT NULL) WITHOUT ROWID"), "harness selftest")
_DIGITS = 12
"""Of the digest of the seeded bugs."""


@dataclass(frozen=True, slots=True)
class SelftestSettings(CampaignSettings):
    """What decides the result of a selftest: two with equal settings find the same.

    Attributes:
        bugs: digest over the seeded bugs, their edits included. The rest says what the sweep of the good bootloader is.
    """

    bugs: str = ""


@dataclass(frozen=True, slots=True)
class KeptBug:
    """What came of a seeded bug; see `BugResult`."""

    rules: tuple[str, ...]
    runs: int
    replay_id: str | None


_SETTINGS = TypeAdapter(SelftestSettings)
_FOUND = TypeAdapter(KeptBug)


def settings_of(scenario: PreparedScenario, bugs: Iterable[SeededBug], options: SweepOptions) -> SelftestSettings:
    """Return what decides the result of a selftest.

    Args:
        scenario: with the good bootloader. options: how that one is swept.
    """
    good = options.settings(scenario)
    spelled = "\n".join(bug.model_dump_json() for bug in bugs)
    values = {field.name: getattr(good, field.name) for field in fields(good)}
    return SelftestSettings(**values, bugs=hashlib.sha256(spelled.encode()).hexdigest()[:_DIGITS])


class SelftestStore(CampaignStore):
    """The open file of a selftest; see `StoreFile`. Its verdicts are those of the good bootloader.

    Args:
        settings: begin a new file with these; None: go on with one that exists.

    Attributes:
        settings: what it began with. bugs: what came of each seeded bug that was swept, by name.

    Raises:
        InputError: the file exists, or is missing, in use, of another kind, damaged, or can't be written.
    """

    def __init__(self, path: Path, settings: SelftestSettings | None = None) -> None:
        super().__init__(path, settings, _KIND)

    def add_bug(self, name: str, found: KeptBug) -> None:
        """Keep what came of a seeded bug.

        Raises:
            InputError: the file can't be written.
        """
        with store_errors(self.path, self._command):
            self._database.execute("INSERT INTO bug VALUES (?, ?)", (name, _FOUND.dump_json(found).decode()))
            self._set("bug_seconds", repr(self.seconds))
            self._commit()  # a bug takes seconds: none waits for the next one

    @property
    def good_seconds(self) -> float:
        """Wall time since the last seeded bug was swept, all sessions together."""
        return self.seconds - float(self._value("bug_seconds") or 0)

    def _read(self) -> None:
        super()._read()
        self.settings = self._settings(_SETTINGS)
        rows = self._database.execute("SELECT name, found FROM bug").fetchall()
        try:
            self.bugs = {name: _FOUND.validate_json(found) for name, found in rows}
        except (ValidationError, ValueError) as error:
            raise damaged(self.path, "what came of a bug cannot be read") from error
