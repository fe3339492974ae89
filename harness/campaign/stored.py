"""What the file of a campaign holds (docs/SPEC.md, campaign store), and how it is read."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.campaign.settings import CampaignSettings
from harness.errors import InputError
from harness.fault.faults import spell_faults
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict
from harness.oracle.wear import WornPage
from harness.packed import PackedList
from harness.quick_pickle import quickly_pickled

APPLICATION_ID = 0x68726E73
"""`hrns` in the header of the SQLite file of a sweep."""
SEARCH_APPLICATION_ID = 0x68726E78
"""`hrnx` in that of a search through states."""
HOSTILE_APPLICATION_ID = 0x68726E68
"""`hrnh` in that of a table of hostile images."""
SELFTEST_APPLICATION_ID = 0x68726E74
"""`hrnt` in that of a selftest."""
FORMAT = 2
_KINDS = {
    APPLICATION_ID: ("a sweep, or of sampled sequences", "Go on with it as it began: harness sweep"),
    SEARCH_APPLICATION_ID: ("a search through states", "Go on with it, or report it again: harness sweep"),
    HOSTILE_APPLICATION_ID: ("a table of hostile images", "Go on with it: harness hostile"),
    SELFTEST_APPLICATION_ID: ("a selftest", "Go on with it: harness selftest"),
}
"""What each file is of, and what to do with it."""
_APPLICATION_ID_AT, _HEADER_BYTES = 68, 100
"""In a SQLite file."""
_FULL = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What a campaign does, as its clean runs and its settings say.

    Attributes:
        digest: SHA-256 over every planned fault and the operation logs that it is planned from.
        planned: faults of the whole plan. possible: what they were drawn from. operations: of the clean runs. update, worn: see `CampaignResult`.
        clean: verdicts of the clean runs.
    """

    digest: str
    planned: int
    possible: int
    operations: int
    update: TimeRange | None
    worn: WornPage | None
    clean: tuple[Verdict, ...]


@quickly_pickled
@dataclass(frozen=True, slots=True)
class Row:
    """One kept result.

    Attributes:
        number: position in the whole plan, from 0. live: the cut was made live too, with the same verdict.
    """

    number: int
    live: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """Everything that a file holds.

    Attributes:
        plan: None: it was cut off before its clean runs were over. seconds: of wall time, all sessions together.
    """

    settings: CampaignSettings
    plan: StoredPlan | None
    rows: Sequence[Row]
    seconds: float
    path: Path

    def checked(self, difference: Callable[[int, Verdict], str]) -> Sequence[Row]:
        """Return the rows.

        Args:
            difference: says in what a verdict is not that of a number of the plan, "" if it is.

        Raises:
            InputError: a row holds another fault than was planned.
        """
        for row in self.rows:
            if wrong := difference(row.number, row.verdict):
                raise damaged(self.path, f"row {row.number}: {wrong}")
        return self.rows


def spelled_fault(verdict: Verdict) -> str:
    """Return case and spelling of the faults that a verdict has the proof of."""
    return "nothing" if verdict.proof is None else f"{verdict.case}:{spell_faults(verdict.proof.faults)}"


SETTINGS = TypeAdapter(CampaignSettings)
PLAN = TypeAdapter(StoredPlan)
VERDICT = TypeAdapter(Verdict)


def read_store(path: Path) -> StoredCampaign:
    """Read a file that nobody writes to; it may be read-only.

    Raises:
        InputError: it is missing, in use, no store, or damaged.
    """
    check_exists(path)
    with store_errors(path), contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
        check_format(database, path, APPLICATION_ID, FORMAT)
        return read_campaign(database, path)


def check_exists(path: Path) -> None:
    """Refuse a file that is not there.

    Raises:
        InputError: so it is.
    """
    if not path.is_file():
        raise InputError("no such file", source=str(path), remedy="Name a file that was begun with --store.")


def read_campaign(database: sqlite3.Connection, path: Path) -> StoredCampaign:
    """Read an open file whose kind was looked at.

    Raises:
        InputError: it is damaged.
    """
    try:
        settings = SETTINGS.validate_json(_value(database, "settings"))
        planned = _value(database, "plan")
        plan = PLAN.validate_json(planned) if planned else None
        rows = database.execute("SELECT number, live, verdict FROM verdict ORDER BY number")
        kept = PackedList(Row(number, bool(live), VERDICT.validate_json(verdict)) for number, live, verdict in rows)
        return StoredCampaign(settings, plan, kept, float(_value(database, "seconds") or 0), path)
    except (ValidationError, ValueError) as error:
        raise damaged(path, "a row cannot be read") from error


def is_search(path: Path) -> bool:
    """Tell whether a file is that of a search; false where it is anything else, or can't be read.

    Looks at the header itself: after a kill SQLite has to roll the file back before it reads it, and for that must be allowed to write.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return False
    return header[_APPLICATION_ID_AT:][:4] == SEARCH_APPLICATION_ID.to_bytes(4, "big")


def check_format(database: sqlite3.Connection, path: Path, wanted: int, wanted_version: int) -> None:
    """Refuse a file that is not of the wanted kind.

    Args:
        wanted: application id. wanted_version: of its format.

    Raises:
        InputError: it is another kind of file, of another version, or damaged.
    """
    (identity,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        raise InputError("holds nothing: its campaign was cut off before it began", source=str(path), remedy="Remove it, and begin again with --store.")
    if identity != wanted and identity in _KINDS:
        kind, remedy = _KINDS[identity]
        raise InputError(f"is the file of {kind}", source=str(path), remedy=f"{remedy} --resume {path}")
    if identity != wanted:
        raise InputError("is no campaign store", source=str(path), remedy="Name a file that was begun with --store.")
    if version != wanted_version:
        raise InputError(f"has format {version}, this harness reads format {wanted_version}", source=str(path), remedy="Use the harness that wrote it.")
    (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise damaged(path, sound)


def _value(database: sqlite3.Connection, name: str) -> str:
    row = database.execute("SELECT value FROM campaign WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def damaged(path: Path, how: str) -> InputError:
    """Return the error of a file that cannot be what was written."""
    return InputError(f"is damaged: {how}", source=str(path), remedy="Take a copy that is whole, or begin again with --store and another name.")


@contextlib.contextmanager
def store_errors(path: Path, command: str = "harness sweep") -> Iterator[None]:
    """Turn errors of SQLite into what the user can do about them.

    Args:
        command: what goes on with the file.

    Raises:
        InputError: always, where SQLite failed.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = error.sqlite_errorname if hasattr(error, "sqlite_errorname") else ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise InputError("is in use by another campaign", source=str(path), remedy="Wait until that has ended.") from error
        if name.startswith(_FULL):
            remedy = f"Make room or give access, and go on with `{command} --resume {path}`: all that was kept is whole."
            raise InputError(f"cannot be written: {error}", source=str(path), remedy=remedy) from error
        if name.startswith("SQLITE_NOTADB"):
            raise InputError("is no campaign store", source=str(path), remedy="Name a file that was begun with --store.") from error
        raise damaged(path, str(error)) from error
