"""The device's loader of modules against the host's: same bytes in memory, same refusals, nothing outside of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.build.bugs import Edit, apply_edits
from harness.bundled import bundled_path
from harness.image.module import Module, place_module, read_module
from harness.image.refusal import ImageRefused, RefusalReason
from tests.firmware.host_build import HostCompiler, build_module_load
from tests.image.modules import GOOD, HOST_VERSION, MALFORMED, MEMORY_BYTES, modules

QUIETLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNTOUCHED = b"\xa5"

Load = Callable[[bytes, int, int], bytes | int]


def loader(program: Path, folder: Path) -> Load:
    """Return what places a payload with the compiled loader: the whole memory, or the number of the refusal."""
    payload_file, output_file = folder / "payload", folder / "memory"

    def run(payload: bytes, entry: int, address: int) -> bytes | int:
        payload_file.write_bytes(payload)
        arguments = map(str, (payload_file, entry, MEMORY_BYTES, HOST_VERSION, address, output_file))
        ended = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert not ended.stderr, ended.stderr
        return ended.returncode or output_file.read_bytes()

    return run


@pytest.fixture(scope="module")
def load(host_compiler: HostCompiler, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """The loader, compiled with sanitizers."""
    folder = tmp_path_factory.mktemp("module")
    return loader(build_module_load(host_compiler, bundled_path("firmware"), folder), folder)


@given(module=modules(), address=st.sampled_from([0, 0x20000000, 0x20004FF8, 0xFFFFFFF8]))
@QUIETLY
def test_host_and_device_place_the_same_bytes(load: Load, module: Module, address: int) -> None:
    """Whatever the module and wherever it lies, both make the same memory; what is behind the module is not touched."""
    assert load(module.to_payload(), module.entry, address) == place_module(module, address).ljust(MEMORY_BYTES, UNTOUCHED)


@pytest.mark.parametrize(("payload", "entry"), MALFORMED.values(), ids=MALFORMED)
def test_what_the_host_refuses_the_device_refuses(load: Load, payload: bytes, entry: int) -> None:
    """Each malformed module is refused with the number 15, and the sanitizers have nothing to say."""
    assert load(payload, entry, 0x20000000) == RefusalReason.MODULE


@given(data=st.data())
@QUIETLY
def test_host_and_device_agree_on_every_damaged_module(load: Load, data: st.DataObject) -> None:
    """A module with bytes changed, cut or added is refused by both, or placed alike by both."""
    module = data.draw(modules())
    payload = bytearray(module.to_payload())
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.sampled_from([0, 1, 2, 4, 0x7F, 0x80, 0xFF]))
    damaged = bytes(payload[: data.draw(st.integers(20, len(payload)))]) + data.draw(st.binary(max_size=4))
    try:
        held: bytes | int = place_module(read_module(damaged, module.entry, memory_bytes=MEMORY_BYTES, host_version=HOST_VERSION), 0x20000000)
    except ImageRefused as refused:
        held = refused.reason
    assert load(damaged, module.entry, 0x20000000) == (held if isinstance(held, int) else held.ljust(MEMORY_BYTES, UNTOUCHED))


MISTAKES = {
    "a relocation at the end": Edit(file="module/module.c", before="offset > module->blob_bytes - WORD_BYTES", after="offset > module->blob_bytes"),
    "no order": Edit(file="module/module.c", before="offset < least", after="offset < least / 0x10000u"),
    "a sum that wraps": Edit(
        file="module/module.c",
        before="module->blob_bytes > memory_bytes || module->zero_bytes > memory_bytes - module->blob_bytes",
        after="module->blob_bytes + module->zero_bytes > memory_bytes",
    ),
    "a product that wraps": Edit(file="module/module.c", before="(uint64_t)module->relocation_count", after="module->relocation_count"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_the_table_finds_mistakes(mistake: Edit, host_compiler: HostCompiler, tmp_path: Path) -> None:
    """The table can fail: with one check of the loader weakened, a module is placed that must be refused, or a sanitizer speaks."""
    firmware = Path(shutil.copytree(bundled_path("firmware"), tmp_path / "firmware"))
    apply_edits(firmware, [mistake])
    load = loader(build_module_load(host_compiler, firmware, tmp_path), tmp_path)

    def is_found(payload: bytes, entry: int) -> bool:
        try:
            return load(payload, entry, 0x20000000) != RefusalReason.MODULE
        except AssertionError:
            return True

    assert any(is_found(*malformed) for malformed in MALFORMED.values())


def test_the_loader_stands_alone() -> None:
    """It has no chip in it and needs nothing but the C library's memset and memcpy."""
    source = (bundled_path("firmware") / "module/module.c").read_text(encoding="utf-8")
    assert set(re.findall(r"#include (.*)", source)) <= {"<stdbool.h>", "<string.h>", '"bytes.h"', '"host.h"', '"module.h"'}
    assert GOOD.memory_bytes <= MEMORY_BYTES
