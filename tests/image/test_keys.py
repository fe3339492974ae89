"""Keys: RFC 8032 by independent vectors, files that only their owner reads, clear words for wrong files."""

from __future__ import annotations

import os
import pickle
import stat
from typing import TYPE_CHECKING

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given

from harness.errors import InputError
from harness.image import keys
from harness.image.keys import PrivateKey, PublicKey
from tests.strategies import SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PLAIN = serialization.NoEncryption()


def rfc_vectors() -> list[tuple[bytes, bytes, bytes, bytes]]:
    """Return seed, public key, message and signature of each line of the Ed25519 authors' `sign.input`."""
    with cryptography_vectors.open_vector_file("asymmetric/Ed25519/sign.input", "rb") as file:
        rows = [[bytes.fromhex(field) for field in line.decode("ascii").split(":")[:4]] for line in file]
    return [(row[0][:32], row[1], row[2], row[3][:64]) for row in rows]


def test_vectors_of_the_ed25519_authors_hold() -> None:
    """Key derivation, signing and verifying agree with all 1024 vectors, and each signature fails over another message."""
    vectors = rfc_vectors()

    for seed, public, message, signature in vectors:
        key = PrivateKey.from_seed(seed)
        assert key.public_key == PublicKey(public)
        assert key.sign(message) == signature
        assert PublicKey(public).verifies(signature, message)
        assert not PublicKey(public).verifies(signature, message + b"\0")
    assert len(vectors) == 1024


def test_a_signature_is_not_malleable() -> None:
    """S + L is the same number modulo the group order, and is refused (RFC 8032 section 5.1.7)."""
    order = 2**252 + 27742317777372353535851937790883648493
    key = keys.test_key("malleable")
    signature = key.sign(b"message")
    other = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")

    assert key.public_key.verifies(signature, b"message")
    assert not key.public_key.verifies(other, b"message")


@given(SEEDS)
def test_the_text_of_a_private_key_hides_it(seed: bytes) -> None:
    """Neither `repr` nor `str` nor a format shows the seed."""
    key = PrivateKey.from_seed(seed)

    for text in (repr(key), str(key), f"{key}"):
        assert seed.hex() not in text
        assert str(seed) not in text
        assert key.public_key.fingerprint in text


def test_a_private_key_is_not_pickled() -> None:
    """Sending it to another process by accident fails."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(keys.test_key("pickled"))


def test_test_keys_are_the_same_everywhere() -> None:
    """The key of a label is SHA-256 of the documented text: pinned, because replay ids rest on it."""
    assert keys.test_key("trusted").public_key.raw.hex() == "45f8db596d460a16bc5d09884342b379294ee343d547b5ed8013397e5358aa0c"
    assert keys.test_key("trusted").public_key != keys.test_key("foreign").public_key


def test_generated_keys_differ() -> None:
    """Two new keys are not the same."""
    assert PrivateKey.generate().public_key != PrivateKey.generate().public_key


def test_keys_survive_their_files(tmp_path: Path) -> None:
    """What is written is read back: the private key, the public one in both of its forms."""
    key = PrivateKey.generate()
    keys.write_private_key(tmp_path / "a.key", key)
    keys.write_public_key(tmp_path / "a.pub", key.public_key)
    (tmp_path / "a.raw").write_bytes(key.public_key.raw)

    assert keys.read_private_key(tmp_path / "a.key").sign(b"m") == key.sign(b"m")
    assert keys.read_public_key(tmp_path / "a.pub") == key.public_key
    assert keys.read_public_key(tmp_path / "a.raw") == key.public_key


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_reads_a_private_key(umask: int, tmp_path: Path) -> None:
    """The mode is 0600 whatever the umask; the public key's follows the umask."""
    before = os.umask(umask)
    try:
        keys.write_private_key(tmp_path / "a.key", keys.test_key("mode"))
        keys.write_public_key(tmp_path / "a.pub", keys.test_key("mode").public_key)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a.pub").stat().st_mode) == 0o666 & ~umask
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key", "a.pub"]


def test_a_key_file_is_never_overwritten_silently(tmp_path: Path) -> None:
    """A second write is refused and changes nothing; with `overwrite` it replaces, mode included."""
    path = tmp_path / "a.key"
    path.write_text("precious", encoding="utf-8")
    path.chmod(0o644)

    with pytest.raises(InputError, match="exists already"):
        keys.write_private_key(path, keys.test_key("second"))
    assert path.read_text(encoding="utf-8") == "precious"

    keys.write_private_key(path, keys.test_key("second"), overwrite=True)
    assert keys.read_private_key(path).public_key == keys.test_key("second").public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def private_pem(key: ed448.Ed448PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key of another type as an unencrypted PEM file holds it."""
    return key.private_bytes(PEM, PKCS8, PLAIN)


WRONG_PRIVATE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a public key": (
        lambda: ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(PEM, SPKI),
        "is a public key",
    ),
    "an encrypted key": (
        lambda: ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"secret")),
        "is encrypted",
    ),
    "an Ed448 key": (lambda: private_pem(ed448.Ed448PrivateKey.generate()), r"another type \(Ed448\)"),
    "an RSA key": (lambda: private_pem(rsa.generate_private_key(65537, 2048)), r"another type \(RSA\)"),
    "a P-256 key": (lambda: private_pem(ec.generate_private_key(ec.SECP256R1())), r"another type \(EC|EllipticCurve\)"),
    "an OpenSSH key": (
        lambda: ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, serialization.PrivateFormat.OpenSSH, PLAIN),
        "is an OpenSSH private key",
    ),
    "the 32 bytes of a seed": (lambda: bytes(range(32)), "is not a private key in PEM form"),
    "an empty file": (lambda: b"", "is not a private key in PEM form"),
    "a PEM frame around nothing": (
        lambda: b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "is not a private key in PEM form",
    ),
}

WRONG_PUBLIC: dict[str, tuple[Callable[[], bytes], str]] = {
    "a private key": (lambda: keys.test_key("leak").pem(), "is a private key"),
    "an RSA key": (lambda: rsa.generate_private_key(65537, 2048).public_key().public_bytes(PEM, SPKI), r"another type \(RSA\)"),
    "31 bytes": (lambda: bytes(31), "nor 32 bytes"),
    "33 bytes": (lambda: bytes(33), "nor 32 bytes"),
    "an empty file": (lambda: b"", "nor 32 bytes"),
    "a PEM frame around nothing": (lambda: b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "nor 32 bytes"),
}


@pytest.mark.parametrize("case", WRONG_PRIVATE)
def test_wrong_private_key_files_are_told(case: str, tmp_path: Path) -> None:
    """What is not an unencrypted Ed25519 private key is refused in words that say what it is."""
    content, message = WRONG_PRIVATE[case]
    path = tmp_path / "wrong.key"
    path.write_bytes(content())

    with pytest.raises(InputError, match=message) as caught:
        keys.read_private_key(path)

    assert caught.value.source == str(path)


@pytest.mark.parametrize("case", WRONG_PUBLIC)
def test_wrong_public_key_files_are_told(case: str, tmp_path: Path) -> None:
    """What is not an Ed25519 public key is refused in words that say what it is."""
    content, message = WRONG_PUBLIC[case]
    path = tmp_path / "wrong.pub"
    path.write_bytes(content())

    with pytest.raises(InputError, match=message) as caught:
        keys.read_public_key(path)

    assert caught.value.source == str(path)


@pytest.mark.parametrize("read", [keys.read_private_key, keys.read_public_key])
def test_a_missing_key_file_is_told(read: Callable[[Path], object], tmp_path: Path) -> None:
    """A path without a file is bad input."""
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none")
