"""Keys of tokens: private ones, which sign, in files; public ones, which verify, in key sets (RFC 7517)."""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192
# Type, curve and algorithm: a key says itself what it is for, and no token can say otherwise.
OURS = (
    ("OKP", "Ed25519", "EdDSA"),
    ("OKP", "Ed25519", None),
    ("RSA", None, "RS256"),
    ("RSA", None, None),
)

PrivateKey = Ed25519PrivateKey | RSAPrivateKey
KeySet = dict[str, jwt.PyJWK]


def make_key(key_file: Path, key_set_file: Path) -> None:
    """Make a signing key, readable by its owner only, and the key set that verifies it."""
    publish(key_set_file, [new_private(key_file)])


def new_private(key_file: Path) -> Ed25519PrivateKey:
    """Make a signing key, readable by its owner only."""
    key = Ed25519PrivateKey.generate()
    write_private(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def write_private(file: Path, content: bytes) -> None:
    """Write what nobody but its owner may read; what is there already is never overwritten."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)


def publish(key_set_file: Path, keys: Sequence[PrivateKey]) -> None:
    """Write the key set that verifies what these keys sign, readable whole at any moment."""
    fresh = key_set_file.with_suffix(".new")
    fresh.write_text(json.dumps({"keys": [public_jwk(key) for key in keys]}, indent=2))
    fresh.replace(key_set_file)


def read_private(key_file: Path) -> PrivateKey:
    """The signing key in a file."""
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(key, PrivateKey), "we make no other"
    return key


def algorithm(key: PrivateKey) -> str:
    """The one algorithm that a key is for."""
    return "EdDSA" if isinstance(key, Ed25519PrivateKey) else "RS256"


def public_jwk(key: PrivateKey) -> dict[str, Any]:
    """What a key set says of a signing key."""
    if isinstance(key, Ed25519PrivateKey):
        public = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        del public["key_ops"]
    return public | {"kid": thumbprint(public), "use": "sig", "alg": algorithm(key)}


def thumbprint(public: dict[str, Any]) -> str:
    """Names a key by what it is (RFC 7638)."""
    members = ("crv", "kty", "x") if public["kty"] == "OKP" else ("e", "kty", "n")
    canonical = json.dumps({name: public[name] for name in members}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def parse_key_set(content: bytes) -> KeySet:
    """The keys of a set that verify tokens, by id, each for the one algorithm that it is for; or ValueError.

    What a set has for other purposes or of other kinds is passed over.
    """
    document = json.loads(content)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("is no key set (RFC 7517)")
    keys: KeySet = {}
    for jwk in filter(_is_ours, document["keys"]):
        key = _verifying(jwk)
        if keys.setdefault(jwk["kid"], key) is not key:
            raise ValueError(f"has two keys of the id {jwk['kid']!r}")
    if not keys:
        raise ValueError("has no Ed25519 key and no RSA key with an id that verifies signatures")
    return keys


def _is_ours(jwk: object) -> bool:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return False
    if jwk.get("use", "sig") != "sig" or jwk.get("key_ops", ["verify"]) != ["verify"]:
        return False
    return (jwk.get("kty"), jwk.get("crv"), jwk.get("alg")) in OURS


def _verifying(jwk: dict[str, Any]) -> jwt.PyJWK:
    try:
        key = jwt.PyJWK(jwk)
    except jwt.PyJWTError as error:
        raise ValueError(f"key {jwk['kid']!r}: {error}") from error
    if not isinstance(key.key, Ed25519PublicKey | RSAPublicKey):
        raise ValueError(f"key {jwk['kid']!r} is a private key, which must not be published")
    if isinstance(key.key, RSAPublicKey) and not RSA_BITS_MIN <= key.key.key_size <= RSA_BITS_MAX:
        raise ValueError(f"key {jwk['kid']!r} has {key.key.key_size} bits; {RSA_BITS_MIN} are the least")
    return key
