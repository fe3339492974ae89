"""Images that are wrong on purpose, made from good ones."""

from __future__ import annotations

import dataclasses
import zlib

from harness.image.spk import SpkImage, parse_image


def alter_code(image: bytes) -> bytes:
    """Return the image with its last code byte changed and the CRC made right again: only the signature tells."""
    parsed = parse_image(image, "the image")
    code = _with_last_byte_flipped(parsed.code, 0xFF)
    return SpkImage(dataclasses.replace(parsed.header, code_crc32=zlib.crc32(code)), code).to_bytes()


def corrupt_code(image: bytes) -> bytes:
    """Return the image with one bit of its last code byte flipped and nothing else touched: the CRC tells, and the signature."""
    parsed = parse_image(image, "the image")
    return SpkImage(parsed.header, _with_last_byte_flipped(parsed.code, 0x01)).to_bytes()


def _with_last_byte_flipped(code: bytes, mask: int) -> bytes:
    return code[:-1] + bytes([code[-1] ^ mask])
