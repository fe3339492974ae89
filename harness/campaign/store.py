"""A campaign's results on disk as they come, so that a killed process or a full disk costs at most the last moment."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from harness.campaign.settings import CampaignSettings
from harness.campaign.stored import APPLICATION_ID, FORMAT, PLAN, SETTINGS, VERDICT, Row, StoredPlan, check_exists, read_campaign, store_errors
from harness.errors import InputError

_COMMIT_SECONDS = 0.5
_TABLES = (
    "CREATE TABLE campaign (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE verdict (number INTEGER PRIMARY KEY, live INTEGER NOT NULL, verdict TEXT NOT NULL)",
)


class CampaignStore:
    """An open file; nobody else can open it until it is closed.

    What is added is on disk half a second later, or with what is added next. After a kill, on a full disk or after a power loss the
    file holds all that was there at some such moment: SQLite's rollback journal, synchronised at every step.

    Args:
        settings: begin a new file with these; None: go on with one that exists.

    Raises:
        InputError: the file exists, or is missing, in use, no store, damaged, or can't be written.
    """

    def __init__(self, path: Path, settings: CampaignSettings | None = None) -> None:
        self.path = path
        self._committed = self._opened = time.monotonic()
        self._seconds_before = 0.0
        if settings is None:
            check_exists(path)
        else:
            _claim(path)
        with store_errors(path):
            self._database = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            try:
                self._lock()
                if settings is not None:
                    self._begin(settings)
                self.stored = read_campaign(self._database, path)
                self._seconds_before = self.stored.seconds
            except BaseException:
                self._database.close()
                raise

    def _lock(self) -> None:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE", "synchronous = EXTRA"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("BEGIN EXCLUSIVE")

    def _begin(self, settings: CampaignSettings) -> None:
        for statement in _TABLES:
            self._database.execute(statement)
        self._database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._database.execute(f"PRAGMA user_version = {FORMAT}")
        self._set("settings", SETTINGS.dump_json(settings).decode())
        self._commit()

    def plan(self, plan: StoredPlan) -> None:
        """Keep the plan, or hold it against the one that the file has.

        Raises:
            InputError: the file has another plan, or can't be written.
        """
        if self.stored.plan is None:
            with store_errors(self.path):
                self._set("plan", PLAN.dump_json(plan).decode())
                self._commit()
        elif self.stored.plan != plan:
            raise InputError(
                "its plan is another one, though firmware and settings are the same",
                source=str(self.path),
                remedy="It was made with another version of the harness; use that one, or begin anew with --store.",
            )

    def add(self, rows: Iterable[Row]) -> None:
        """Keep results.

        Raises:
            InputError: the file can't be written.
        """
        with store_errors(self.path):
            values = ((row.number, row.live, VERDICT.dump_json(row.verdict).decode()) for row in rows)
            self._database.executemany("INSERT INTO verdict VALUES (?, ?, ?)", values)
            if time.monotonic() - self._committed > _COMMIT_SECONDS:
                self._commit()

    def close(self) -> None:
        """Write what is left, and let others have the file.

        Raises:
            InputError: the file can't be written.
        """
        try:
            if self._database.in_transaction:  # a full disk has ended it
                with store_errors(self.path):
                    self._commit()
        finally:
            self._database.close()

    @property
    def seconds(self) -> float:
        """Wall time of this session and those before it."""
        return self._seconds_before + time.monotonic() - self._opened

    def _commit(self) -> None:
        self._set("seconds", repr(self.seconds))
        self._database.execute("COMMIT")
        self._committed = time.monotonic()
        self._database.execute("BEGIN EXCLUSIVE")

    def _set(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO campaign VALUES (?, ?)", (name, value))


def _claim(path: Path) -> None:
    """Create the file: of two sweeps that begin it only one gets it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        remedy = f"Go on with it (harness sweep --resume {path}), or remove it first."
        raise InputError("exists already", source=str(path), remedy=remedy) from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", source=str(path), remedy="Name a file in an existing folder.") from error
