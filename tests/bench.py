"""`tox -e bench`: what the hot path and whole campaigns cost, measured in one run. It prints; it never fails on a slow machine."""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import unicorn
from unicorn import arm_const

from harness.build.elf import ElfFile
from harness.device import NonVolatile, load_device
from harness.image.spk import HEADER_BYTES, SIGNED_HEADER_BYTES
from harness.image.verify import image_in_region
from harness.machine.bench_support import BareMachine, make_call_flash
from harness.machine.embedded import EmbeddedMachine
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario
from tests.bench_campaigns import write_benchmarks
from tests.machine.firmware import compile_program

_PAIRS = 9
_GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493  # RFC 8032 section 5.1, L
_STUB_ADDRESS = 0x0800_4A00  # behind the bootloader's code, in its region
_HASH_ADDRESS = 0x0800_4B00
_SCENARIO = "stm32f103/speck-full"


def main() -> None:
    """Measure, and print one table."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Unicorn {unicorn.__version__}; medians of {_PAIRS} pairs")
    scenario = prepare(_SCENARIO, PrepareOptions())
    print_hook_overhead(scenario)
    print_half_word_cost()
    write_benchmarks()


def print_hook_overhead(scenario: PreparedScenario) -> None:
    """Ed25519's check equation on the engine with all of its hooks, and on bare Unicorn with none."""
    flash = signature_flash(scenario)
    bare = BareMachine(scenario.device, scenario.part, flash)
    engine = EmbeddedMachine(scenario.device, scenario.part, scenario.domains)
    trace = engine.boot(NonVolatile(flash), seed=1)
    assert bare.run().result == 0, "the signature does not verify: what was measured is not a verification"
    bare_seconds, engine_seconds = in_pairs(lambda: bare.run().seconds, lambda: seconds_of(lambda: engine.boot(NonVolatile(flash), seed=1)))
    print(f"hooks on signature verification: {engine_seconds / bare_seconds:.2f} x bare Unicorn ({trace.instructions:,} instructions; must stay under 1.3)")
    engine.close()


def signature_flash(scenario: PreparedScenario) -> bytes:
    """Return a flash that checks the installed application's signature after reset, and sleeps."""
    case = scenario.case("update")
    image = image_in_region(scenario.region_bytes(case.state.flash, "application"))
    assert image is not None
    message = image.header.signature[:32] + image.header.public_key + image.to_bytes()[:SIGNED_HEADER_BYTES] + image.code
    digest = int.from_bytes(hashlib.sha512(message).digest(), "little") % _GROUP_ORDER
    flash = bytearray(case.state.flash)
    offset = _HASH_ADDRESS - scenario.flash_address
    flash[offset : offset + 32] = digest.to_bytes(32, "little")
    elf = ElfFile(Path(scenario.bootloader_elf))
    start = scenario.regions["application"].address
    arguments = (start + SIGNED_HEADER_BYTES, start + SIGNED_HEADER_BYTES - 32, _HASH_ADDRESS)
    assert SIGNED_HEADER_BYTES + 64 == HEADER_BYTES
    function = elf.symbol("crypto_eddsa_check_equation")
    return make_call_flash(bytes(flash), scenario.flash_address, _STUB_ADDRESS, elf.symbol("stack_top"), function, arguments)


def print_half_word_cost() -> None:
    """A C copy loop through the flash controller in C, and through the least that a Python hook would have to do."""
    flash = compile_program("copy.c").flash()
    engine = EmbeddedMachine(load_device("stm32f103"), "c8", ())
    count = len(engine.boot(NonVolatile(flash), seed=1).operations)
    python_seconds, engine_seconds = in_pairs(lambda: python_hook_seconds(flash), lambda: seconds_of(lambda: engine.boot(NonVolatile(flash), seed=1)))
    cost_us = engine_seconds / count * 1e6
    print(f"programming a half-word, loop and log included: {cost_us:.2f} us ({count:,} operations; must stay under 1 us)")
    print(f"the same loop with the flash in a Python hook: {python_seconds / engine_seconds:.1f} x as long")
    engine.close()


def python_hook_seconds(flash: bytes) -> float:
    """Run the copy loop on Unicorn with a Python hook that only ANDs the cells, without any of the controller's rules."""
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M3)
    engine.mem_map(0x0800_0000, len(flash), unicorn.UC_PROT_ALL)
    engine.mem_write(0x0800_0000, flash)
    engine.mem_protect(0x0800_0000, len(flash), unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    engine.mem_map(0x2000_0000, 0x5000)
    engine.mem_map(0x4002_2000, 0x1000)
    cells = bytearray(flash)

    def program(_: unicorn.Uc, __: int, address: int, size: int, value: int, ___: object) -> bool:
        offset = address - 0x0800_0000
        old = int.from_bytes(cells[offset : offset + size], "little")
        cells[offset : offset + size] = (old & value).to_bytes(size, "little")
        return True

    engine.hook_add(unicorn.UC_HOOK_MEM_WRITE_PROT, program)
    stack, entry = (int.from_bytes(flash[at : at + 4], "little") for at in (0, 4))
    engine.reg_write(arm_const.UC_ARM_REG_SP, stack)
    # `start` sleeps when `run` returns: WFI ends the emulation.
    return seconds_of(lambda: engine.emu_start(entry | 1, 1))


def in_pairs(first: Callable[[], float], second: Callable[[], float]) -> tuple[float, float]:
    """Run both in turn, after one warm-up each, and return the two medians: a machine that changes speed changes both."""
    first()
    second()
    pairs = [(first(), second()) for _ in range(_PAIRS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long `action` takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
