"""Hostile patches on the real bootloader: refused at rest and around cuts, found where a check is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.campaign.hostile import HostileOptions, try_hostile_images
from harness.campaign.hostile_worker import Answer, Attack, HostileWorker, Manner
from harness.image.hostile_patch import PATCH_ROLLBACK, hostile_patches
from harness.scenario.prepare import PrepareOptions, prepare

SCENARIO = "stm32f103/speck-delta"


@pytest.fixture(scope="module")
def worker() -> Iterator[HostileWorker]:
    """The good bootloader, and one machine for it."""
    worker = HostileWorker(prepare(SCENARIO, PrepareOptions()), 1, "embedded", at_cuts=False)
    yield worker
    worker.close()


def test_every_patch_is_refused_at_rest() -> None:
    """Each for its own reason, nothing but the log's closing place changed; what only the whole shows is never started."""
    result = try_hostile_images(prepare(SCENARIO, PrepareOptions()), HostileOptions())
    stopped = {hostile.name for hostile in hostile_patches() if hostile.stops}
    assert {image.name for image in result.images if image.answer is not Answer.REFUSED} == stopped == set(result.stopped)
    assert [image.recorded for image in result.images if image.name not in stopped] == [int(row.reason) for row in hostile_patches() if not row.stops]
    assert result.controls_hold
    assert result.holds


@pytest.mark.long
@pytest.mark.parametrize("name", ["base-digest-first-bit", "target-without-steps", "copy-one-before-region", "endless-window", PATCH_ROLLBACK])
def test_a_patch_is_refused_on_the_other_chip(name: str) -> None:
    """Pages of 4 KiB and words in place of half-words: the same answer."""
    worker = HostileWorker(prepare("nrf52840/speck-delta", PrepareOptions()), 1, "embedded", at_cuts=False)
    assert worker.judge_image(name).answer is Answer.REFUSED
    worker.close()


def test_patches_around_cuts_of_an_update(worker: HostileWorker) -> None:
    """In the slot right after a cut, and after the recovery: refused, or not looked at, or nothing runs; the version before never comes back."""
    planned = worker.plan_attacks()
    first_records = [fault for fault, is_record in planned[:200] if is_record][::16]
    faults = [*first_records, *(fault for fault, _ in planned[:: len(planned) // 5])]
    names = ("magic-zero", "signature-malleable", "base-digest-first-bit", PATCH_ROLLBACK)
    result = worker.attack([Attack((fault,), names) for fault in faults])
    assert result.findings == []
    assert result.rollbacks == len(faults)
    assert result.answers[Manner.FOLLOWS, Answer.REFUSED] == len(names) * len(faults)
    assert {answer for manner, answer in result.answers if manner is Manner.INTERRUPTS} == {Answer.REFUSED, Answer.RECOVERY, Answer.NOT_READ}


def test_another_signed_patch_that_goes_on_with_an_update_is_found() -> None:
    """A bootloader that does not know which patch it began lets one for another base rebuild the rest: only the attack after a cut shows that."""
    worker = HostileWorker(prepare(SCENARIO, PrepareOptions(bug="delta-patch-not-named")), 1, "embedded", at_cuts=False)
    name = "base-digest-first-bit"
    assert worker.judge_image(name).answer is Answer.REFUSED
    planned = [fault for fault, _ in worker.plan_attacks()]
    result = worker.attack([Attack((fault,), (name,)) for fault in planned[300:600:100]])
    worker.close()
    assert {finding.answer for finding in result.findings} == {Answer.ACCEPTED}
