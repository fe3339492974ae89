"""What a pool of log and scratch pages says to those who go on from it (SPEC, "Pool and log"), wherever in the ring it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from harness.image.log import MARK, LogState, Stage
from harness.image.pool import SNAPSHOT_PLACES, Pool, read_pool
from harness.scenario.prepared import Bookkeeping, Meaning, Region, again_of

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Scratch:
    """What the user of a log makes of the scratch page that it names.

    Attributes:
        says: what of it decides anything. page: the page of the pool that the state rests on; None: it rests on none.
    """

    says: tuple[object, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class PoolBookkeeping:
    """What a pool says.

    Which page of the ring is which says nothing: whoever needs a page takes one that nothing rests on, and erases it. Nor does the number of the
    trusted key, since cuts before it change it: which key it is, says the bookkeeping that has the keys.

    Attributes:
        scratch: what its user makes of the scratch page, of the pool, its content, and the size of its pages.
    """

    region: Region
    flash_address: int
    page_bytes: int
    scratch: Callable[[Pool, bytes, int], Scratch]

    @property
    def regions(self) -> tuple[str, ...]:
        """The pool's region."""
        return (self.region.name,)

    @property
    def most_again(self) -> tuple[int, ...]:
        """What settling takes."""
        return (SNAPSHOT_PLACES,)

    def state(self, flash: bytes) -> LogState:
        """Return what the log says."""
        return self._read(flash)[0].state

    def meaning(self, flash: bytes) -> Meaning:
        """Return the log's state, whether it is settled, how many pages may come to count, and the scratch page in use; the room is the active page's."""
        return self.meaning_and_state(flash)[0]

    def meaning_and_state(self, flash: bytes) -> tuple[Meaning, LogState]:
        """Return both: a flash is read once for them."""
        pool, content = self._read(flash)
        state, scratch = pool.state, self.scratch(pool, content, self.page_bytes)
        log = (state.counter, state.stage, state.closed, state.steps, state.patch, pool.active is None, pool.settled, len(pool.half))
        free = range(self.region.address + pool.free[0], self.region.address + pool.free[1])
        used = {pool.active, scratch.page, *pool.marked}
        meaning = Meaning(
            says=repr((*log, *scratch.says)).encode(),
            rooms=(pool.room,),
            free=(free,),
            again=(0 if pool.settled else SNAPSHOT_PLACES,),
            unused=tuple(self._behind_mark(page) for page in range(len(content) // self.page_bytes) if page not in used),
        )
        return meaning, state

    def _read(self, flash: bytes) -> tuple[Pool, bytes]:
        start = self.region.address - self.flash_address
        content = flash[start : start + self.region.size_bytes]
        return read_pool(content, page_bytes=self.page_bytes), content

    def _behind_mark(self, page: int) -> range:
        start = self.region.address + page * self.page_bytes
        return range(start + len(MARK), start + self.page_bytes)


@dataclass(frozen=True)
class TwoBookkeepings:
    """Two that know nothing of each other."""

    first: Bookkeeping
    second: Bookkeeping

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of both."""
        return (*self.first.regions, *self.second.regions)

    @property
    def most_again(self) -> tuple[int, ...]:
        """Those of both."""
        return self.first.most_again + self.second.most_again

    def meaning(self, flash: bytes) -> Meaning:
        """Return what both say."""
        first, second = self.first.meaning(flash), self.second.meaning(flash)
        says = len(first.says).to_bytes(4, "little") + first.says + second.says
        return Meaning(says, first.rooms + second.rooms, first.free + second.free, again_of(first) + again_of(second), first.unused + second.unused)


def scratch_of_update(pool: Pool, region: bytes, page_bytes: int) -> Scratch:
    """Return what a page that is built holds: in any other stage the log names one, and nothing looks at it."""
    state = pool.state
    if state.stage != Stage.BUILT:
        return Scratch()
    content = region[state.scratch * page_bytes : (state.scratch + 1) * page_bytes]
    return Scratch((state.inverted, hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()), state.scratch)


def scratch_of_modules(pool: Pool, region: bytes, page_bytes: int) -> Scratch:
    """Return the bank that the log names in its place; a store of modules uses no scratch page."""
    del region, page_bytes
    return Scratch((pool.state.scratch, pool.state.inverted))
