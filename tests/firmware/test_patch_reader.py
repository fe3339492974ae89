"""The bootloader's reader of patches against the host's: same images, same refusals."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.bundled import bundled_path
from harness.image.delta.apply import apply_patch
from harness.image.delta.payload import Coding
from harness.image.delta.planner import plan_patch
from harness.image.refusal import ImageRefused, RefusalReason
from tests.firmware.host_build import HostCompiler, build_patch_apply
from tests.image.delta.test_delta import BASE, MALFORMED, PAGE_BYTES, PATCH, TARGET, pairs

REGION_BYTES = 16 * PAGE_BYTES
QUIETLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Apply = Callable[[bytes, bytes], bytes | int]


@pytest.fixture(scope="module")
def apply(host_compiler: HostCompiler, tmp_path_factory: pytest.TempPathFactory) -> Apply:
    """Applies a patch with the compiled reader: the target, or the number of the refusal."""
    folder = tmp_path_factory.mktemp("patch")
    program = build_patch_apply(host_compiler, bundled_path("firmware"), folder)
    base_file, payload_file, output_file = (folder / name for name in ("base", "payload", "output"))

    def run(base: bytes, payload: bytes) -> bytes | int:
        base_file.write_bytes(base)
        payload_file.write_bytes(payload)
        ended = subprocess.run([program, base_file, payload_file, str(PAGE_BYTES), str(REGION_BYTES), output_file], capture_output=True, text=True, check=False)
        assert not ended.stderr, ended.stderr
        return ended.returncode or output_file.read_bytes()

    return run


@given(pair=pairs(), coding=st.sampled_from(Coding))
@example(pair=(BASE, BASE + b"\xff" * 9), coding=Coding.RAW)
@example(pair=(BASE, b"\xff" * 9 + BASE), coding=Coding.HEATSHRINK)
@QUIETLY
def test_host_and_device_make_the_same_image(apply: Apply, pair: tuple[bytes, bytes], coding: Coding) -> None:
    """Whatever was edited, however it is coded, and whatever production left behind the base, the device's reader makes the target byte for byte."""
    base, target = pair
    assert apply(base, plan_patch(base, target, page_bytes=PAGE_BYTES, coding=coding).payload) == target


@given(data=st.data())
@QUIETLY
def test_host_and_device_agree_on_every_damaged_patch(apply: Apply, data: st.DataObject) -> None:
    """A patch with bytes changed, cut or added is refused by both, or gives the same bytes on both."""
    payload = bytearray(PATCH)
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(80, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(96, len(payload)))
    damaged = bytes(payload[:cut]) + data.draw(st.binary(max_size=2))
    seen = apply(BASE, damaged)
    try:
        made: bytes | RefusalReason = apply_patch(BASE, damaged)
    except ImageRefused as refused:
        made = refused.reason
    if isinstance(made, bytes):
        assert seen == made
    elif made is RefusalReason.PATCH and isinstance(seen, bytes):
        # The host also refuses what reads bytes of the region that no image covers; the device's region has such bytes.
        assert seen != TARGET


@pytest.mark.parametrize(("name", "payload"), MALFORMED.items(), ids=MALFORMED)
def test_a_malformed_patch_is_refused(apply: Apply, name: str, payload: bytes) -> None:
    """What the host refuses as malformed the device does too, by the same number; only the region's end is further away."""
    expected = {"a copy past the region": "made"}.get(name, RefusalReason.PATCH)
    seen = apply(BASE, payload)

    assert ("made" if isinstance(seen, bytes) else seen) == expected


def test_the_reader_needs_no_image(apply: Apply) -> None:
    """The largest image that fits the region is made from 96 bytes of header and its inserts."""
    target = random.Random(3).randbytes(REGION_BYTES)
    assert apply(b"x", plan_patch(b"x", target, page_bytes=PAGE_BYTES).payload) == target


def test_the_reader_stands_alone() -> None:
    """The reader has no chip in it and needs nothing but the C library's memset and memcpy."""
    sources = [file.read_text(encoding="utf-8") for file in Path(bundled_path("firmware"), "patch").iterdir()]
    included = {name for source in sources for name in re.findall(r"#include (.*)", source)}
    assert included <= {"<stdint.h>", "<stdbool.h>", "<string.h>", '"bytes.h"', '"result.h"', '"patch.h"', '"heatshrink.h"'}
