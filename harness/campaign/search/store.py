"""A search's file: what came of booting each state, so that a search which is begun again boots none of them twice."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness import __version__
from harness.campaign.search.expand import Expansion, Repeat, Task
from harness.campaign.search.state import Merging, State
from harness.campaign.settings import Settings
from harness.campaign.store_file import FileKind, StoreFile
from harness.campaign.stored import SEARCH_APPLICATION_ID, damaged, store_errors
from harness.fault.plan import TearChoice
from harness.scenario.prepared import BEHAVIOUR_VERSION

_KIND = FileKind(SEARCH_APPLICATION_ID, 2, ("CREATE TABLE result (task BLOB PRIMARY KEY, result BLOB NOT NULL) WITHOUT ROWID",))
_BASE64 = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
# In tuples: the setting of how bytes are spelled reaches dataclasses from outside only.
_TASKS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(tuple[kind], config=_BASE64) for kind in (Task, Repeat)}  # type: ignore[valid-type] # known at run time
_RESULTS: dict[type, TypeAdapter[Any]] = {
    Task: TypeAdapter(tuple[Expansion], config=_BASE64),
    Repeat: TypeAdapter(tuple[State], config=_BASE64),
}
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class StoredSearch(Settings):
    """What decides the result of a search: two with equal settings give equal states, edges and verdicts.

    Attributes:
        scenario: bundled name or path. build: what differs from the default build, as in replay ids.
        fingerprint: of what was built. case: the only one that is searched. depth: most cuts in a row; None: any number.
        harness, behaviour: versions that made it.
    """

    scenario: str
    build: tuple[tuple[str, str], ...]
    fingerprint: str
    engine: str
    seed: int
    case: str | None
    depth: int | None
    merging: Merging
    join: bool
    tears: TearChoice
    harness: str = __version__
    behaviour: int = BEHAVIOUR_VERSION


_SETTINGS = TypeAdapter(StoredSearch)


class SearchStore(StoreFile):
    """The open file of a search; see `StoreFile`.

    Args:
        settings: begin a new file with these; None: go on with one that exists.

    Attributes:
        kept: results taken from it that sessions before this one had made. settings: what it began with.

    Raises:
        InputError: the file exists, or is missing, in use, no search's, damaged, or can't be written.
    """

    def __init__(self, path: Path, settings: StoredSearch | None = None) -> None:
        self.kept = 0
        self._added: set[bytes] = set()
        super().__init__(path, _KIND, None if settings is None else _SETTINGS.dump_json(settings).decode())

    def find(self, key: bytes, task: Task | Repeat) -> Expansion | State | None:
        """Return what came of a task; None: it was not made yet.

        Raises:
            InputError: the file is damaged.
        """
        with store_errors(self.path):
            row = self._database.execute("SELECT result FROM result WHERE task = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            (result,) = _RESULTS[type(task)].validate_json(zlib.decompress(row[0]))
        except (ValidationError, ValueError, zlib.error) as error:
            raise damaged(self.path, "a result cannot be read") from error
        self.kept += key not in self._added
        found: Expansion | State = result
        return found

    def add(self, key: bytes, task: Task | Repeat, result: Expansion | State) -> None:
        """Keep what came of a task.

        Raises:
            InputError: the file can't be written.
        """
        packed = zlib.compress(_RESULTS[type(task)].dump_json((result,)), _COMPRESSION)
        with store_errors(self.path):
            # Two cases may begin alike; then both were given out before the first came back.
            self._database.execute("INSERT OR IGNORE INTO result VALUES (?, ?)", (key, packed))
            self._commit_now_and_then()
        self._added.add(key)

    def _read(self) -> None:
        self.settings = self._settings(_SETTINGS)


def key_of_task(task: Task | Repeat, closed_pages: frozenset[int]) -> bytes:
    """Return what names a task in the file: a digest of all that its result depends on, beside the settings.

    Args:
        closed_pages: pages that the search does not leave open.
    """
    spelled = _TASKS[type(task)].dump_json((task,))
    return hashlib.sha256(f"{type(task).__name__}:{sorted(closed_pages)}:".encode() + spelled).digest()
