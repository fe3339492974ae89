"""Forged and malformed images, by name: each with the one reason for which the bootloader must refuse it (SPEC, "Hostile images")."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.image.forgery import Workshop
from harness.image.hostile_header import (
    GREATEST_U32,
    HostileImage,
    bindings,
    flipped,
    forms,
    keys,
    made,
    sealed,
    signatures,
    sizes,
    slots,
    truncated,
)
from harness.image.refusal import RefusalReason as Reason
from harness.image.spk import HEADER_BYTES, SIGNED, VECTOR_TABLE_ALIGNMENT_BYTES, VECTOR_TABLE_HEAD_BYTES

_BEHIND = {"magic": Reason.FORMAT, "format": Reason.FLAGS, "total": Reason.FLAGS, "code-size": Reason.FLAGS, "entry": Reason.FLAGS}
ROLLBACK = "version-replayed"
"""The image in the table that is the installed one, as it was signed."""


def hostile_images() -> tuple[HostileImage, ...]:
    """Return the table, in the order of the checks."""
    whole = truncated(_BEHIND, Reason.ENTRY, pages=(1, 2, 4))  # without its code the image has an erased vector table
    return (*slots(), *forms(SIGNED), *sizes(), *_entries(), *bindings(), *_replays(), *keys(), *signatures(), *_patchworks(), *whole, *flipped(_behind_table))


def _behind_table(shop: Workshop) -> int:
    return HEADER_BYTES + shop.header.entry_offset + VECTOR_TABLE_HEAD_BYTES


def _entries() -> Iterator[HostileImage]:
    for name, entry in (
        ("first-byte", 0),
        ("unaligned-by-word", 0x174),
        ("greatest", GREATEST_U32),
        ("wraps", GREATEST_U32 - 7),
        ("wraps-to-code", 2**32 - HEADER_BYTES),
    ):
        yield sealed(f"entry-{name}", f"properly signed, entry offset {entry:#x}", Reason.ENTRY, entry_offset=entry)
    yield made("entry-at-end", "the vector table begins where the code ends", Reason.ENTRY, lambda s: s.sealed(entry_offset=s.header.code_bytes))
    for name, distance in (("half-way", VECTOR_TABLE_ALIGNMENT_BYTES // 2), ("by-eight", VECTOR_TABLE_HEAD_BYTES)):
        title = "properly signed, the whole vector table is off its boundary"
        yield made(f"entry-off-{name}", title, Reason.ENTRY, lambda s, d=distance: _moved_table(s, d))
    yield made("entry-overhangs", "the vector table's last bytes lie behind the code", Reason.ENTRY, lambda s: _overhanging(s))
    for size in (1, VECTOR_TABLE_HEAD_BYTES - 1):
        yield made(f"code-of-{size}", "the code is too short for a vector table", Reason.ENTRY, lambda s, n=size: s.sealed(s.good.code[:n]))
    stacks: tuple[tuple[str, Callable[[Workshop], int]], ...] = (
        ("zero", lambda _: 0),
        ("erased", lambda _: GREATEST_U32),
        ("at-ram-start", lambda s: s.placement.ram_address),
        ("past-ram", lambda s: s.ram_end + 8),
        ("in-flash", lambda s: s.placement.address),
        ("unaligned", lambda s: s.ram_end - 4),
    )
    for name, stack in stacks:
        yield made(f"stack-{name}", "properly signed, the initial stack pointer can't be used", Reason.ENTRY, lambda s, f=stack: s.with_vectors(stack=f(s)))
    resets: tuple[tuple[str, Callable[[Workshop], int]], ...] = (
        ("even", lambda s: s.code_address + s.header.entry_offset + 8),
        ("in-header", lambda s: s.code_address - 1),
        ("behind-code", lambda s: s.code_address + s.header.code_bytes | 1),
        ("in-ram", lambda s: s.placement.ram_address | 1),
        ("zero", lambda _: 0),
    )
    for name, reset in resets:
        yield made(f"reset-{name}", "properly signed, the reset vector leaves the code", Reason.ENTRY, lambda s, f=reset: s.with_vectors(reset=f(s)))
    yield made("nested", "a whole good image as the code of another", Reason.ENTRY, lambda s: s.sealed(s.good.to_bytes()))


def _overhanging(shop: Workshop) -> bytes:
    entry = shop.header.entry_offset
    return shop.sealed(shop.good.code[: entry + VECTOR_TABLE_HEAD_BYTES - 1])


def _replays() -> Iterator[HostileImage]:
    yield made(ROLLBACK, "the installed image itself, staged once more", Reason.VERSION, lambda s: s.installed.to_bytes())


def _patchworks() -> Iterator[HostileImage]:
    """Yield parts of two good images put together."""
    yield made("version-raised", "the installed image with its version raised after signing", Reason.SIGNATURE, lambda s: _raised(s))
    title = "the installed image's code under the good header, the CRC made right"
    yield made("code-of-installed", title, Reason.SIGNATURE, lambda s: s.altered(s.installed.code))
    yield made("entry-moved", "a second vector table was planted after signing", Reason.SIGNATURE, lambda s: _second_table(s))


def _raised(shop: Workshop) -> bytes:
    header = shop.installed.header
    return shop.altered(shop.installed.code, version=shop.header.version, signature=header.signature, entry_offset=header.entry_offset)


def _second_table(shop: Workshop) -> bytes:
    return shop.altered(_code_with_table(shop, VECTOR_TABLE_ALIGNMENT_BYTES), entry_offset=shop.header.entry_offset + VECTOR_TABLE_ALIGNMENT_BYTES)


def _moved_table(shop: Workshop, distance: int) -> bytes:
    """The good vector table this far from where it is, with the entry offset that names it there."""
    return shop.sealed(_code_with_table(shop, distance), entry_offset=shop.header.entry_offset + distance)


def _code_with_table(shop: Workshop, distance: int) -> bytes:
    entry = shop.header.entry_offset
    return shop.code_with(entry + distance, shop.good.code[entry : entry + VECTOR_TABLE_HEAD_BYTES])
