"""What a pool says together with the key places of the identity page, which an update may write to (SPEC, "Key rotation")."""

from __future__ import annotations

from dataclasses import dataclass

from harness.image.identity import KEY_PLACES, PLACE_BYTES, PLACES_OFFSET, Identity, read_identity
from harness.image.log import LogState, Stage
from harness.scenario.pool_bookkeeping import PoolBookkeeping
from harness.scenario.prepared import Meaning, Region, again_of


@dataclass(frozen=True)
class RotatedBookkeeping:
    """A pool whose log names one of the keys of the identity page.

    The key places are a log of their own, to which a pending update appends: a torn place is skipped, whatever it holds. Once the update is begun, the
    last place is the one that it goes on with. In any other stage nothing is looked at but the trusted key.
    """

    pool: PoolBookkeeping
    identity: Region

    @property
    def regions(self) -> tuple[str, ...]:
        """The pool's region, and the identity page."""
        return (*self.pool.regions, self.identity.name)

    @property
    def most_again(self) -> tuple[int, ...]:
        """What settling takes; a key is written once."""
        return (*self.pool.most_again, 0)

    def meaning(self, flash: bytes) -> Meaning:
        """Return what the pool says, the trusted key, and the last one while it may become the trusted one; the second room is that of the key places."""
        pool, state = self.pool.meaning_and_state(flash)
        start = self.identity.address - self.pool.flash_address
        identity = read_identity(flash[start : start + self.identity.size_bytes])
        trusted, next_key = identity.key(state.key), _next_key(identity, state)
        left = KEY_PLACES - len(identity.later_keys) if state.stage == Stage.PENDING else 0
        end = self.identity.address + PLACES_OFFSET + KEY_PLACES * PLACE_BYTES if left else 0
        return Meaning(
            says=pool.says + repr((trusted and trusted.raw, next_key)).encode(),
            rooms=(*pool.rooms, left),
            free=(*pool.free, range(end - left * PLACE_BYTES, end)),
            again=(*again_of(pool), 0),
            unused=pool.unused,
        )


def _next_key(identity: Identity, state: LogState) -> bytes | None:
    return identity.later_keys[-1].raw if state.is_begun and identity.later_keys else None
