"""Figures that a document's own words or a library settle: worked examples, key sizes."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from harness.figures.bench import Bench
from harness.figures.registry import measure

_ORIGINAL = b"The quick brown fox jumps over the lazy dog"
_PATCH: tuple[tuple[str, bytes | tuple[int, int]], ...] = (("INSERT", b"very "), ("COPY", (0, 35)), ("INSERT", b"cat"))


@measure
def worked_delta_example(_bench: Bench) -> str:
    """Apply the document's patch, operation by operation, to its original text."""
    made = b""
    for kind, operand in _PATCH:
        if kind == "INSERT":
            assert isinstance(operand, bytes)
            made += operand
        else:
            assert isinstance(operand, tuple)
            offset, length_bytes = operand
            made += _ORIGINAL[offset : offset + length_bytes]
    return made.decode()


@functools.cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


@measure
def rsa_pss_signature_bits(_bench: Bench, key_bits: int) -> int:
    """Return the size of an RSA-PSS signature that verifies."""
    key = _rsa_key(key_bits)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    signature = key.sign(b"firmware", pss, hashes.SHA256())
    key.public_key().verify(signature, b"firmware", pss, hashes.SHA256())
    return 8 * len(signature)


@measure
def p256_public_key_bytes(_bench: Bench) -> int:
    """Return the size of an uncompressed P-256 public key with its leading 0x04."""
    point = ec.derive_private_key(1, ec.SECP256R1()).public_key()
    return len(point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))
