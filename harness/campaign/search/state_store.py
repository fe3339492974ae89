"""The states of a search and the cuts between them, on disk: SQLite keeps in memory what fits its cache."""

from __future__ import annotations

import pickle
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness.campaign.search.child import Child
from harness.campaign.search.expand import Expansion
from harness.campaign.search.state import State
from harness.fault.faults import Fault, Faults
from harness.fault.replay_id import fault_of

_TABLES = """
CREATE TABLE state (
    number INTEGER PRIMARY KEY, class BLOB, kind INTEGER, twin INTEGER, parent INTEGER, fault TEXT, depth INTEGER, root INTEGER,
    rooms TEXT, content BLOB, repeats INTEGER, packed BLOB,
    behaviour BLOB, erases INTEGER, erases_in_all INTEGER, harmful INTEGER, bricked INTEGER
);
CREATE TABLE kind (class BLOB PRIMARY KEY, number INTEGER, rooms TEXT) WITHOUT ROWID;
CREATE UNIQUE INDEX compared ON state (twin, content) WHERE twin IS NOT NULL;
CREATE TABLE edge (
    source INTEGER, target INTEGER, faults INTEGER, erases INTEGER, wearing TEXT, latest_ps INTEGER, window_ps INTEGER, moment REAL
);
CREATE TABLE rest (source INTEGER, target INTEGER, first INTEGER, ready_ps INTEGER, later_ps INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A state that was reached.

    Attributes:
        number: from 0, in the order in which states were reached. kind: the number of the first one that it is taken for, itself if it is the first.
        twin: the state that it must behave like, booted to see whether it does; None: it is booted for its own sake.
        depth: how many cuts led to it. root: index of the case that it started from.
        parent: number of the state whose run was cut; None for a start. repeats: how often the same cut came in a row.
    """

    number: int
    kind: int
    twin: int | None
    depth: int
    root: int
    parent: int | None
    repeats: int


@dataclass(frozen=True, slots=True)
class Edge:
    """All cuts that lead from a state to states of one kind.

    Attributes:
        source: number of a state. target: number of a kind.
        erases, wearing: the most page erases before one of them, and that fault; latest_ps: the latest one, since power-on.
        window_ps, moment: see `Child`.
    """

    source: int
    target: int
    faults: int
    erases: int
    wearing: Fault
    latest_ps: int
    window_ps: int
    moment: float


@dataclass(frozen=True, slots=True)
class RunLike:
    """From some moment on a state's run goes on like that of another one, and its edges end there.

    Attributes:
        source: number of the state. target: number of a kind, as which it goes on. later_ps: how much later than from that one's power-on.
        first: the kind that a cut leaves before the first operation from there on; ready_ps: from when on, since power-on.
    """

    source: int
    target: int
    first: int
    ready_ps: int
    later_ps: int


@dataclass(frozen=True, slots=True)
class Booted:
    """A state that was booted.

    Attributes:
        number, kind, root: see `Known`. parent: number of the state whose run was cut; None for a start.
        fault: that cut, as replay ids spell it; "" for a start. repeats: how often it came in a row. label: what all states of the kind have in common.
        behaviour: digest of what its boots did. harmful, bricked: whether a rule was broken that says so.
    """

    number: int
    kind: int
    root: int
    parent: int | None
    fault: str
    repeats: int
    label: bytes
    behaviour: bytes
    harmful: bool
    bricked: bool


