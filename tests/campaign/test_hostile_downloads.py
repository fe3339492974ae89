"""Hostile patches sent to the application that runs: it refuses each before it asks the bootloader for anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.campaign.hostile_worker import Answer, Attack, HostileWorker, Manner
from harness.image.hostile_patch import PATCH_ROLLBACK
from harness.scenario.prepare import PrepareOptions, prepare

SCENARIO = "stm32f103/speck-download"


@pytest.fixture(scope="module")
def worker() -> Iterator[HostileWorker]:
    """The good application and bootloader, and one machine for them."""
    worker = HostileWorker(prepare(SCENARIO, PrepareOptions()), 1, "embedded", at_cuts=True)
    yield worker
    worker.close()


REFUSED = ("slot-zeros", "magic-zero", "flags-image", "sizes-wrap", "hardware-later", PATCH_ROLLBACK, "crc-one-bit", "key-foreign", "signature-malleable")
OF_CONTENT = ("copy-one-before-region", "endless-window", "base-digest-first-bit", "rotation-to-same", "target-without-steps")


@pytest.mark.parametrize("name", [*REFUSED, *OF_CONTENT])
def test_a_patch_is_refused_by_the_application(worker: HostileWorker, name: str) -> None:
    """For its own reason, and outside the slot no byte changes."""
    verdict = worker.judge_image(name)
    assert (verdict.answer, verdict.verdict.violations) == (Answer.REFUSED, ())
    assert verdict.recorded


def test_what_only_the_whole_shows_is_stopped_by_the_bootloader(worker: HostileWorker) -> None:
    """The application finds nothing wrong with it; what it makes is never started."""
    assert worker.judge_image("target-digest-first-bit").answer is Answer.STOPPED


def test_patches_around_cuts_of_a_download(worker: HostileWorker) -> None:
    """In the slot right after a cut of the download, or of the update that follows, and staged after the recovery: nothing gets in."""
    planned = [fault for fault, _ in worker.plan_attacks()]
    names = ("magic-zero", "base-digest-first-bit", PATCH_ROLLBACK)
    faults = planned[:: len(planned) // 4]
    result = worker.attack([Attack((fault,), names) for fault in faults])
    assert result.findings == []
    assert result.rollbacks == len(faults)
    assert result.answers[Manner.INTERRUPTS, Answer.NOT_READ] >= len(names)


def test_an_application_that_does_not_validate_is_found() -> None:
    """A patch that the application marks without a look: the bootloader refuses it, and the rule speaks all the same."""
    worker = HostileWorker(prepare(SCENARIO, PrepareOptions(bug="download-pending-unvalidated")), 1, "embedded", at_cuts=False)
    verdict = worker.judge_image("signature-malleable")
    worker.close()
    assert verdict.answer is Answer.ACCEPTED
    assert "pending_verified" in {violation.rule for violation in verdict.verdict.violations}
