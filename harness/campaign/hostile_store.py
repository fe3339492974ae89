"""The file of `harness hostile --store`: what came of each image, and of each batch of attacks around cuts, as it came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from harness import __version__
from harness.campaign.hostile_worker import Answer, AttackFinding, AttackResult, ImageVerdict, Manner
from harness.campaign.settings import Settings
from harness.campaign.store_file import FileKind, StoreFile
from harness.campaign.stored import HOSTILE_APPLICATION_ID, damaged, store_errors
from harness.scenario.prepared import BEHAVIOUR_VERSION

KeptT = TypeVar("KeptT")
_KIND = FileKind(HOSTILE_APPLICATION_ID, 1, ("CREATE TABLE result (task TEXT PRIMARY KEY, result TEXT NOT NULL) WITHOUT ROWID",), "harness hostile")


@dataclass(frozen=True, slots=True)
class HostileSettings(Settings):
    """What decides what comes of a table of hostile images: two with equal settings give equal answers.

    Attributes:
        scenario: bundled name or path. build: what differs from the default build, as in replay ids.
        fingerprint: of what was built. at_cuts, sample, pairs, every_image: see `HostileOptions`.
        harness, behaviour: versions that made it.
    """

    scenario: str
    build: tuple[tuple[str, str], ...]
    fingerprint: str
    engine: str
    seed: int
    at_cuts: bool
    sample: int | None
    pairs: int
    every_image: bool
    harness: str = __version__
    behaviour: int = BEHAVIOUR_VERSION


@dataclass(frozen=True, slots=True)
class _KeptAttacks:
    """An `AttackResult` as rows."""

    answers: tuple[tuple[Manner, Answer, int], ...]
    rollbacks: int
    findings: tuple[AttackFinding, ...]


_SETTINGS = TypeAdapter(HostileSettings)
_IMAGE = TypeAdapter(ImageVerdict)
_ATTACKS = TypeAdapter(_KeptAttacks)


class HostileStore(StoreFile):
    """The open file of a table of hostile images; see `StoreFile`.

    Args:
        settings: begin a new file with these; None: go on with one that exists.

    Attributes:
        settings: what it began with.

    Raises:
        InputError: the file exists, or is missing, in use, of another kind, damaged, or can't be written.
    """

    def __init__(self, path: Path, settings: HostileSettings | None = None) -> None:
        super().__init__(path, _KIND, None if settings is None else _SETTINGS.dump_json(settings).decode())

    def image(self, name: str) -> ImageVerdict | None:
        """Return what came of an image at rest and at the cuts of its refusal; None: it was not tried yet.

        Raises:
            InputError: the file is damaged.
        """
        kept = self._find(f"image {name}", _IMAGE)
        if kept is not None and kept.name != name:
            raise damaged(self.path, f"the result of image {name} is that of {kept.name}")
        return kept

    def keep_image(self, verdict: ImageVerdict) -> None:
        """Keep what came of an image.

        Raises:
            InputError: the file can't be written.
        """
        self._add(f"image {verdict.name}", _IMAGE.dump_json(verdict))

    def attacks(self, batch: str) -> AttackResult | None:
        """Return what came of a batch of attacks; None: they were not made yet.

        Args:
            batch: what names the batch: equal names are equal attacks.

        Raises:
            InputError: the file is damaged.
        """
        kept = self._find(batch, _ATTACKS)
        if kept is None:
            return None
        return AttackResult(Counter({(manner, answer): count for manner, answer, count in kept.answers}), kept.rollbacks, list(kept.findings))

    def keep_attacks(self, batch: str, result: AttackResult) -> None:
        """Keep what came of a batch of attacks.

        Raises:
            InputError: the file can't be written.
        """
        answers = tuple((manner, answer, count) for (manner, answer), count in result.answers.items())
        self._add(batch, _ATTACKS.dump_json(_KeptAttacks(answers, result.rollbacks, tuple(result.findings))))

    def _find(self, task: str, adapter: TypeAdapter[KeptT]) -> KeptT | None:
        with store_errors(self.path, self._command):
            row = self._database.execute("SELECT result FROM result WHERE task = ?", (task,)).fetchone()
        if row is None:
            return None
        try:
            return adapter.validate_json(row[0])
        except (ValidationError, ValueError) as error:
            raise damaged(self.path, f"the result of {task} cannot be read") from error

    def _add(self, task: str, result: bytes) -> None:
        with store_errors(self.path, self._command):
            self._database.execute("INSERT INTO result VALUES (?, ?)", (task, result.decode()))
            self._commit_now_and_then()

    def _read(self) -> None:
        self.settings = self._settings(_SETTINGS)
