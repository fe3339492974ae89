"""The identity page (SPEC section 2): the trusted key and the hardware revision, written in production and never again."""

from __future__ import annotations

from dataclasses import dataclass

from construct import Bytes, Int32ul, Struct

from harness.image.keys import PUBLIC_KEY_BYTES, PublicKey

_LAYOUT = Struct(
    "public_key" / Bytes(PUBLIC_KEY_BYTES),
    "second_key" / Bytes(PUBLIC_KEY_BYTES),
    "hardware_revision" / Int32ul,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the identity page says."""

    public_key: PublicKey
    hardware_revision: int


def build_identity(identity: Identity, *, page_bytes: int = 1024) -> bytes:
    """Return the page that holds `identity`; the second key and the rest are erased.

    Raises:
        ValueError: the hardware revision does not fit in 32 bits.
    """
    if not 0 <= identity.hardware_revision < 2**32:
        raise ValueError(f"hardware revision {identity.hardware_revision} does not fit in 32 bits")
    second_key = b"\xff" * PUBLIC_KEY_BYTES
    head = _LAYOUT.build({"public_key": identity.public_key.raw, "second_key": second_key, "hardware_revision": identity.hardware_revision})
    return bytes(head).ljust(page_bytes, b"\xff")


def read_identity(page: bytes) -> Identity:
    """Return what an identity page holds."""
    fields = _LAYOUT.parse(page)
    return Identity(PublicKey(fields.public_key), fields.hardware_revision)
