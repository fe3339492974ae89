"""The `.spk` format: layout as SPEC section 1 has it, round trips, strict reading."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.image import defects
from harness.image.keys import PrivateKey
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER, HEADER_BYTES, SpkHeader, parse_image, show, sign_image
from harness.image.verify import image_in_region, verify_image
from tests.image.samples import KEY, make_altered, make_code, make_image, make_sealed
from tests.strategies import ENTRY_OFFSETS, SEEDS, U32, VERSIONS, codes

SPEC = Path(__file__).parents[2] / "docs" / "SPEC.md"

SPEC_FIELDS = {
    "magic": "magic",
    "format version": "format_version",
    "total size": "total_bytes",
    "code size": "code_bytes",
    "entry offset": "entry_offset",
    "flags": "flags",
    "monotonic version": "version",
    "hardware revision": "hardware_revision",
    "CRC-32 of the code": "code_crc32",
    "reserved": "reserved",
    "Ed25519 public key": "public_key",
    "Ed25519 signature": "signature",
}


def test_the_layout_is_the_specs_table() -> None:
    """Offset and size of every field equal the rows of SPEC section 1."""
    section = SPEC.read_text(encoding="utf-8").split("## 1.")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([^|]+) \|", section, re.MULTILINE)
    documented = {SPEC_FIELDS[name.strip()]: (int(offset), int(size)) for offset, size, name in rows}

    offset = 0
    for field in HEADER.subcons:
        assert documented.pop(field.name) == (offset, field.sizeof())
        offset += field.sizeof()
    assert documented == {}
    assert offset == HEADER_BYTES == 144


def test_the_reasons_are_the_specs_list() -> None:
    """Names and numbers of the refusals equal the lists in the SPEC: those of every image, then those of a patch and of a module."""
    text = SPEC.read_text(encoding="utf-8")
    of_images = re.search(r"Checks in order[^:]*: (.*)\.\n", text)
    further = " ".join(re.findall(r"Further reasons of a refusal: (.*?)\. ", text))

    assert of_images is not None
    listed = of_images[1].split(", ") + re.findall(r"\d+ [a-z_]+(?= \()", further)
    assert listed == [f"{reason.value} {reason.name.lower()}" for reason in RefusalReason]


@given(SEEDS, st.data(), VERSIONS, U32, ENTRY_OFFSETS)
def test_a_signed_image_reads_back_and_verifies(seed: bytes, data: st.DataObject, version: int, revision: int, entry_offset: int) -> None:
    """Whatever is signed is found again in header and code, and is accepted."""
    key = PrivateKey.from_seed(seed)
    code = data.draw(codes(entry_offset=entry_offset))

    raw = sign_image(code, key=key, version=version, entry_offset=entry_offset, hardware_revision=revision)
    image = parse_image(raw, "drawn")

    assert image.code == code
    assert image.to_bytes() == raw
    header = image.header
    assert (header.version, header.hardware_revision, header.entry_offset) == (version, revision, entry_offset)
    assert header.code_crc32 == zlib.crc32(code)
    verify_image(raw, key.public_key, hardware_revision=revision, minimum_version=version)


@given(st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES))
def test_any_144_bytes_are_a_header(content: bytes) -> None:
    """Header values and bytes are the same thing: no byte is lost, hostile ones included."""
    assert SpkHeader.from_bytes(content).to_bytes() == content


def test_the_signature_covers_header_and_code() -> None:
    """The last 64 header bytes sign the 80 before them, key included, and the code: checked without our own code."""
    image = make_image()
    key = ed25519.Ed25519PublicKey.from_public_bytes(image[48:80])

    key.verify(image[80:144], image[:80] + image[144:])
    with pytest.raises(InvalidSignature):
        key.verify(image[80:144], image[:48] + image[144:])


def test_signing_is_deterministic() -> None:
    """The same input gives the same bytes: replay ids rest on it."""
    assert make_image() == make_image()


REFUSED_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "an application without bytes": ({"code": b""}, "has no bytes"),
    "a negative version": ({"version": -1}, "version: -1 is out of range"),
    "a version of 65 bits": ({"version": 2**64}, "version: .* out of range"),
    "a negative hardware revision": ({"hardware_revision": -1}, "hardware revision: -1 is out of range"),
    "a hardware revision of 33 bits": ({"hardware_revision": 2**32}, "hardware revision: .* out of range"),
    "flags of 33 bits": ({"flags": 2**32}, "flags: .* out of range"),
    "a negative entry offset": ({"entry_offset": -144}, "entry offset: no vector table fits"),
    "an entry offset at the end": ({"entry_offset": 512}, "entry offset: no vector table fits"),
    "an entry offset whose table would end one byte late": ({"code": bytes(0x170 + 7)}, "entry offset: no vector table fits"),
    "an entry offset off its boundary": ({"entry_offset": 0x174}, "512-byte boundary"),
}


@pytest.mark.parametrize("case", REFUSED_INPUT)
def test_what_can_not_be_signed_is_told(case: str) -> None:
    """Values out of range are bad input, not a broken image."""
    options, message = REFUSED_INPUT[case]

    with pytest.raises(InputError, match=message):
        make_image(**options)


def test_the_least_code_is_signed() -> None:
    """A vector table that ends with the code is the limit, and fits."""
    assert parse_image(make_image(bytes(0x178)), "least").header.code_bytes == 0x178


@given(st.data())
def test_a_truncated_image_is_bad_input(data: st.DataObject) -> None:
    """An image cut anywhere is told to be truncated."""
    image = make_image()
    length = data.draw(st.integers(0, len(image) - 1) | st.sampled_from((0, 3, 4, 79, 80, 143, 144, 145, len(image) - 1)))

    with pytest.raises(InputError, match="is truncated"):
        parse_image(image[:length], "cut.spk")


NOT_PARSED = {
    "another magic": (make_altered(magic=b"SPK\x01"), "not an .spk image"),
    "another format": (make_altered(format_version=1), "format 1 is not known"),
    "trailing bytes": (make_image() + b"\0", "do not agree"),
    "a total size that is not header and code": (make_altered(total_bytes=512), "do not agree"),
    "no code": (make_sealed(b"", code_bytes=0, total_bytes=HEADER_BYTES), "do not agree"),
}


@pytest.mark.parametrize("case", NOT_PARSED)
def test_reading_is_strict(case: str) -> None:
    """What is not exactly an `.spk` file is bad input that names the file."""
    data, message = NOT_PARSED[case]

    with pytest.raises(InputError, match=message) as caught:
        parse_image(data, "odd.spk")

    assert caught.value.source == "odd.spk"


def test_show_says_what_the_header_says() -> None:
    """Plain values by name; a wrong CRC shows."""
    fields = show(parse_image(make_image(), "sample"))

    assert fields["version"] == 7
    assert fields["hardware_revision"] == 3
    assert fields["public_key"] == KEY.public_key.raw.hex()
    assert fields["code_crc32_matches"] is True
    assert show(parse_image(defects.corrupt_code(make_image()), "sample"))["code_crc32_matches"] is False


@given(st.binary(max_size=400))
def test_an_image_is_found_in_its_region(rest: bytes) -> None:
    """The bytes after an image in its flash region are not part of it."""
    found = image_in_region(make_image() + rest)

    assert found is not None
    assert found.to_bytes() == make_image()


NO_IMAGE = {
    "erased flash": b"\xff" * 1024,
    "flash of zeros": bytes(1024),
    "nothing": b"",
    "half of a header": make_image()[:100],
    "an image that is longer than the region": make_image()[:-1],
    "sizes that contradict each other": make_altered(total_bytes=100),
}


@pytest.mark.parametrize("case", NO_IMAGE)
def test_no_image_is_found_where_none_is(case: str) -> None:
    """A region without a whole image gives None, not an error."""
    assert image_in_region(NO_IMAGE[case]) is None


def test_only_the_signature_tells_altered_code() -> None:
    """Altered code has a right CRC; corrupt code has not."""
    for defect, reason in ((defects.alter_code, RefusalReason.SIGNATURE), (defects.corrupt_code, RefusalReason.CRC)):
        with pytest.raises(ImageRefused) as caught:
            verify_image(defect(make_image()), KEY.public_key, hardware_revision=3)
        assert caught.value.reason is reason
        assert len(defect(make_image())) == len(make_image())
    assert make_code()[-1] != parse_image(defects.alter_code(make_image()), "altered").code[-1]