class StateStore:
    """Everything that a search has reached, in a temporary file that nobody else sees."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a private file on disk, deleted when it is closed
        self._database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;" + _TABLES)
        self._count = 0
        self._indexed = False

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Delete the file."""
        self._database.close()

    def kind_of(self, label: bytes) -> tuple[int, tuple[int, ...]] | None:
        """Return the first state of a kind, and the most room that any booted one of it had; None if none was reached.

        Args:
            label: what all states of the kind have in common.
        """
        row = self._database.execute("SELECT number, rooms FROM kind WHERE class = ?", (label,)).fetchone()
        return None if row is None else (int(row[0]), _rooms(row[1]))

    def add_root(self, root: int, state: State, label: bytes) -> None:
        """Add the state that a case starts with."""
        self._add(label, (), b"", state, None, None, None, 0, root, 0)

    def add_child(self, label: bytes, child: Child, parent: Known, *, twin: int | None, repeats: int = 1) -> None:
        """Add a state that one more cut leaves, or the same cut several times in a row. One that was to be compared with the same twin before is left out."""
        depth = parent.depth + repeats
        self._add(label, child.meaning.rooms, child.content, child.state, twin, parent.number, child.fault, depth, parent.root, repeats)

    def add_edge(self, edge: Edge) -> None:
        """Add what leads from one state to a kind."""
        row = (edge.source, edge.target, edge.faults, edge.erases, str(edge.wearing), edge.latest_ps, edge.window_ps, edge.moment)
        self._database.execute("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def add_run_like(self, rest: RunLike) -> None:
        """Add how a run goes on."""
        self._database.execute("INSERT INTO rest VALUES (?, ?, ?, ?, ?)", (rest.source, rest.target, rest.first, rest.ready_ps, rest.later_ps))

    def runs_like(self) -> Iterator[RunLike]:
        """Yield how runs go on whose edges end before them."""
        return (RunLike(*row) for row in self._database.execute("SELECT * FROM rest ORDER BY rowid"))

    def edges_of(self, source: int) -> list[Edge]:
        """Return the edges that lead on from a state."""
        self._index_edges()
        return [_edge(row) for row in self._database.execute("SELECT * FROM edge WHERE source = ? ORDER BY rowid", (source,))]

    def cuts_of(self, source: int) -> int:
        """Return how many cuts lead on from a state."""
        self._index_edges()
        (count,) = self._database.execute("SELECT total(faults) FROM edge WHERE source = ?", (source,)).fetchone()
        return int(count)

    def remove_edges(self, source: int) -> None:
        """Remove the cuts that lead on from a state; the same one several times in a row is none of these."""
        self._database.execute("DELETE FROM edge WHERE source = ? AND faults", (source,))

    def tell_apart(self, number: int, label: bytes) -> None:
        """Make a state that behaves unlike its twin a kind of its own."""
        self._database.execute("UPDATE state SET kind = number, twin = NULL, class = ? WHERE number = ?", (label, number))
        self._database.execute("INSERT OR IGNORE INTO kind VALUES (?, ?, ?)", (label, number, ""))

    def set_expansion(self, number: int, expansion: Expansion, *, harmful: bool, bricked: bool) -> None:
        """Keep what came of booting a state; the state itself is dropped, unless its run may have to be followed further."""
        values = (expansion.behaviour, expansion.erases, expansion.erases_in_all, harmful, bricked, expansion.meeting is not None, number)
        self._database.execute(
            "UPDATE state SET behaviour = ?, erases = ?, erases_in_all = ?, harmful = ?, bricked = ?, packed = iif(?, packed, NULL) WHERE number = ?", values
        )

    def known(self, number: int) -> Known:
        """Return what is known of a state."""
        row = self._database.execute("SELECT number, kind, twin, depth, root, parent, repeats FROM state WHERE number = ?", (number,)).fetchone()
        return Known(*row)

    def state(self, number: int) -> State:
        """Return a state that was not booted yet, or whose run was not followed to its end."""
        (packed,) = self._database.execute("SELECT packed FROM state WHERE number = ?", (number,)).fetchone()
        state: State = pickle.loads(zlib.decompress(packed))  # noqa: S301 -- from a private file that this object wrote
        return state

    def label(self, number: int) -> bytes:
        """Return what a state has in common with all of its kind."""
        (label,) = self._database.execute("SELECT class FROM state WHERE number = ?", (number,)).fetchone()
        return bytes(label)

    def behaviour(self, number: int) -> bytes | None:
        """Return the digest of what a state's boots did; None if it was not booted."""
        (behaviour,) = self._database.execute("SELECT behaviour FROM state WHERE number = ?", (number,)).fetchone()
        return None if behaviour is None else bytes(behaviour)

    def faults(self, number: int) -> Faults:
        """Return the faults that led to a state, the first one first."""
        faults: list[Fault] = []
        at: int | None = number
        while at is not None:
            parent, fault, repeats = self._database.execute("SELECT parent, fault, repeats FROM state WHERE number = ?", (at,)).fetchone()
            if parent is not None:
                faults += [fault_of(fault)] * repeats
            at = parent
        return tuple(reversed(faults))

    def booted(self) -> Iterator[Booted]:
        """Yield every state that was booted, in order of their numbers."""
        rows = self._database.execute(
            "SELECT number, kind, root, parent, fault, repeats, class, behaviour, harmful, bricked FROM state WHERE behaviour IS NOT NULL ORDER BY number"
        )
        for number, kind, root, parent, fault, repeats, label, behaviour, harmful, bricked in rows:
            yield Booted(number, kind, root, parent, fault or "", repeats, bytes(label), bytes(behaviour), bool(harmful), bool(bricked))

    def kinds(self) -> Iterator[tuple[bytes, tuple[int, ...], bytes]]:
        """Yield, of every state that was booted for its own sake, what tells its kind, its logs' rooms, and the digest of what it did."""
        rows = self._database.execute("SELECT class, rooms, behaviour FROM state WHERE behaviour IS NOT NULL AND twin IS NULL ORDER BY number")
        return ((bytes(label), _rooms(rooms), bytes(behaviour)) for label, rooms, behaviour in rows)

    def edges(self) -> Iterator[Edge]:
        """Yield all edges, sources in order."""
        return map(_edge, self._database.execute("SELECT * FROM edge ORDER BY rowid"))

    def edges_that_cost_more(self, limit: int) -> Iterator[Edge]:
        """Yield the edges whose cut costs more than `limit` page erases: as far as the cut and in the recovery, less those of the run uncut."""
        rows = self._database.execute(
            "SELECT edge.* FROM edge JOIN state AS cut ON cut.number = source JOIN state AS remade ON remade.number = target"
            " WHERE edge.erases + remade.erases - cut.erases_in_all > ? ORDER BY edge.rowid",
            (limit,),
        )
        return map(_edge, rows)

    def _index_edges(self) -> None:
        if not self._indexed:  # edges are asked for at the end only: the index would slow what comes before
            self._database.execute("CREATE INDEX edges_of ON edge (source)")
            self._indexed = True

    def _add(
        self,
        label: bytes,
        rooms: tuple[int, ...],
        content: bytes,
        state: State,
        twin: int | None,
        parent: int | None,
        fault: Fault | None,
        depth: int,
        root: int,
        repeats: int,
    ) -> None:
        number = self._count
        kind = self.kind_of(label)
        packed = zlib.compress(pickle.dumps(state), 1)
        values = (number, label, number if kind is None else kind[0], twin, parent, None if fault is None else str(fault), depth, root)
        row = (*values, _spelled(rooms), content, repeats, packed)
        added = self._database.execute("INSERT OR IGNORE INTO state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL)", row).rowcount
        self._count += added
        if added and twin is None:
            most = rooms if kind is None else tuple(map(max, kind[1], rooms))
            first = number if kind is None else kind[0]
            self._database.execute("INSERT OR REPLACE INTO kind VALUES (?, ?, ?)", (label, first, _spelled(most)))


def _edge(row: tuple[int, int, int, int, str, int, int, float]) -> Edge:
    source, target, faults, erases, wearing, latest_ps, window_ps, moment = row
    return Edge(source, target, faults, erases, fault_of(wearing), latest_ps, window_ps, moment)


def _spelled(rooms: tuple[int, ...]) -> str:
    return ",".join(map(str, rooms))


def _rooms(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()
