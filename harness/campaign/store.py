"""A plain sweep's verdicts on disk as they come."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter

from harness.campaign.settings import CampaignSettings
from harness.campaign.store_file import FileKind, StoreFile
from harness.campaign.stored import APPLICATION_ID, FORMAT, PLAN, VERDICT, Row, StoredPlan, read_campaign, store_errors
from harness.errors import InputError

VERDICT_TABLE = "CREATE TABLE verdict (number INTEGER PRIMARY KEY, live INTEGER NOT NULL, verdict TEXT NOT NULL)"
_KIND = FileKind(APPLICATION_ID, FORMAT, (VERDICT_TABLE,))


class CampaignStore(StoreFile):
    """The open file of a sweep; see `StoreFile`.

    Args:
        settings: begin a new file with these; None: go on with one that exists. kind: of the file; its tables hold that of verdicts.

    Raises:
        InputError: the file exists, or is missing, in use, no store, damaged, or can't be written.
    """

    def __init__(self, path: Path, settings: CampaignSettings | None = None, kind: FileKind = _KIND) -> None:
        super().__init__(path, kind, None if settings is None else TypeAdapter(type(settings)).dump_json(settings).decode())

    def plan(self, plan: StoredPlan) -> None:
        """Keep the plan, or hold it against the one that the file has.

        Raises:
            InputError: the file has another plan, or can't be written.
        """
        if self.stored.plan is None:
            with store_errors(self.path, self._command):
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
        with store_errors(self.path, self._command):
            values = ((row.number, row.live, VERDICT.dump_json(row.verdict).decode()) for row in rows)
            self._database.executemany("INSERT INTO verdict VALUES (?, ?, ?)", values)
            self._commit_now_and_then()

    def _read(self) -> None:
        self.stored = read_campaign(self._database, self.path)
