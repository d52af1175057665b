"""Tokens that are refused: forged, expired, tampered with, or of a form that we never sign."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from libs.common.clock import now
from libs.common.errors import Unauthenticated
from libs.common.tokens import TokenVerifier
from tests.support.services import Keys

MINUTE = timedelta(minutes=1)
TTL_MAX = 15 * MINUTE

Claims = dict[str, Any]


def verifier_of(keys: Keys, clock: Callable[[], datetime] = now) -> TokenVerifier:
    return TokenVerifier(keys.key_set_file, ttl_max=TTL_MAX, now=clock)


def claims(**changes: object) -> Claims:
    """Good claims, but for some; None leaves one out."""
    issued = int(datetime.now(UTC).timestamp())
    good: Claims = {
        "iss": "laurel",
        "aud": "laurel",
        "sub": "ann",
        "kind": "staff",
        "program_id": "music_store",
        "roles": ["auditor"],
        "stores": [],
        "iat": issued,
        "exp": issued + 600,
        "jti": "tok_1",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def signed(keys: Keys, content: Claims, *, key: Ed25519PrivateKey | None = None, **header: object) -> str:
    """A token with any contents under a good signature; libraries refuse to make some of them."""
    private = key or load_pem_private_key(keys.key_file.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    headers = {"alg": "EdDSA", "typ": "JWT", "kid": key_id(keys), **header}
    message = f"{part(json.dumps(headers).encode())}.{part(json.dumps(content).encode())}"
    return f"{message}.{part(private.sign(message.encode()))}"


def key_id(keys: Keys) -> str:
    return str(json.loads(keys.key_set_file.read_text())["keys"][0]["kid"])


def unsigned(keys: Keys, _: str) -> str:
    return jwt.encode(claims(), "", algorithm="none", headers={"kid": key_id(keys)})


def keyed_with_the_public_key(keys: Keys, form: str) -> str:
    """The forgery that works where the header chooses the algorithm."""
    private = load_pem_private_key(keys.key_file.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    known = {
        "pem": private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "raw": private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        "text": json.loads(keys.key_set_file.read_text())["keys"][0]["x"].encode(),
    }[form]
    headers = {"alg": "HS256", "typ": "JWT", "kid": key_id(keys)}
    message = f"{part(json.dumps(headers).encode())}.{part(json.dumps(claims()).encode())}"
    return f"{message}.{part(hmac.digest(known, message.encode(), 'sha256'))}"


FORGED: dict[str, tuple[Callable[[Keys, str], str], str]] = {
    "unsigned": (unsigned, ""),
    "keyed with the public key as PEM": (keyed_with_the_public_key, "pem"),
    "keyed with the public key as bytes": (keyed_with_the_public_key, "raw"),
    "keyed with the public key as text": (keyed_with_the_public_key, "text"),
}


@pytest.mark.parametrize(("forge", "form"), FORGED.values(), ids=list(FORGED))
def test_a_token_of_another_algorithm_is_refused(
    keys: Keys, forge: Callable[[Keys, str], str], form: str
) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(keys).principal(forge(keys, form))


IN_THE_PAST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
IN_THE_FUTURE = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
REFUSED: dict[str, Claims] = {
    "expired": {"iat": IN_THE_PAST, "exp": IN_THE_PAST + 600},
    "without an end": {"exp": None},
    "without a beginning": {"iat": None},
    "of the future": {"iat": IN_THE_FUTURE, "exp": IN_THE_FUTURE + 600},
    "not good yet": {"nbf": IN_THE_FUTURE},
    "meant for another": {"aud": "other"},
    "meant for nobody": {"aud": None},
    "of another issuer": {"iss": "other"},
    "of no issuer": {"iss": None},
    "of nobody": {"sub": None},
    "without a number": {"jti": None},
    "without a kind": {"kind": None},
    "of an unknown kind": {"kind": "root"},
    "of no program": {"program_id": None},
    "with a list as kind": {"kind": ["staff"]},
    "with an object as kind": {"kind": {"staff": 1}},
    "with a number as subject": {"sub": 1},
    "with a number as program": {"program_id": 1},
    "with a text as roles": {"roles": "admin"},
    "with an object as stores": {"stores": {"online": 1}},
    "with a text as end": {"exp": str(IN_THE_FUTURE)},
    "with a text as beginning": {"iat": str(IN_THE_PAST)},
    "with an endless end": {"exp": float("inf")},
    "with no number as beginning": {"iat": float("nan")},
    "with a list as end": {"exp": [IN_THE_FUTURE]},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=list(REFUSED))
def test_a_signed_token_with_bad_claims_is_refused(keys: Keys, changes: Claims) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(keys).principal(signed(keys, claims(**changes)))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "0000000000000000"},
        {"kid": "../../keys"},
        {"kid": 1},
        {"kid": None},
        {"crit": ["exp"]},
        {"crit": ["unheard"], "unheard": 1},
        {"alg": "ES256"},
        {"alg": None},
    ],
    ids=[
        "unknown key",
        "a path as key",
        "a number as key",
        "no key",
        "critical claim",
        "critical and unknown",
        "another algorithm",
        "no algorithm",
    ],
)
def test_a_signed_token_with_a_bad_header_is_refused(keys: Keys, header: Claims) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(keys).principal(signed(keys, claims(), **header))


def test_a_token_never_brings_its_own_key(keys: Keys) -> None:
    stranger = Ed25519PrivateKey.generate()
    brought = jwt.algorithms.OKPAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    links = {"jwk": brought, "jku": "https://127.0.0.1:1/keys", "x5u": "https://127.0.0.1:1/keys"}

    with pytest.raises(Unauthenticated):
        verifier_of(keys).principal(signed(keys, claims(), key=stranger, **links))


@pytest.mark.parametrize("place", range(3), ids=["header", "claims", "signature"])
def test_a_token_that_was_tampered_with_is_refused(keys: Keys, place: int) -> None:
    parts = signed(keys, claims()).split(".")
    parts[place] = parts[place][:8] + ("A" if parts[place][8] != "A" else "B") + parts[place][9:]

    with pytest.raises(Unauthenticated):
        verifier_of(keys).principal(".".join(parts))


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "é.é.é", "\x00", "e30.e30.", "x" * 1_000_000, '{"alg":"EdDSA"}'],
    ids=["nothing", "a dot", "dots", "letters", "beyond ASCII", "NUL", "empty", "a megabyte", "JSON"],
)
def test_what_is_no_token_is_refused(keys: Keys, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier_of(keys).principal(token)


def test_a_refused_token_is_not_remembered_as_good(keys: Keys) -> None:
    verifier = verifier_of(keys)
    token = signed(keys, claims(kind="root"))

    for _ in range(2):
        with pytest.raises(Unauthenticated):
            verifier.principal(token)
