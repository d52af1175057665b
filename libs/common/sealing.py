"""Sealing: small secrets kept encrypted, by the newest of some keys and read by any of them."""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.keys import write_private
from libs.common.settings import ConfigurationError

KEY_BYTES = 32
KEYS_MAX = 10
_VERSION = b"\x01"
_ID_BYTES, _NONCE_BYTES = 8, 12
_SEALED_FROM = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


class SealBroken(Exception):
    """What is sealed cannot be read: by none of the keys, or it is not what was sealed for this."""


def make_sealing_key(key_file: Path) -> None:
    """Make a file with one key, readable by its owner only; one that is there stays."""
    if key_file.exists():
        return
    fresh = key_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    write_private(fresh, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    fresh.replace(key_file)


class Sealing:
    """Seals with the first of its keys, and opens what any of them has sealed (AES-256-GCM)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._newest = _id_of(keys[0])
        self._keys = {_id_of(key): AESGCM(key) for key in keys}

    @classmethod
    def of_file(cls, key_file: Path) -> "Sealing":
        """The keys of a file, one a line in base64, the newest first; or ConfigurationError."""
        try:
            lines = key_file.read_text(encoding="ascii").split()
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except (OSError, UnicodeDecodeError, binascii.Error) as error:
            raise ConfigurationError(
                f"{key_file} holds no sealing keys, one a line in base64: {type(error).__name__}"
            ) from error
        if not 0 < len(keys) <= KEYS_MAX or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigurationError(
                f"{key_file} must hold 1 to {KEYS_MAX} keys of {KEY_BYTES} bytes, one a line in base64"
            )
        return cls(keys)

    def seal(self, secret: bytes, about: str) -> bytes:
        """The secret, sealed; it opens for nothing else than what it is `about`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._newest].encrypt(nonce, secret, about.encode())
        return _VERSION + self._newest + nonce + sealed

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed for this, or SealBroken."""
        key = self._keys.get(_key_id(sealed))
        if key is None or not sealed.startswith(_VERSION):
            raise SealBroken(f"sealed by key {_key_id(sealed).hex()}, which the key file does not hold")
        nonce = sealed[_SEALED_FROM - _NONCE_BYTES : _SEALED_FROM]
        try:
            return key.decrypt(nonce, sealed[_SEALED_FROM:], about.encode())
        except InvalidTag as error:
            raise SealBroken("not what was sealed for this") from error

    def by_newest(self, sealed: bytes) -> bool:
        """Whether this was sealed by the key that seals now."""
        return _key_id(sealed) == self._newest


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"laurel sealing key\0" + key).digest()[:_ID_BYTES]


def _key_id(sealed: bytes) -> bytes:
    return sealed[len(_VERSION) : len(_VERSION) + _ID_BYTES]
