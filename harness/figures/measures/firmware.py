"""Sizes of our firmware: code and RAM."""

from __future__ import annotations

from harness.device import NonVolatile
from harness.figures.bench import Bench
from harness.figures.measures.speed import crypto_trace
from harness.figures.registry import measure
from harness.image.keys import test_key
from harness.image.spk import sign_image


@measure
def bootloader_kib(bench: Bench) -> float:
    """Return the size of the bootloader of profile speck."""
    return bench.scenario.bootloader_bytes / 1024


@measure
def verification_ram_bytes(bench: Bench) -> int:
    """Return the RAM that verifying a signature takes: the stack at its deepest, and variables."""
    return crypto_trace(bench, signing=False).stack_bytes + bench.static_ram_bytes("crypto")


@measure
def parser_ram_bytes(bench: Bench) -> int:
    """Return the RAM that the streaming parser takes over a whole image: the stack at its deepest, and variables."""
    image = sign_image(bytes(range(256)) * 16, key=test_key("figures"), version=3, entry_offset=0x170)
    trace = bench.run("header_parser", len(image), {bench.regions["message"].address: image})
    assert trace.uart == b"+", "the streaming parser did not accept a whole image"
    return trace.stack_bytes + bench.static_ram_bytes("header_parser")


@measure
def trusted_key_at_flash_start(bench: Bench) -> str:
    """Put a public key into the first 32 bytes of a device that works, and return how its boot ends."""
    flash = test_key("figures").public_key.raw + bench.flash("header_parser")[32:]
    return bench.boot(NonVolatile(flash)).end.name.lower().replace("_", " ")
