"""The host refuses what the bootloader refuses, for the same reason, in the same order."""

from __future__ import annotations

import dataclasses
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.image.keys import PublicKey
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags
from harness.image.verify import Placement, verify_image
from tests.image.samples import (
    CODE_ADDRESS,
    FOREIGN_KEY,
    KEY,
    PLACEMENT,
    header_of,
    make_altered,
    make_code,
    make_image,
    make_sealed,
)

REASON = RefusalReason


def check(image: bytes, *, key: PublicKey = KEY.public_key, minimum_version: int = 7, placement: Placement = PLACEMENT) -> None:
    """Verify as a board of hardware revision 3 does."""
    verify_image(image, key, hardware_revision=3, minimum_version=minimum_version, placement=placement)


def with_code(code: bytes) -> bytes:
    """Return the good header over other code, everything made right again."""
    return make_image(code)


ACCEPTED = {
    "the good image": make_image(),
    "an image for any hardware": make_image(hardware_revision=0),
    "an image of a greater version": make_image(version=2**64 - 1),
    "a stack that starts at the end of the RAM": with_code(make_code(stack=0x20005000)),
    "a stack that starts just above the RAM's first bytes": with_code(make_code(stack=0x20000008)),
    "a reset vector at the first byte of the code": with_code(make_code(reset=CODE_ADDRESS + 1)),
    "a reset vector at the last half-word of the code": with_code(make_code(reset=CODE_ADDRESS + 511)),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_good_images_are_accepted(case: str) -> None:
    """What keeps every rule passes."""
    check(ACCEPTED[case])


REFUSED = {
    "no bytes": (b"", REASON.MAGIC),
    "erased flash": (b"\xff" * 1024, REASON.MAGIC),
    "the magic of an older format": (make_sealed(magic=b"SPK\x01"), REASON.MAGIC),
    "format 1": (make_sealed(format_version=1), REASON.FORMAT),
    "format 3": (make_sealed(format_version=3), REASON.FORMAT),
    "no flag at all": (make_sealed(flags=0), REASON.FLAGS),
    "compressed and signed": (make_sealed(flags=Flags.SIGNED | Flags.COMPRESSED), REASON.FLAGS),
    "an unknown flag": (make_sealed(flags=Flags.SIGNED | 0x80000000), REASON.FLAGS),
    "half of a header": (make_image()[:100], REASON.SIZE),
    "a total size without the header": (make_sealed(total_bytes=512), REASON.SIZE),
    "a total size that wraps round": (make_sealed(code_bytes=2**32 - HEADER_BYTES, total_bytes=0), REASON.SIZE),
    "a code size of 0": (make_sealed(b"", code_bytes=0, total_bytes=HEADER_BYTES), REASON.SIZE),
    "fewer bytes than the header says": (make_image()[:-1], REASON.SIZE),
    "more bytes than the header says": (make_image() + b"\xff", REASON.SIZE),
    "an entry offset beyond the code": (make_sealed(entry_offset=0x270), REASON.ENTRY),
    "an entry offset that overflows": (make_sealed(entry_offset=2**32 - 8), REASON.ENTRY),
    "an entry offset off its boundary": (make_sealed(entry_offset=0x74), REASON.ENTRY),
    "a stack at the RAM's first byte": (with_code(make_code(stack=0x20000000)), REASON.ENTRY),
    "a stack beyond the RAM": (with_code(make_code(stack=0x20005008)), REASON.ENTRY),
    "a stack that is not aligned": (with_code(make_code(stack=0x20004FFC)), REASON.ENTRY),
    "an even reset vector": (with_code(make_code(reset=CODE_ADDRESS + 0x100)), REASON.ENTRY),
    "a reset vector in the header": (with_code(make_code(reset=CODE_ADDRESS - 1)), REASON.ENTRY),
    "a reset vector behind the code": (with_code(make_code(reset=CODE_ADDRESS + 513)), REASON.ENTRY),
    "a reserved byte that is not 0": (make_sealed(reserved=bytes(9) + b"\1"), REASON.RESERVED),
    "another hardware revision": (make_sealed(hardware_revision=4), REASON.HARDWARE),
    "an older version": (make_sealed(version=6), REASON.VERSION),
    "a wrong CRC under a right signature": (make_sealed(code_crc32=0), REASON.CRC),
    "a foreign key that signed properly": (make_image(key=FOREIGN_KEY), REASON.KEY),
    "the trusted key named over a foreign signature": (
        make_altered(signature=header_of(make_image(key=FOREIGN_KEY)).signature),
        REASON.SIGNATURE,
    ),
    "a version raised after signing": (make_altered(version=8), REASON.SIGNATURE),
    "a hardware lock removed after signing": (make_altered(hardware_revision=0), REASON.SIGNATURE),
    "a signature of zeros": (make_altered(signature=bytes(64)), REASON.SIGNATURE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_images_are_refused_for_their_reason(case: str) -> None:
    """Each defect gives the reason that SPEC section 1 has for it."""
    image, reason = REFUSED[case]

    with pytest.raises(ImageRefused) as caught:
        check(image)

    assert caught.value.reason is reason
    assert f"{reason.name.lower()} ({reason.value})" in str(caught.value)


def test_every_reason_occurs() -> None:
    """No check of an image is without a case; those of patches and modules have theirs elsewhere."""
    assert {reason for _, reason in REFUSED.values()} == {reason for reason in RefusalReason if reason <= REASON.SIGNATURE}


def test_an_image_larger_than_its_region_is_refused() -> None:
    """One byte less of region than image is too small; exactly its size will do."""
    size = len(make_image())
    check(make_image(), placement=dataclasses.replace(PLACEMENT, capacity_bytes=size))

    with pytest.raises(ImageRefused) as caught:
        check(make_image(), placement=dataclasses.replace(PLACEMENT, capacity_bytes=size - 1))

    assert caught.value.reason is REASON.SIZE


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_device_without_a_key_trusts_nothing(byte: int) -> None:
    """An identity page that was never written, or wiped, does not make its pattern a key."""
    unset = PublicKey(bytes([byte]) * 32)

    with pytest.raises(ImageRefused) as caught:
        check(make_altered(public_key=unset.raw), key=unset)

    assert caught.value.reason is REASON.KEY


def test_the_first_failing_check_is_told() -> None:
    """With everything wrong, each repair uncovers the next reason, in the order of the numbers."""
    repairs = [
        ("magic", b"SPK\x00", REASON.MAGIC),
        ("format_version", 9, REASON.FORMAT),
        ("flags", 0, REASON.FLAGS),
        ("total_bytes", 1, REASON.SIZE),
        ("entry_offset", 0x74, REASON.ENTRY),
        ("reserved", b"\1" * 10, REASON.RESERVED),
        ("hardware_revision", 9, REASON.HARDWARE),
        ("version", 1, REASON.VERSION),
        ("code_crc32", 0, REASON.CRC),
        ("public_key", FOREIGN_KEY.public_key.raw, REASON.KEY),
        ("signature", bytes(64), REASON.SIGNATURE),
    ]

    for place, (_, _, reason) in enumerate(repairs):
        with pytest.raises(ImageRefused) as caught:
            check(make_altered(**{field: value for field, value, _ in repairs[place:]}))
        assert caught.value.reason is reason


def test_each_flipped_code_bit_is_refused() -> None:
    """All bits of the code: the CRC tells every one, whatever the signature would say."""
    good = make_image()
    for place in range(HEADER_BYTES, len(good)):
        for bit in range(8):
            image = bytearray(good)
            image[place] ^= 1 << bit
            with pytest.raises(ImageRefused) as caught:
                check(bytes(image))
            # The vector table's bits are judged before the CRC.
            assert caught.value.reason in (REASON.CRC, REASON.ENTRY)


def test_each_flipped_header_bit_is_refused_for_its_field() -> None:
    """All 1152 header bits, each with the reason of the field that it is in, or of the signature that covers it."""
    good = make_image()
    # A hardware revision that becomes 0 (any board) or a greater version is plausible: then only the signature tells.
    allowed = (
        (range(4), {REASON.MAGIC}),
        (range(4, 6), {REASON.FORMAT}),
        (range(6, 14), {REASON.SIZE}),
        (range(14, 18), {REASON.ENTRY}),
        (range(18, 22), {REASON.FLAGS}),
        (range(22, 30), {REASON.VERSION, REASON.SIGNATURE}),
        (range(30, 34), {REASON.HARDWARE, REASON.SIGNATURE}),
        (range(34, 38), {REASON.CRC}),
        (range(38, 48), {REASON.RESERVED}),
        (range(48, 80), {REASON.KEY}),
        (range(80, 144), {REASON.SIGNATURE}),
    )
    for places, reasons in allowed:
        for place in places:
            for bit in range(8):
                image = bytearray(good)
                image[place] ^= 1 << bit
                with pytest.raises(ImageRefused) as caught:
                    check(bytes(image))
                assert caught.value.reason in reasons


@given(st.data())
def test_a_truncated_image_is_refused(data: st.DataObject) -> None:
    """A prefix of an image is never accepted."""
    image = make_image()

    with pytest.raises(ImageRefused):
        check(image[: data.draw(st.integers(0, len(image) - 1))])


def test_a_right_crc_does_not_stand_in_for_the_signature() -> None:
    """Other code with its own CRC is refused by the signature."""
    code = make_code()[:-1] + b"\0"

    with pytest.raises(ImageRefused) as caught:
        check(make_altered(code_crc32=zlib.crc32(code))[: -len(code)] + code)

    assert caught.value.reason is REASON.SIGNATURE


def test_without_placement_the_vector_table_is_not_read() -> None:
    """On the command line nobody knows the device: form is checked, addresses are not."""
    image = with_code(make_code(stack=1, reset=2))
    verify_image(image, KEY.public_key, hardware_revision=None)

    with pytest.raises(ImageRefused):
        check(image)
