"""Modules as values: what is read is what was written, and each rule of SPEC "Module" refuses what breaks it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.image.keys import test_key as derive_key
from harness.image.module import Module, place_module, read_module, reseal_module, sign_module, verify_module
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader
from harness.image.verify import verify_image
from tests.image.modules import GOOD, HOST_VERSION, MALFORMED, MEMORY_BYTES, modules

KEY = derive_key("speck")
IMAGE = sign_module(GOOD, key=KEY, version=3, hardware_revision=9)


def verified(image: bytes, **changes: int) -> Module:
    """Verify a module on a board of revision 9 that has seen version 2."""
    arguments: dict[str, int] = {"hardware_revision": 9, "minimum_version": 3, "memory_bytes": MEMORY_BYTES, "host_version": HOST_VERSION, **changes}
    return verify_module(image, KEY.public_key, **arguments)


@given(module=modules())
def test_what_is_read_is_what_was_written(module: Module) -> None:
    """A payload gives back the module that it was made of."""
    assert read_module(module.to_payload(), module.entry, memory_bytes=MEMORY_BYTES, host_version=HOST_VERSION) == module


@given(module=modules(), address=st.integers(0, 2**29 - 512).map(lambda eighth: 8 * eighth))
def test_each_pointer_moves_with_the_module_and_nothing_else_changes(module: Module, address: int) -> None:
    """Placed at any address, the relocated words point where they pointed to; every other byte is that of the blob, or 0."""
    memory = place_module(module, address)
    assert len(memory) == module.memory_bytes
    assert memory[len(module.blob) :] == bytes(module.zero_bytes)
    for offset in range(0, len(module.blob), 4):
        ((before,), (after,)) = (struct.unpack_from("<I", data, offset) for data in (module.blob, memory))
        assert after == before + (address if offset in module.relocations else 0)


def test_a_good_module_is_verified() -> None:
    """Signed, for this board, new enough: the loader's judgement is the module."""
    assert verified(IMAGE) == GOOD
    assert SpkHeader.from_bytes(IMAGE).flags == Flags.SIGNED | Flags.MODULE == 17


@pytest.mark.parametrize(("payload", "entry"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_module_is_refused(payload: bytes, entry: int) -> None:
    """Each rule of the content refuses the module that breaks it, and gives the reason 15."""
    with pytest.raises(ImageRefused) as refused:
        read_module(payload, entry, memory_bytes=MEMORY_BYTES, host_version=HOST_VERSION)
    assert refused.value.reason is RefusalReason.MODULE


REFUSED = {
    "an application": (reseal_module(IMAGE, KEY, flags=Flags.SIGNED), {}, RefusalReason.FLAGS),
    "a patch": (reseal_module(IMAGE, KEY, flags=Flags.SIGNED | Flags.DELTA), {}, RefusalReason.FLAGS),
    "unsigned": (reseal_module(IMAGE, KEY, flags=Flags.MODULE), {}, RefusalReason.FLAGS),
    "an unknown flag": (reseal_module(IMAGE, KEY, flags=17 | 1 << 7), {}, RefusalReason.FLAGS),
    "an odd entry": (reseal_module(IMAGE, KEY, entry_offset=5), {}, RefusalReason.ENTRY),
    "an entry behind the code": (reseal_module(IMAGE, KEY, entry_offset=2**32 - 2), {}, RefusalReason.ENTRY),
    "too old": (IMAGE, {"minimum_version": 4}, RefusalReason.VERSION),
    "for another hardware revision": (IMAGE, {"hardware_revision": 8}, RefusalReason.HARDWARE),
    "another key": (reseal_module(IMAGE, derive_key("somebody else")), {}, RefusalReason.KEY),
    "a code byte changed, and the CRC": (IMAGE[:34] + b"\0\0\0\0" + IMAGE[38:-1] + b"\1", {}, RefusalReason.CRC),
    "truncated": (IMAGE[:-1], {}, RefusalReason.SIZE),
    "not for this application": (IMAGE, {"host_version": HOST_VERSION - 1}, RefusalReason.MODULE),
    "too large for the memory": (IMAGE, {"memory_bytes": GOOD.memory_bytes - 1}, RefusalReason.MODULE),
    "malformed inside": (reseal_module(IMAGE, KEY, IMAGE[HEADER_BYTES:] + bytes(4)), {}, RefusalReason.MODULE),
}


@pytest.mark.parametrize(("image", "changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_module_is_refused_for_its_own_reason(image: bytes, changes: dict[str, int], reason: RefusalReason) -> None:
    """Header first, in the order of SPEC section 1, then the signature, then the content."""
    with pytest.raises(ImageRefused) as refused:
        verified(image, **changes)
    assert refused.value.reason is reason


@given(offset=st.integers(0, len(IMAGE) - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_module_can_be_flipped(offset: int, bit: int) -> None:
    """Wherever a bit is flipped, the module is refused."""
    flipped = bytearray(IMAGE)
    flipped[offset] ^= 1 << bit
    with pytest.raises(ImageRefused):
        verified(bytes(flipped))


def test_a_module_is_no_application() -> None:
    """What the bootloader verifies applications with refuses a module for its flags."""
    with pytest.raises(ImageRefused) as refused:
        verify_image(IMAGE, KEY.public_key, hardware_revision=9)
    assert refused.value.reason is RefusalReason.FLAGS


WRONG = {
    "a version that no counter holds": (2**48, 0, "version"),
    "a negative version": (-1, 0, "version"),
    "a hardware revision that is too large": (1, 2**32, "hardware revision"),
}


@pytest.mark.parametrize(("version", "hardware_revision", "field"), WRONG.values(), ids=WRONG)
def test_a_value_out_of_range_is_not_signed(version: int, hardware_revision: int, field: str) -> None:
    """The error names the field."""
    with pytest.raises(InputError, match=field):
        sign_module(GOOD, key=KEY, version=version, hardware_revision=hardware_revision)


def test_what_no_loader_takes_is_not_signed() -> None:
    """A malformed module is refused before the key is used."""
    with pytest.raises(InputError, match="no loader takes it"):
        sign_module(Module(b"\0" * 4, entry=4), key=KEY, version=1)
