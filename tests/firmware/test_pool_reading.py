"""One reading of the log: the bootloader's C and the host make the same of a pool, whatever it holds (SPEC, "Pool and log")."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from harness.build.bugs import Edit, apply_edits
from harness.bundled import bundled_path
from harness.image.log import LogState, Stage
from harness.image.pool import mark_pending, read_pool
from tests.firmware.host_build import POOL_LAYOUT, HostCompiler, build_log_library
from tests.firmware.log_library import Readings, host_log, load_log_library
from tests.strategies import pools

PAGE_BYTES = POOL_LAYOUT["PAGE_BYTES"]
POOLS = pools(page_bytes=PAGE_BYTES, pages=POOL_LAYOUT["REGION_METADATA_BYTES"] // PAGE_BYTES)
GENERATED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Reader:
    """The C sources, in front of a pool of any content."""

    def __init__(self, compiler: HostCompiler, firmware: Path, folder: Path) -> None:
        self._library = load_log_library(build_log_library(compiler, firmware, folder, POOL_LAYOUT))
        self._pool = self._library.steps_new_device()

    def read(self, pool: bytes) -> dict[str, object]:
        """Return what they make of it."""
        ctypes.memmove(self._pool, pool, len(pool))
        readings = self._library.steps_read()
        assert isinstance(readings, Readings)
        return readings.log()


@pytest.fixture(scope="module", name="reader")
def _reader(host_compiler: HostCompiler, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(host_compiler, bundled_path("firmware"), tmp_path_factory.mktemp("log"))


@GENERATED
@given(pool=POOLS)
def test_bootloader_and_host_read_the_same_from_any_pool(reader: Reader, pool: bytes) -> None:
    """Pages whole, torn, blank, in doubt, or of any bytes: state, active page, room, doubt and the next page."""
    assert host_log(pool, PAGE_BYTES) == reader.read(pool)


@GENERATED
@given(pool=POOLS)
def test_a_staged_patch_is_pending_whatever_was_in_the_pool(reader: Reader, pool: bytes) -> None:
    """The host marks it where the bootloader looks next, and the bootloader finds it there, settled, with the counter and the key as they were."""
    stood = read_pool(pool, page_bytes=PAGE_BYTES).state
    page = reader.read(pool)["next_page"]
    after = reader.read(mark_pending(pool, page_bytes=PAGE_BYTES))
    state = after["state"]

    assert (after["page"], after["half"], after["is_settled"]) == (page, 0, True)
    assert isinstance(state, LogState)
    assert (state.counter, state.stage, state.cursor, state.key) == (stood.counter, Stage.PENDING, page, stood.key)


@pytest.mark.parametrize(
    "edit",
    [
        Edit(file="delta/log.c", before="sequence_of(page, PLACE_COUNTS)", after="sequence_of(page, PLACE_UNWITNESSED)"),
        Edit(file="delta/log.c", before="log->is_settled = place.state == PLACE_CONFIRMED;", after="log->is_settled = place.state >= PLACE_COUNTS;"),
        Edit(file="delta/place.c", before="ones == 0 ? PLACE_CONFIRMED : PLACE_COUNTS", after="PLACE_CONFIRMED"),
    ],
    ids=["a page counts too early", "doubt is not seen", "every witness is whole"],
)
def test_a_bootloader_that_reads_otherwise_is_found_out(edit: Edit, host_compiler: HostCompiler, tmp_path: Path) -> None:
    """The comparison can fail."""
    firmware = Path(shutil.copytree(bundled_path("firmware"), tmp_path / "firmware"))
    apply_edits(firmware, [edit])
    reader = Reader(host_compiler, firmware, tmp_path)

    @settings(GENERATED, phases=[Phase.generate], database=None, derandomize=True, max_examples=1000)
    @given(POOLS)
    def both_read_the_same(pool: bytes) -> None:
        assert host_log(pool, PAGE_BYTES) == reader.read(pool)

    with pytest.raises(AssertionError):
        both_read_the_same()
