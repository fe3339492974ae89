"""Image format, keys and metadata pages: bytes in, bytes out."""

from harness.image.identity import Identity, build_identity, read_identity
from harness.image.keys import PrivateKey, PublicKey, read_private_key, read_public_key, write_private_key, write_public_key
from harness.image.metadata import (
    JournalKind,
    JournalState,
    counter_place,
    delivery_metadata,
    fill_counter_page,
    fill_journal_page,
    mark_pending,
    read_counter,
    read_journal,
)
from harness.image.refusal import ImageRefused, RefusalReason
from harness.image.spk import HEADER_BYTES, Flags, SpkHeader, SpkImage, parse_image, seal, show, sign_image
from harness.image.verify import Placement, image_in_region, verify_image

__all__ = [
    "HEADER_BYTES",
    "Flags",
    "Identity",
    "ImageRefused",
    "JournalKind",
    "JournalState",
    "Placement",
    "PrivateKey",
    "PublicKey",
    "RefusalReason",
    "SpkHeader",
    "SpkImage",
    "build_identity",
    "counter_place",
    "delivery_metadata",
    "fill_counter_page",
    "fill_journal_page",
    "image_in_region",
    "mark_pending",
    "parse_image",
    "read_counter",
    "read_identity",
    "read_journal",
    "read_private_key",
    "read_public_key",
    "seal",
    "show",
    "sign_image",
    "verify_image",
    "write_private_key",
    "write_public_key",
]
