"""What changes while a server runs: keys come and go, and identities are revoked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.clock import now
from libs.common.errors import Unauthenticated
from libs.common.keys import PrivateKey, algorithm, public_jwk, publish, read_private
from libs.common.revocations import parse_revocations
from libs.common.settings import ConfigurationError
from libs.common.tokens import TokenVerifier
from libs.common.watched import FileSource, UrlSource
from tests.common.key_host import a_key_host
from tests.common.signing import ALGORITHMS, Claims, claims, keys_in, new_key, sealed, signed, verifier_of
from tests.support.services import Keys


@pytest.fixture(params=ALGORITHMS)
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Keys:
    """A signing key for each algorithm."""
    return keys_in(tmp_path, request.param)


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileSource, "every_seconds", 0.02)
    monkeypatch.setattr(FileSource, "pause_seconds", 0.01)


def accepts(verifier: TokenVerifier, token: str) -> bool:
    try:
        return verifier.principal(token).subject == "ann"
    except Unauthenticated:
        return False


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(keys: Keys, **settings: Any) -> AsyncIterator[TokenVerifier]:
    """A verifier as a server runs it."""
    verifier = await verifier_of(keys, **settings)
    task = asyncio.create_task(verifier.run())
    try:
        yield verifier
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def signing(keys: Keys) -> PrivateKey:
    return read_private(keys.key_file)


# Keys


@pytest.mark.usefixtures("_often")
async def test_a_new_key_verifies_beside_the_old_one(keys: Keys) -> None:
    fresh = new_key("EdDSA")
    old_token, new_token = signed(keys, claims()), signed_by(fresh)
    async with watching(keys) as verifier:
        before = accepts(verifier, new_token)

        publish(keys.key_set_file, [fresh, signing(keys)])

        await until(lambda: accepts(verifier, new_token))
        assert accepts(verifier, old_token)
    assert not before


@pytest.mark.usefixtures("_often")
async def test_a_key_that_left_the_set_verifies_nothing_more_not_even_what_is_remembered(keys: Keys) -> None:
    token = signed(keys, claims())
    async with watching(keys) as verifier:
        before = accepts(verifier, token)

        publish(keys.key_set_file, [new_key("RS256")])

        await until(lambda: not accepts(verifier, token))
    assert before


@pytest.mark.usefixtures("_often")
async def test_a_set_that_goes_bad_changes_nothing(keys: Keys) -> None:
    async with watching(keys) as verifier:
        overwrite(keys.key_set_file, '{"keys": []}')
        await asyncio.sleep(0.2)

        assert accepts(verifier, signed(keys, claims()))


async def test_a_key_that_nobody_knows_is_asked_for_and_the_next_try_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UrlSource, "pause_seconds", 0.01)
    keys, fresh = keys_in(tmp_path, "EdDSA"), new_key("RS256")
    with a_key_host(tmp_path) as host:
        host.body = content(keys.key_set_file)
        place = {"key_set_file": None, "key_set_url": host.url, "key_set_ca_file": host.ca_file}
        async with watching(keys, **place) as verifier:
            publish(keys.key_set_file, [fresh, signing(keys)])
            host.body = content(keys.key_set_file)

            first = accepts(verifier, signed_by(fresh))
            await until(lambda: len(host.asked) == 2)

            await until(lambda: accepts(verifier, signed_by(fresh)))
    assert not first
    assert len(host.asked) == 2


async def test_tokens_without_a_key_that_could_be_asked_for_ask_for_none(tmp_path: Path) -> None:
    keys = keys_in(tmp_path, "EdDSA")
    verifier = await verifier_of(keys)

    for header in ({"kid": 1}, {"kid": None}, {}):
        assert not accepts(verifier, signed(keys, claims(exp=1), **header))
    for token in ("", "a.b.c", sealed(b'{"alg": "EdDSA"}', b"{}", signing(keys))):
        assert not accepts(verifier, token)

    assert not verifier._keys._hurried.is_set()


async def test_a_server_without_keys_does_not_start(tmp_path: Path) -> None:
    gone = Keys(tmp_path / "signing.pem", tmp_path / "keys.json")

    with pytest.raises(ConfigurationError, match=r"keys\.json"):
        await verifier_of(gone)


# Revocations

SECOND = timedelta(seconds=1)


def subject(**changes: object) -> dict[str, Any]:
    """A revocation of a person; `issued_before` counts from when their token was issued."""
    return {"subject": "ann", "kind": "staff", "issued_before": SECOND, **changes}


def document(issued: datetime, *revoked: Claims) -> str:
    """The revocations as a file has them."""
    return json.dumps({"revoked": list(revoked)}, default=lambda after: (issued + after).isoformat())


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize(
    "revoked",
    [{"jti": "tok_1"}, subject(), subject(program_id="music_store")],
    ids=["a session", "a person", "a person in a program"],
)
async def test_what_is_revoked_is_refused_though_it_is_remembered(keys: Keys, revoked: Claims) -> None:
    file = keys.key_file.with_name("revocations.json")
    overwrite(file, '{"revoked": []}')
    issued = now().replace(microsecond=0)
    token = signed(keys, claims(iat=int(issued.timestamp())))
    async with watching(keys, revocations_file=file) as verifier:
        before = accepts(verifier, token)

        overwrite(file, document(issued, revoked))

        await until(lambda: not accepts(verifier, token))
        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.principal(token)
    assert before


@pytest.mark.parametrize(
    "revoked",
    [
        {"jti": "tok_2"},
        subject(subject="bob"),
        subject(kind="member"),
        subject(program_id="other_store"),
        subject(issued_before=0 * SECOND),
        subject(issued_before=-SECOND),
    ],
    ids=["another session", "somebody else", "a member of that name", "another program", "then", "before"],
)
async def test_whom_a_revocation_does_not_concern_notices_nothing(keys: Keys, revoked: Claims) -> None:
    file = keys.key_file.with_name("revocations.json")
    issued = now().replace(microsecond=0)
    overwrite(file, document(issued, revoked))
    verifier = await verifier_of(keys, revocations_file=file)

    assert accepts(verifier, signed(keys, claims(iat=int(issued.timestamp()))))


def test_of_many_revocations_each_counts() -> None:
    issued = now()
    revoked = [subject(program_id="other"), subject(), {"jti": "a"}, {"jti": "b"}]
    revocations = parse_revocations(document(issued, *revoked).encode())

    assert revocations.cover("staff", "ann", "third", issued=issued)
    assert revocations.cover("staff", "bob", "third", issued=issued, jti="b")
    assert not revocations.cover("staff", "bob", "third", issued=issued, jti="c")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "[]",
        '{"revoked": {}}',
        '{"revoked": [{}]}',
        '{"revoked": [{"jti": ""}]}',
        '{"revoked": [{"jti": "a", "more": 1}]}',
        '{"revoked": [{"subject": "ann", "kind": "staff"}]}',
        '{"revoked": [{"subject": "ann", "kind": "root", "issued_before": "2026-01-01T00:00:00Z"}]}',
        '{"revoked": [{"subject": "ann", "kind": "staff", "issued_before": "2026-01-01T00:00:00"}]}',
        '{"removed": []}',
    ],
)
async def test_a_server_does_not_start_with_revocations_that_it_cannot_read(
    tmp_path: Path, written: str
) -> None:
    keys, file = keys_in(tmp_path, "EdDSA"), tmp_path / "revocations.json"
    overwrite(file, written)

    with pytest.raises(ConfigurationError, match=r"revocations\.json"):
        await verifier_of(keys, revocations_file=file)


def signed_by(key: PrivateKey) -> str:
    """A good token of any key."""
    header = {"alg": algorithm(key), "kid": public_jwk(key)["kid"]}
    return sealed(json.dumps(header).encode(), json.dumps(claims()).encode(), key)


def overwrite(file: Path, text: str) -> None:
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


def content(file: Path) -> bytes:
    return file.read_bytes()
