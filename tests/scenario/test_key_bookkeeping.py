"""What the places for keys say to a search: the keys that the log names, and how many places are left; nothing else of them."""

from __future__ import annotations

import pytest

from harness.image.identity import KEY_PLACES, PLACE_BYTES, PLACES_OFFSET, Identity, build_identity
from harness.image.keys import PublicKey
from harness.image.keys import test_key as make_key
from harness.image.log import LogState, Stage, delivery_pool
from harness.scenario.key_bookkeeping import RotatedBookkeeping
from harness.scenario.pool_bookkeeping import PoolBookkeeping, scratch_of_update
from harness.scenario.prepared import Meaning, Region

PAGE_BYTES = 1024
IDENTITY, POOL = Region("identity", 0x1000, PAGE_BYTES), Region("metadata", 0x1400, 4 * PAGE_BYTES)
FIRST, SECOND, THIRD = (make_key(name).public_key for name in ("one", "two", "three"))
SPOILED, OTHERWISE_SPOILED = (PublicKey(bytes([byte]) + b"\xff" * 31) for byte in (0x5A, 0x18))


def meaning_of(*later: PublicKey, key: int = 0, stage: Stage = Stage.IDLE) -> Meaning:
    """Return what a page with these keys behind the first says, the log naming one of them."""
    page = build_identity(Identity(FIRST, 3, later), page_bytes=PAGE_BYTES)
    pool = delivery_pool(LogState(1, stage, key=key), page_bytes=PAGE_BYTES, pages=4)
    return RotatedBookkeeping(PoolBookkeeping(POOL, IDENTITY.address, PAGE_BYTES, scratch_of_update), IDENTITY).meaning(page + pool)


ALIKE = {
    "what a cut left in a place": (meaning_of(SPOILED), meaning_of(OTHERWISE_SPOILED)),
    "a key that nothing names yet": (meaning_of(SECOND, stage=Stage.PENDING), meaning_of(SPOILED, stage=Stage.PENDING)),
    "a key behind places that cuts spoiled": (meaning_of(SECOND, key=1), meaning_of(SPOILED, SECOND, key=2)),
    "a key that was trusted before": (meaning_of(SECOND, THIRD, key=2), meaning_of(SPOILED, THIRD, key=2)),
}


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_what_nothing_reads_says_nothing(one: Meaning, other: Meaning) -> None:
    """Two pages are alike, but for the room, where they differ in what no boot goes by."""
    assert one.says == other.says


DIFFERENT = {
    "another trusted key": (meaning_of(SECOND, key=1), meaning_of(THIRD, key=1)),
    "production's key in place of it": (meaning_of(SECOND, key=1), meaning_of(SECOND)),
    "the newest key of an update that is begun": (meaning_of(SECOND, stage=Stage.STARTED), meaning_of(SPOILED, stage=Stage.STARTED)),
    "the same, a page of it built": (meaning_of(SECOND, stage=Stage.BUILT), meaning_of(SPOILED, stage=Stage.BUILT)),
    "a number whose place is blank": (meaning_of(), meaning_of(key=1)),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_a_boot_goes_by_is_told_apart(one: Meaning, other: Meaning) -> None:
    """Whatever decides about the next boots is part of what the page says."""
    assert one.says != other.says


@pytest.mark.parametrize("used", [0, 1, KEY_PLACES])
def test_the_room_is_the_places_behind_the_last_used_one(used: int) -> None:
    """Free places, and their addresses, while an update is pending that may take one; else none is of any use."""
    said = meaning_of(*[SPOILED] * used, stage=Stage.PENDING)
    start = IDENTITY.address + PLACES_OFFSET
    assert said.rooms[-1] == KEY_PLACES - used
    assert [*said.free[-1]] == [*range(start + used * PLACE_BYTES, start + KEY_PLACES * PLACE_BYTES)]
    assert meaning_of(*[SPOILED] * used).rooms[-1] == 0
