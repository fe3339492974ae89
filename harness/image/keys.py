"""Ed25519 keys: made, written, read. Private bytes are never printed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness.errors import InputError
from harness.output_file import write_output

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64

_NEW_PAIR = "Make a pair with `harness image keygen`."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half: the 32 bytes that an image and the identity page hold."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_KEY_BYTES:
            raise ValueError(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, not {len(self.raw)}")

    @property
    def fingerprint(self) -> str:
        """The first 16 hex digits of the key's SHA-256, to tell keys apart by eye."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def is_unset(self) -> bool:
        """Whether all bytes are equal: an identity page that was never written, or wiped."""
        return len(set(self.raw)) == 1

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether `signature` is this key's over `message`, as RFC 8032 section 5.1.7 has it.

        The check is OpenSSL's: S must be below the group order, and the equation is the one without cofactor. Monocypher's, in the
        bootloader, also bounds S, but has the cofactor and accepts other encodings of the same R. The two differ only for signatures
        made on purpose with points of small order, which takes the private key, or a trusted key that is itself such a point: no
        signature of a stranger passes either.
        """
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class PrivateKey:
    """The private half. Its text form shows the public fingerprint only."""

    __slots__ = ("_key",)

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> PrivateKey:
        """Return a new key from the system's random source."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """Return the key of a 32-byte seed (RFC 8032 section 5.1.5)."""
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message` (RFC 8032 section 5.1.6)."""
        return self._key.sign(message)

    def pem(self) -> bytes:
        """Return the key as unencrypted PKCS #8 PEM, for a file that only its owner reads."""
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def __repr__(self) -> str:
        return f"PrivateKey(public fingerprint {self.public_key.fingerprint})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled: it would end up in files and pipes that are not protected")


def test_key(label: str) -> PrivateKey:
    """Return the test-only key called `label`, the same on every machine.

    Anyone can compute it, so nothing real may trust it. Bundled scenarios sign with it, because their images must be the same bytes
    everywhere for a replay id to mean the same run.
    """
    return PrivateKey.from_seed(hashlib.sha256(f"boot-harness test key: {label}".encode()).digest())


def write_private_key(path: Path, key: PrivateKey, *, overwrite: bool = False) -> None:
    """Write a private key as PKCS #8 PEM with mode 0600.

    Raises:
        InputError: the file exists and `overwrite` is false, or it can't be written.
    """
    write_output(path, key.pem(), private=True, overwrite=overwrite)


def write_public_key(path: Path, key: PublicKey, *, overwrite: bool = False) -> None:
    """Write a public key as SubjectPublicKeyInfo PEM.

    Raises:
        InputError: the file exists and `overwrite` is false, or it can't be written.
    """
    public = ed25519.Ed25519PublicKey.from_public_bytes(key.raw)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_output(path, pem, overwrite=overwrite)


def read_private_key(path: Path) -> PrivateKey:
    """Read an unencrypted Ed25519 private key, PKCS #8 PEM.

    Raises:
        InputError: the file can't be read or holds something else; says what.
    """
    data = _read(path)
    if b"PUBLIC KEY-----" in data:
        raise InputError("is a public key", source=str(path), remedy="Give the private key: the other file that keygen wrote.")
    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        raise InputError("is an OpenSSH private key", source=str(path), remedy=f"Only PKCS #8 PEM is read. {_NEW_PAIR}")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError as error:  # what `cryptography` raises for a missing password
        raise InputError("is encrypted", source=str(path), remedy="Decrypt it first: openssl pkey -in FILE -out PLAIN.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError("is not a private key in PEM form", source=str(path), remedy=_NEW_PAIR) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _wrong_type(path, key)
    return PrivateKey(key)


def read_public_key(path: Path) -> PublicKey:
    """Read an Ed25519 public key: SubjectPublicKeyInfo PEM, or its 32 bytes as they are.

    Raises:
        InputError: the file can't be read or holds something else; says what.
    """
    data = _read(path)
    if b"PRIVATE KEY-----" in data:
        raise InputError("is a private key", source=str(path), remedy="Give the public key, and keep this file to yourself.")
    try:
        if len(data) == PUBLIC_KEY_BYTES:
            return PublicKey(ed25519.Ed25519PublicKey.from_public_bytes(data).public_bytes_raw())
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError("is not a public key in PEM form, nor 32 bytes", source=str(path), remedy=_NEW_PAIR) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise _wrong_type(path, key)
    return PublicKey(key.public_bytes_raw())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Give the path of a readable key file.") from error


def _wrong_type(path: Path, key: object) -> InputError:
    kind = type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey").lstrip("_")
    return InputError(f"is a key of another type ({kind})", source=str(path), remedy=f"Only Ed25519 is used. {_NEW_PAIR}")
