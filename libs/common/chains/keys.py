"""Keys that sign the heads and roots of chains: one per service, named after it, published in one key set."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.common.canonical import canonical
from libs.common.chains.chain import Head, Root, Statement, signed_content
from libs.common.keys import KeySet, parse_key_set, public_jwk, read_private, write_private
from libs.common.settings import ConfigurationError

S = TypeVar("S", Head, Root)


def make_audit_key(key_file: Path) -> None:
    """Make the key of one service, readable by its owner only; one that is there stays."""
    if key_file.exists():
        return
    key = Ed25519PrivateKey.generate()
    fresh = key_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    write_private(fresh, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    fresh.replace(key_file)


def publish_audit_keys(key_set_file: Path, key_files: Mapping[str, Path]) -> None:
    """Write the key set that verifies what these services sign, and have signed with the keys before."""
    before = json.loads(key_set_file.read_bytes())["keys"] if key_set_file.exists() else []
    keys = {jwk["kid"]: jwk for jwk in [*before, *(_public(*each) for each in key_files.items())]}
    if list(keys.values()) != before:
        fresh = key_set_file.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": list(keys.values())}, indent=2))
        fresh.replace(key_set_file)


def _public(service: str, key_file: Path) -> dict[str, Any]:
    """What the key set says of a service's key; its id says whose it is."""
    jwk = public_jwk(_ed25519(key_file))
    return jwk | {"kid": f"{service}.{jwk['kid']}"}


def _ed25519(key_file: Path) -> Ed25519PrivateKey:
    try:
        key = read_private(key_file)
    except (OSError, ValueError, AssertionError) as error:
        raise ConfigurationError(
            f"LAUREL_AUDIT_KEY_FILE: {key_file} holds no key of ours: {error}"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"LAUREL_AUDIT_KEY_FILE: {key_file} is no Ed25519 key")
    return key


class ChainSigner:
    """Signs the heads and roots of one service's chains."""

    def __init__(self, service: str, key_file: Path) -> None:
        """ConfigurationError when the file holds no key to sign with."""
        self.service, self._key = service, _ed25519(key_file)
        self._key_id: str = _public(service, key_file)["kid"]

    def signed(self, statement: S) -> S:
        """The statement with its signature; it must name the signer's service."""
        assert statement.service == self.service, "a service signs its own chains"
        statement = replace(statement, key_id=self._key_id)
        return replace(statement, signature=self._key.sign(canonical(signed_content(statement))).hex())


class AuditKeys:
    """The published keys, by which anybody verifies what was signed."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    @classmethod
    def parse(cls, content: bytes) -> "AuditKeys":
        """The keys of a published set, or ValueError."""
        return cls(parse_key_set(content))

    def verifies(self, statement: Statement) -> bool:
        """Whether the service that a statement names has signed exactly this."""
        jwk = self._keys.get(statement.key_id)
        if jwk is None or not statement.key_id.startswith(f"{statement.service}."):
            return False
        key = jwk.key
        assert isinstance(key, Ed25519PublicKey), "a service publishes no other"
        try:
            signature = bytes.fromhex(statement.signature)
            key.verify(signature, canonical(signed_content(statement)))
        except (ValueError, InvalidSignature):
            return False
        return signature.hex() == statement.signature  # one way to write it, so that no edit goes unseen
