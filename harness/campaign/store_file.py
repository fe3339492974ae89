"""A file in which results are kept as they come, so that a killed process or a full disk costs at most the last moment."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.campaign.stored import check_exists, check_format, damaged, store_errors
from harness.errors import InputError

_COMMIT_SECONDS = 0.5

SettingsT = TypeVar("SettingsT")


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file holds.

    Attributes:
        application_id, version: in the header of the SQLite file. tables: statements that make them, beside that of `campaign`. command: what goes on with it.
    """

    application_id: int
    version: int
    tables: tuple[str, ...]
    command: str = "harness sweep"


class StoreFile:
    """An open file; nobody else can open it until it is closed.

    What is added is on disk half a second later, or with what is added next. After a kill, on a full disk or after a power loss the
    file holds all that was there at some such moment: SQLite's rollback journal, synchronised at every step.

    Args:
        settings: begin a new file with these, as JSON; None: go on with one that exists.

    Raises:
        InputError: the file exists, or is missing, in use, of another kind, damaged, or can't be written.
    """

    def __init__(self, path: Path, kind: FileKind, settings: str | None) -> None:
        self.path = path
        self._command = kind.command
        self._committed = self._opened = time.monotonic()
        self._seconds_before = 0.0
        if settings is None:
            check_exists(path)
        else:
            _claim(path, kind.command)
        with store_errors(path, kind.command):
            self._database = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            try:
                self._lock()
                if settings is not None:
                    self._begin(kind, settings)
                check_format(self._database, path, kind.application_id, kind.version)
                self._seconds_before = float(self._value("seconds") or 0)
                self._read()
            except BaseException:
                self._database.close()
                raise

    def close(self) -> None:
        """Write what is left, and let others have the file.

        Raises:
            InputError: the file can't be written.
        """
        try:
            if self._database.in_transaction:  # a full disk has ended it
                with store_errors(self.path, self._command):
                    self._commit()
        finally:
            self._database.close()

    @property
    def seconds(self) -> float:
        """Wall time of this session and those before it."""
        return self._seconds_before + time.monotonic() - self._opened

    def _read(self) -> None:
        """Read what the file holds, for subclasses."""

    def _settings(self, adapter: TypeAdapter[SettingsT]) -> SettingsT:
        """Return what the file began with.

        Raises:
            InputError: it cannot be read.
        """
        try:
            return adapter.validate_json(self._value("settings"))
        except ValidationError as error:
            raise damaged(self.path, "its settings cannot be read") from error

    def _lock(self) -> None:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE", "synchronous = EXTRA"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("BEGIN EXCLUSIVE")

    def _begin(self, kind: FileKind, settings: str) -> None:
        for statement in ("CREATE TABLE campaign (name TEXT PRIMARY KEY, value TEXT NOT NULL)", *kind.tables):
            self._database.execute(statement)
        self._database.execute(f"PRAGMA application_id = {kind.application_id}")
        self._database.execute(f"PRAGMA user_version = {kind.version}")
        self._set("settings", settings)
        self._commit()

    def _commit_now_and_then(self) -> None:
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        self._set("seconds", repr(self.seconds))
        self._database.execute("COMMIT")
        self._committed = time.monotonic()
        self._database.execute("BEGIN EXCLUSIVE")

    def _set(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO campaign VALUES (?, ?)", (name, value))

    def _value(self, name: str) -> str:
        row = self._database.execute("SELECT value FROM campaign WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""


def _claim(path: Path, command: str) -> None:
    """Create the file: of two campaigns that begin it only one gets it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        remedy = f"Go on with it ({command} --resume {path}), or remove it first."
        raise InputError("exists already", source=str(path), remedy=remedy) from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", source=str(path), remedy="Name a file in an existing folder.") from error
