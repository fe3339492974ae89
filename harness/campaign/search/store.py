"""A search's file: what came of booting each state, so that a search which is begun again boots none of them twice."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
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

_KIND = FileKind(
    SEARCH_APPLICATION_ID,
    3,
    (
        "CREATE TABLE result (task BLOB PRIMARY KEY, result BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE page (digest BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID",
    ),
)
_BASE64 = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
# In tuples: the setting of how bytes are spelled reaches dataclasses from outside only.
_TASKS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(tuple[kind], config=_BASE64) for kind in (Task, Repeat)}  # type: ignore[valid-type] # known at run time
_RESULTS: dict[type, TypeAdapter[Any]] = {
    Task: TypeAdapter(tuple[Expansion], config=_BASE64),
    Repeat: TypeAdapter(tuple[State], config=_BASE64),
}
_COMPRESSION = 1
_DIGEST_BYTES = 16


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

    Neighbouring states have most of their pages in common, so results name pages by digests, and the file has each once.

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
        self._pages: set[bytes] = set()
        super().__init__(path, _KIND, None if settings is None else _SETTINGS.dump_json(settings).decode())

    @property
    def added(self) -> int:
        """How many results this session kept."""
        return len(self._added)

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
                (named,) = _RESULTS[type(task)].validate_json(zlib.decompress(row[0]))
                result = _with_pages(named, lru_cache(None)(self._page))
            except (ValidationError, ValueError, zlib.error) as error:
                raise damaged(self.path, "a result cannot be read") from error
        self.kept += key not in self._added
        return result

    def add(self, key: bytes, task: Task | Repeat, result: Expansion | State) -> None:
        """Keep what came of a task.

        Raises:
            InputError: the file can't be written.
        """
        with store_errors(self.path):
            packed = zlib.compress(_RESULTS[type(task)].dump_json((_with_pages(result, self._name),)), _COMPRESSION)
            # Two cases may begin alike; then both were given out before the first came back.
            self._database.execute("INSERT OR IGNORE INTO result VALUES (?, ?)", (key, packed))
            self._commit_now_and_then()
        self._added.add(key)

    def _read(self) -> None:
        self.settings = self._settings(_SETTINGS)

    def _name(self, content: bytes) -> bytes:
        """Return the digest of a page, which the file has from now on."""
        digest = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
        if digest not in self._pages:
            self._database.execute("INSERT OR IGNORE INTO page VALUES (?, ?)", (digest, zlib.compress(content, _COMPRESSION)))
            self._pages.add(digest)
        return digest

    def _page(self, digest: bytes) -> bytes:
        row = self._database.execute("SELECT content FROM page WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise ValueError("a page is missing")
        return zlib.decompress(row[0])


def _with_pages(result: Expansion | State, change: Callable[[bytes], bytes]) -> Expansion | State:
    """Return a result with something else in place of what the pages of its states hold."""
    if isinstance(result, State):
        return _state_with_pages(result, change)
    children = [replace(child, state=_state_with_pages(child.state, change)) for child in result.children]
    return replace(result, children=tuple(children))


def _state_with_pages(state: State, change: Callable[[bytes], bytes]) -> State:
    return replace(state, pages=tuple((page, change(content)) for page, content in state.pages))


def key_of_task(task: Task | Repeat, closed_pages: frozenset[int]) -> bytes:
    """Return what names a task in the file: a digest of all that its result depends on, beside the settings.

    Args:
        closed_pages: pages that the search does not leave open.
    """
    spelled = _TASKS[type(task)].dump_json((task,))
    return hashlib.sha256(f"{type(task).__name__}:{sorted(closed_pages)}:".encode() + spelled).digest()
