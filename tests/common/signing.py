"""Tokens with any contents under a good signature; libraries refuse to make some of them."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.common.keys import PrivateKey, algorithm, public_jwk, publish, read_private, write_private
from libs.common.settings import Identity
from libs.common.tokens import TokenVerifier
from tests.support.services import Keys

ALGORITHMS = ("EdDSA", "RS256")
MINUTE = timedelta(minutes=1)
TTL_MAX = 15 * MINUTE

Claims = dict[str, Any]


def new_key(kind: str, *, bits: int = 2048) -> PrivateKey:
    """A private key for an algorithm."""
    return Ed25519PrivateKey.generate() if kind == "EdDSA" else generate_private_key(65537, bits)


def keys_in(folder: Path, kind: str) -> Keys:
    """A signing key for an algorithm, and its key set."""
    keys, key = Keys(folder / "signing.pem", folder / "keys.json"), new_key(kind)
    write_private(keys.key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    publish(keys.key_set_file, [key])
    return keys


async def verifier_of(keys: Keys, *, now: Any = time.time, **settings: Any) -> TokenVerifier:
    """A verifier that has read its keys."""
    defaults: dict[str, Any] = {
        "development": True,
        "key_set_file": keys.key_set_file,
        "token_ttl_max": TTL_MAX,
    }
    verifier = TokenVerifier(Identity(**(defaults | settings)), now=now)
    await verifier.load()
    return verifier


def claims(**changes: object) -> Claims:
    """Good claims, but for some; None leaves one out."""
    issued = int(datetime.now(UTC).timestamp())
    good: Claims = {
        "iss": "laurel",
        "aud": "laurel",
        "sub": "ann",
        "kind": "staff",
        "program_id": "music_store",
        "roles": ["analyst"],
        "stores": [],
        "sharing_groups": [],
        "iat": issued,
        "exp": issued + 600,
        "jti": "tok_1",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(keys: Keys, content: Claims | bytes, *, key: PrivateKey | None = None, **header: object) -> str:
    """A token of these claims, or of bytes that are none."""
    private = key or read_private(keys.key_file)
    headers = {"alg": algorithm(private), "typ": "JWT", "kid": key_id(keys), **header}
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return sealed(json.dumps(headers).encode(), payload, private)


def sealed(header: bytes, payload: bytes, private: PrivateKey) -> str:
    """Any header and any payload, signed."""
    message = f"{part(header)}.{part(payload)}"
    if isinstance(private, Ed25519PrivateKey):
        return f"{message}.{part(private.sign(message.encode()))}"
    return f"{message}.{part(private.sign(message.encode(), PKCS1v15(), SHA256()))}"


def part(value: bytes) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def key_id(keys: Keys) -> str:
    """The id of the signing key."""
    return str(public_jwk(read_private(keys.key_file))["kid"])
