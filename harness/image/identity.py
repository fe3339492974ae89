"""The identity page (SPEC section 2, and "Key rotation"): what production wrote, and the keys that came after its key. Never erased."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from construct import Bytes, Int32ul, Struct

from harness.image.keys import PUBLIC_KEY_BYTES, PublicKey

KEY_PLACES = 15
"""Keys that may come after production's, those included whose place a cut spoiled."""
PLACES_OFFSET = 128
"""Of the first key place in the page."""
_GUARD = bytes(4)
PLACE_BYTES = len(_GUARD) + PUBLIC_KEY_BYTES
_BLANK = b"\xff"

_LAYOUT = Struct(
    "public_key" / Bytes(PUBLIC_KEY_BYTES),
    "reserved" / Bytes(PUBLIC_KEY_BYTES),
    "hardware_revision" / Int32ul,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the identity page says.

    Attributes:
        public_key: production's.
        later_keys: contents of the key places up to the last one that is not blank: key n is number n - 1 of them. A place that
            a cut spoiled looks like any other: the log alone tells which key is trusted.
    """

    public_key: PublicKey
    hardware_revision: int
    later_keys: tuple[PublicKey, ...] = ()

    def key(self, number: int) -> PublicKey | None:
        """Return a key by its number, 0 for production's; None: its place is blank."""
        keys = (self.public_key, *self.later_keys)
        return keys[number] if number < len(keys) else None


def build_identity(identity: Identity, *, page_bytes: int = 1024) -> bytes:
    """Return the page that holds `identity`; what it does not name is erased.

    Raises:
        ValueError: the hardware revision does not fit in 32 bits, or there are more keys than places.
    """
    if not 0 <= identity.hardware_revision < 2**32:
        raise ValueError(f"hardware revision {identity.hardware_revision} does not fit in 32 bits")
    if len(identity.later_keys) > KEY_PLACES:
        raise ValueError(f"{len(identity.later_keys)} keys do not fit in {KEY_PLACES} places")
    reserved = _BLANK * PUBLIC_KEY_BYTES
    head = bytes(_LAYOUT.build({"public_key": identity.public_key.raw, "reserved": reserved, "hardware_revision": identity.hardware_revision}))
    places = b"".join(_GUARD + key.raw for key in identity.later_keys)
    return (head.ljust(PLACES_OFFSET, _BLANK) + places).ljust(page_bytes, _BLANK)


@functools.lru_cache(maxsize=256)
def read_identity(page: bytes) -> Identity:
    """Return what an identity page holds."""
    fields = _LAYOUT.parse(page)
    places: Sequence[bytes] = [page[start : start + PLACE_BYTES] for start in range(PLACES_OFFSET, PLACES_OFFSET + KEY_PLACES * PLACE_BYTES, PLACE_BYTES)]
    used = max((number for number, place in enumerate(places, 1) if place.strip(_BLANK)), default=0)
    keys = tuple(PublicKey(place[len(_GUARD) :]) for place in places[:used])
    return Identity(PublicKey(fields.public_key), fields.hardware_revision, keys)
