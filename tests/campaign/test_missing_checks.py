"""Images and patches that get in, or are refused for another reason, where a bootloader lacks one check."""

from __future__ import annotations

import pytest

from harness.campaign.hostile_worker import Answer, HostileWorker
from harness.scenario.prepare import PrepareOptions, prepare

IMAGES, PATCHES = "stm32f103/speck-full", "stm32f103/speck-delta"
MISSING_CHECKS = {
    "signature-ignored": (IMAGES, "signature-foreign", Answer.ACCEPTED),
    "key-not-compared": (IMAGES, "key-foreign", Answer.ACCEPTED),
    "hardware-ignored": (IMAGES, "hardware-later", Answer.ACCEPTED),
    "same-version-accepted": (IMAGES, "version-same", Answer.ACCEPTED),
    "erase-before-verify": (IMAGES, "magic-zero", Answer.ACCEPTED),
    "refusal-closed-as-installed": (IMAGES, "slot-erased", Answer.WRONG_REASON),
    "delta-base-ignored": (PATCHES, "base-digest-first-bit", Answer.ACCEPTED),
    "delta-counter-sign": (PATCHES, "version-zero", Answer.WRONG_REASON),
}
"""By the seeded bug: the table that shows it, the image that only the missing check refuses, and what becomes of it."""


@pytest.mark.parametrize("bug", MISSING_CHECKS)
def test_a_missing_check_is_found(bug: str) -> None:
    """The image gets in, or on to the next check, or the record is wrong."""
    reference, name, answer = MISSING_CHECKS[bug]
    worker = HostileWorker(prepare(reference, PrepareOptions(bug=bug)), 1, "embedded", at_cuts=False)
    assert worker.judge_image(name).answer is answer
    worker.close()
