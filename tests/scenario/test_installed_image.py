"""Which image a flash holds, and what is kept of the answer."""

from __future__ import annotations

import pickle

from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.speck import SpeckFormat


class Watched:
    """A flash that keeps in mind where it was looked at."""

    def __init__(self, flash: bytes) -> None:
        self.starts: list[int] = []
        self._flash = flash

    def __getitem__(self, place: slice) -> bytes:
        self.starts.append(place.start)
        return self._flash[place]


def test_what_is_remembered_of_a_flash_is_told_by_what_cannot_change() -> None:
    """Only bytes that were asked about before are not read again, so whoever wants to know what is looked at is told; a copy carries no flash."""
    scenario = prepare("stm32f103/speck-full", PrepareOptions())
    flash_format, state = scenario.format, scenario.case("update").state
    assert isinstance(flash_format, SpeckFormat)
    start = scenario.regions["application"].address - scenario.flash_address
    image = flash_format.installed_image(state.flash)
    assert image is not None
    assert image.authentic

    assert flash_format.installed_image(state.flash) is image
    watched = Watched(state.flash)
    for times in (1, 2):
        assert flash_format.installed_image(watched) == image  # type: ignore[arg-type] # it is enough of bytes
        assert watched.starts.count(start) == times

    copy = pickle.loads(pickle.dumps(flash_format))  # noqa: S301 -- our own
    assert copy._recent.maxlen == flash_format._recent.maxlen  # noqa: SLF001 -- what it takes is the point
    assert not copy._recent  # noqa: SLF001
    assert copy.installed_image(state.flash) == image
