"""Key sets: which of their keys verify tokens, and which sets are refused whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from libs.common.keys import parse_key_set, public_jwk, thumbprint
from tests.common.signing import ALGORITHMS, new_key
from tests.support.services import Keys

ED25519 = public_jwk(new_key("EdDSA"))
RSA = public_jwk(new_key("RS256"))
EC = {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256", "x": "AA", "y": "AA"}
SECRET = {"kty": "oct", "kid": "secret", "use": "sig", "alg": "HS256", "k": "c2VjcmV0"}


def a_set(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_each_key_verifies_by_the_one_algorithm_that_it_is_for() -> None:
    keys = parse_key_set(a_set(ED25519, RSA))

    assert {key.algorithm_name for key in keys.values()} == set(ALGORITHMS)
    assert keys[RSA["kid"]].algorithm_name == "RS256"


@pytest.mark.parametrize("jwk", [ED25519, RSA], ids=ALGORITHMS)
def test_a_key_that_does_not_say_what_it_is_for_is_known_by_its_type(jwk: dict[str, Any]) -> None:
    bare = {name: value for name, value in jwk.items() if name not in {"alg", "use"}}

    assert parse_key_set(a_set(bare))[jwk["kid"]].algorithm_name == jwk["alg"]


PASSED_OVER: dict[str, Any] = {
    "another curve": EC,
    "a shared secret": SECRET,
    "a shared secret that says it is RSA's": {**SECRET, "alg": "RS256"},
    "a key that encrypts": {**RSA, "kid": "other", "use": "enc"},
    "a key for another operation": {**RSA, "kid": "other", "key_ops": ["sign"]},
    "operations that are no list": {**RSA, "kid": "other", "key_ops": 5},
    "another hash": {**RSA, "kid": "other", "alg": "RS512"},
    "another padding": {**RSA, "kid": "other", "alg": "PS256"},
    "RSA for shared secrets": {**RSA, "kid": "other", "alg": "HS256"},
    "Ed25519 for RSA": {**ED25519, "kid": "other", "alg": "RS256"},
    "no id": {name: value for name, value in RSA.items() if name != "kid"},
    "a number as id": {**RSA, "kid": 1},
    "a list as type": {**RSA, "kid": "other", "kty": ["RSA"]},
    "no object": "RSA",
}


@pytest.mark.parametrize("other", PASSED_OVER.values(), ids=list(PASSED_OVER))
def test_keys_that_are_not_for_our_tokens_are_passed_over(other: Any) -> None:
    assert set(parse_key_set(a_set(other, ED25519))) == {ED25519["kid"]}


def a_private(kind: str) -> dict[str, Any]:
    key = new_key(kind)
    if isinstance(key, Ed25519PrivateKey):
        return {**OKPAlgorithm.to_jwk(key, as_dict=True), "kid": "private"}
    return {**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": "private", "key_ops": ["verify"]}


def a_short_key() -> dict[str, Any]:
    short = new_key("RS256", bits=1024)
    assert isinstance(short, RSAPrivateKey)
    return public_jwk(short)


REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"keys",
    "no text": b"\xff\xfe",
    "a list": b"[]",
    "no keys": b"{}",
    "keys that are no list": b'{"keys": {}}',
    "an empty list": a_set(),
    "nothing that verifies tokens": a_set(EC, SECRET),
    "two keys of one id": a_set(ED25519, {**RSA, "kid": ED25519["kid"]}),
    "a private Ed25519 key": a_set(a_private("EdDSA")),
    "a private RSA key": a_set(a_private("RS256")),
    "an RSA key of 1024 bits": a_set(a_short_key()),
    "a key that is not whole": a_set({**RSA, "n": ""}),
    "a point that is none": a_set({**ED25519, "x": "AA"}),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=list(REFUSED))
def test_a_set_that_cannot_be_trusted_is_refused_whole(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_key_set(content)


def test_what_is_published_holds_nothing_that_signs(tmp_path: Path) -> None:
    keys = Keys.made_in(tmp_path)

    (published,) = json.loads(keys.key_set_file.read_text())["keys"]

    assert set(published) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_a_published_rsa_key_holds_nothing_that_signs() -> None:
    assert set(RSA) == {"kty", "n", "e", "kid", "use", "alg"}


def test_an_id_is_the_thumbprint_of_its_key() -> None:
    """The example of RFC 7638, section 3.1, and of RFC 8037, appendix A.3."""
    rsa = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint({"kty": "RSA", "n": rsa, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    ed25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(ed25519) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
