"""Tokens that are refused: forged, expired, tampered with, or of a form that we never sign."""

import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.common.errors import Unauthenticated
from libs.common.keys import algorithm, public_jwk, publish, read_private
from libs.common.tokens import TOKEN_CHARACTERS_MAX
from tests.common.signing import (
    ALGORITHMS,
    Claims,
    claims,
    key_id,
    keys_in,
    new_key,
    part,
    sealed,
    signed,
    verifier_of,
)
from tests.support.services import Keys


@pytest.fixture(scope="module", params=ALGORITHMS)
def keys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A signing key for each algorithm."""
    return keys_in(tmp_path_factory.mktemp("keys"), request.param)


async def refused(keys: Keys, token: str) -> None:
    verifier = await verifier_of(keys)
    with pytest.raises(Unauthenticated):
        verifier.principal(token)


async def test_what_these_tests_break_is_good_when_whole(keys: Keys) -> None:
    verifier = await verifier_of(keys)

    assert verifier.principal(signed(keys, claims())).subject == "ann"


async def test_an_unsigned_token_is_refused(keys: Keys) -> None:
    await refused(keys, jwt.encode(claims(), "", algorithm="none", headers={"kid": key_id(keys)}))


@pytest.mark.parametrize("form", ["PEM", "bytes", "text", "JWK"])
@pytest.mark.parametrize("mac", ["HS256", "HS384", "HS512"])
async def test_a_token_keyed_with_the_public_key_is_refused(keys: Keys, form: str, mac: str) -> None:
    public, jwk = read_private(keys.key_file).public_key(), public_jwk(read_private(keys.key_file))
    known = {
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "bytes": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "text": str(jwk.get("x", jwk.get("n"))).encode(),
        "JWK": json.dumps(jwk).encode(),
    }[form]
    headers = {"alg": mac, "typ": "JWT", "kid": key_id(keys)}
    message = f"{part(json.dumps(headers).encode())}.{part(json.dumps(claims()).encode())}"

    await refused(keys, f"{message}.{part(hmac.digest(known, message.encode(), mac.replace('HS', 'sha')))}")


async def test_the_key_decides_on_the_algorithm_and_not_the_header(keys: Keys) -> None:
    own = algorithm(read_private(keys.key_file))

    for other in {"EdDSA", "RS256", "RS384", "RS512", "PS256", "ES256", "HS256", "none"} - {own}:
        await refused(keys, signed(keys, claims(), alg=other))


@pytest.mark.parametrize(("own", "other"), [ALGORITHMS, ALGORITHMS[::-1]])
async def test_a_key_of_one_algorithm_never_verifies_for_the_id_of_another(
    tmp_path: Path, own: str, other: str
) -> None:
    keys, stranger = keys_in(tmp_path, own), new_key(other)
    publish(keys.key_set_file, [read_private(keys.key_file), stranger])

    await refused(keys, signed(keys, claims(), key=stranger))


IN_THE_PAST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
IN_THE_FUTURE = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
TEN_YEARS = 10 * 365 * 24 * 3600
REFUSED: dict[str, Claims] = {
    "expired": {"iat": IN_THE_PAST, "exp": IN_THE_PAST + 600},
    "without an end": {"exp": None},
    "without a beginning": {"iat": None},
    "of the future": {"iat": IN_THE_FUTURE, "exp": IN_THE_FUTURE + 600},
    "not good yet": {"nbf": IN_THE_FUTURE},
    "of ten years ahead": {"exp": IN_THE_PAST + 2 * TEN_YEARS},
    "begun in the distant past": {"iat": -(10**300)},
    "ended in the distant future": {"exp": 10**300},
    "meant for another": {"aud": "other"},
    "meant for nobody": {"aud": None},
    "of another issuer": {"iss": "other"},
    "of no issuer": {"iss": None},
    "of nobody": {"sub": None},
    "without a number": {"jti": None},
    "with a list as number": {"jti": ["tok_1"]},
    "without a kind": {"kind": None},
    "of an unknown kind": {"kind": "root"},
    "of an operator": {"kind": "operator"},
    "of no program": {"program_id": None},
    "with a list as kind": {"kind": ["staff"]},
    "with an object as kind": {"kind": {"staff": 1}},
    "with a number as subject": {"sub": 1},
    "with a number as program": {"program_id": 1},
    "with a text as roles": {"roles": "admin"},
    "with a number as role": {"roles": [1]},
    "with an object as stores": {"stores": {"online": 1}},
    "with a text as sharing groups": {"sharing_groups": "all"},
    "with a text as end": {"exp": str(IN_THE_FUTURE)},
    "with a text as beginning": {"iat": str(IN_THE_PAST)},
    "with an endless end": {"exp": float("inf")},
    "with no number as beginning": {"iat": float("nan")},
    "with a list as end": {"exp": [IN_THE_FUTURE]},
    "with true as beginning": {"iat": True},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=list(REFUSED))
async def test_a_signed_token_with_bad_claims_is_refused(keys: Keys, changes: Claims) -> None:
    await refused(keys, signed(keys, claims(**changes)))


BAD_HEADERS: dict[str, Claims] = {
    "unknown key": {"kid": "0000000000000000"},
    "a path as key": {"kid": "../../x"},
    "a path to the key": {"kid": "../keys/signing.pem"},
    "a number as key": {"kid": 1},
    "a list as key": {"kid": [1]},
    "no key": {"kid": None},
    "critical claim": {"crit": ["exp"]},
    "critical and unknown": {"crit": ["unheard"], "unheard": 1},
    "no list of what is critical": {"crit": "exp"},
    "nothing critical": {"crit": []},
    "a payload that is not encoded": {"crit": ["b64"], "b64": False},
    "no algorithm": {"alg": None},
    "a list as algorithm": {"alg": ["EdDSA", "RS256"]},
}


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=list(BAD_HEADERS))
async def test_a_signed_token_with_a_bad_header_is_refused(keys: Keys, header: Claims) -> None:
    await refused(keys, signed(keys, claims(), **header))


async def test_a_token_never_brings_its_own_key_and_nothing_is_fetched_for_it(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = new_key(algorithm(read_private(keys.key_file)))
    links = {"jku": "https://127.0.0.1:1/keys", "x5u": "https://127.0.0.1:1/keys", "x5c": ["MIIB"]}
    connected: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda _, address: connected.append(address))

    await refused(keys, signed(keys, claims(), key=stranger, jwk=public_jwk(stranger), **links))

    assert not connected


@pytest.mark.parametrize("place", range(3), ids=["header", "claims", "signature"])
async def test_a_token_that_was_tampered_with_is_refused(keys: Keys, place: int) -> None:
    parts = signed(keys, claims()).split(".")
    parts[place] = parts[place][:8] + ("A" if parts[place][8] != "A" else "B") + parts[place][9:]

    await refused(keys, ".".join(parts))


NO_TOKENS = {
    "nothing": "",
    "a dot": ".",
    "dots": "..",
    "letters": "a.b.c",
    "beyond ASCII": "é.é.é",
    "half a character": "\ud800.a.b",
    "NUL": "\x00",
    "empty": "e30.e30.",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of dots": "." * 1_000_000,
    "JSON": '{"alg":"EdDSA"}',
}


@pytest.mark.parametrize("token", NO_TOKENS.values(), ids=list(NO_TOKENS))
async def test_what_is_no_token_is_refused(keys: Keys, token: str) -> None:
    await refused(keys, token)


async def test_a_header_that_is_nested_too_deeply_is_refused(keys: Keys) -> None:
    deep = b"[" * 5_900

    await refused(keys, sealed(deep, b"{}", read_private(keys.key_file)))


async def test_claims_that_are_nested_too_deeply_are_refused(keys: Keys) -> None:
    await refused(keys, signed(keys, b"[" * 5_000))


async def test_a_token_that_is_too_long_is_not_even_read(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = await verifier_of(keys)
    spare = len(signed(keys, claims(padding=""))) - TOKEN_CHARACTERS_MAX
    longest = signed(keys, claims(padding="x" * (-spare * 3 // 4 - 2)))
    too_long = signed(keys, claims(padding="x" * (-spare * 3 // 4 + 4)))

    assert len(longest) <= TOKEN_CHARACTERS_MAX < len(too_long)
    assert verifier.principal(longest).subject == "ann"
    monkeypatch.setattr("libs.common.tokens.jwt", None)
    with pytest.raises(Unauthenticated):
        verifier.principal(too_long)


async def test_a_refused_token_is_not_remembered_as_good(keys: Keys) -> None:
    verifier = await verifier_of(keys)
    token = signed(keys, claims(kind="root"))

    for _ in range(2):
        with pytest.raises(Unauthenticated):
            verifier.principal(token)
