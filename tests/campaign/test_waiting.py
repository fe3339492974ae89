"""Things that wait on disk."""

from __future__ import annotations

from contextlib import closing

from harness.campaign.search.waiting import Waiting


def test_they_come_back_in_order_and_once() -> None:
    """What is added while others are taken waits for the next time."""
    with closing(Waiting[tuple[int, bytes]]()) as waiting:
        for number in range(5):
            waiting.add((number, bytes(number)))
        taken = []
        for item in waiting.take_all():
            taken.append(item)
            if item[0] == 2:
                waiting.add((9, b"later"))

        assert taken == [(number, bytes(number)) for number in range(5)]
        assert len(waiting) == 1
        assert list(waiting.take_all()) == [(9, b"later")]
        assert list(waiting.take_all()) == []
