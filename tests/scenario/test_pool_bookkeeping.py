"""What log, key places and banks are said to mean: torn key places take room and say nothing, and a bank without a module says the same whatever it holds."""

from __future__ import annotations

import pytest

from harness.image.identity import PLACE_BYTES, PLACES_OFFSET
from harness.image.log import LogState, Stage, delivery_pool
from harness.scenario.modules import STORE_REGION
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import Meaning, PreparedScenario


@pytest.fixture(scope="module", name="update")
def _update() -> PreparedScenario:
    return prepare("stm32f103/speck-delta", PrepareOptions())


@pytest.fixture(scope="module", name="modules")
def _modules() -> PreparedScenario:
    return prepare("stm32f103/speck-module", PrepareOptions())


def meaning_of(scenario: PreparedScenario, case: str, **contents: tuple[int, bytes]) -> Meaning:
    """Return what the bookkeeping says of a case, with other bytes at an offset of some regions."""
    assert scenario.bookkeeping is not None
    flash = bytearray(scenario.case(case).state.flash)
    for name, (offset, content) in contents.items():
        start = scenario.regions[name].address - scenario.flash_address + offset
        flash[start : start + len(content)] = content
    return scenario.bookkeeping.meaning(bytes(flash))


@pytest.mark.parametrize("torn", [b"\x00", bytes(4), bytes(4) + b"\x5a" * 32])
def test_a_torn_key_place_takes_room_and_says_nothing_while_the_update_is_pending(update: PreparedScenario, torn: bytes) -> None:
    """Whatever it holds: the next boot writes into the place behind it."""
    blank, spoiled = meaning_of(update, "key-rotation"), meaning_of(update, "key-rotation", identity=(PLACES_OFFSET, torn))

    assert spoiled.says == blank.says
    assert spoiled.rooms[-1] == blank.rooms[-1] - 1
    assert spoiled.free[-1].start == blank.free[-1].start + PLACE_BYTES


def test_the_last_key_tells_once_the_update_is_begun(update: PreparedScenario) -> None:
    """It may become the trusted one; in an idle log it tells nothing."""
    page_bytes = update.device.flash.page_bytes.value
    pages = update.regions["metadata"].size_bytes // page_bytes
    keys = [(PLACES_OFFSET, bytes(4) + bytes([byte]) * 31 + b"\x01") for byte in (1, 2)]

    def said(stage: Stage) -> set[bytes]:
        pool = delivery_pool(LogState(1, stage, patch=7), page_bytes=page_bytes, pages=pages)
        return {meaning_of(update, "key-rotation", metadata=(0, pool), identity=key).says for key in keys}

    assert len(said(Stage.STARTED)) == 2
    assert len(said(Stage.IDLE)) == len(said(Stage.PENDING)) == 1


def test_a_bank_without_a_module_says_the_same_whatever_it_holds(modules: PreparedScenario) -> None:
    """One byte of a module makes its bank an empty one; what an empty bank holds is no part of it, and decides nothing."""
    bank = len(modules.region_bytes(modules.case("update").state.flash, STORE_REGION)) // 2
    whole = meaning_of(modules, "update")
    others = [meaning_of(modules, "update", modules=(bank, content)) for content in (b"\x00", b"SPK\x02", bytes(200))]
    broken = meaning_of(modules, "update", modules=(200, b"\x00\x01\x02\x03"))

    assert {other.says for other in others} == {whole.says}
    assert broken.says != whole.says
    assert len(broken.unused) > len(whole.unused)
