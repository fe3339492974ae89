"""What patches save, on pairs of real firmware: the versions of the service console (`firmware/service`)."""

from __future__ import annotations

from harness.build.firmware import build_application
from harness.build.profile import load_profile
from harness.build.toolchain import choose_toolchain
from harness.figures.bench import Bench
from harness.figures.registry import measure
from harness.image.keys import test_key
from harness.image.spk import HEADER_BYTES, sign_image
from harness.scenario.speck_delta import planned_payload

_PART = "c8"
_KEY = test_key("figures")


@measure
def delta_reduction_percent(bench: Bench, base: int, target: int) -> float:
    """Return how much smaller a signed patch is than the signed image that it makes, header and signature counted in both."""
    old, new = _console(bench, base), _console(bench, target)
    patch_bytes = HEADER_BYTES + len(planned_payload(old, new, bench.device.flash.page_bytes.value))
    return 100 - 100 * patch_bytes / len(new)


def _console(bench: Bench, version: int) -> bytes:
    firmware = build_application(load_profile("speck-delta"), bench.device, _PART, choose_toolchain("zig"), version)
    return sign_image(firmware.binary, key=_KEY, version=version, entry_offset=firmware.entry - firmware.address)
