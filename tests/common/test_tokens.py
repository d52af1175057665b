"""Bearer tokens: what they say, how long they are good, and what a verifier remembers of them."""

import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.clock import now
from libs.common.errors import Unauthenticated
from libs.common.tokens import CACHED_TOKENS, LEEWAY, TokenSigner, TokenVerifier
from tests.common.signing import ALGORITHMS, MINUTE, TTL_MAX, keys_in, verifier_of
from tests.support.services import Keys


@pytest.fixture(scope="module", params=ALGORITHMS)
def keys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A signing key for each algorithm."""
    return keys_in(tmp_path_factory.mktemp("keys"), request.param)


@pytest.fixture
def signer(keys: Keys) -> TokenSigner:
    return TokenSigner(keys.key_file)


def a_token(signer: TokenSigner, subject: str = "ann", ttl: timedelta = TTL_MAX, **more: Any) -> str:
    return signer.token(subject, "staff", **{"now": now(), "ttl": ttl, "program_id": "music_store", **more})


def accepts(verifier: TokenVerifier, token: str) -> bool:
    try:
        return verifier.principal(token).subject == "ann"
    except Unauthenticated:
        return False


async def test_a_token_says_who_its_principal_is(keys: Keys, signer: TokenSigner) -> None:
    token = a_token(signer, roles=["analyst"], stores=["online"], sharing_groups=["north"])

    principal = (await verifier_of(keys)).principal(token)

    assert (principal.subject, principal.kind, principal.program_id) == ("ann", "staff", "music_store")
    assert (principal.roles, principal.stores) == (("analyst",), ("online",))
    assert principal.sharing_groups == ("north",)
    assert principal.token == token
    assert token not in repr(principal)


async def test_a_service_needs_no_program(keys: Keys, signer: TokenSigner) -> None:
    token = signer.token("benefits", "service", now=now(), ttl=TTL_MAX)

    assert (await verifier_of(keys)).principal(token).program_id is None


async def test_issuer_and_audience_are_settings(keys: Keys) -> None:
    token = a_token(TokenSigner(keys.key_file, issuer="https://id.example", audience="shop"))
    verifier = await verifier_of(keys, token_issuer="https://id.example", token_audience="shop")

    assert accepts(verifier, token)
    assert not accepts(await verifier_of(keys), token)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    made = Keys.made_in(tmp_path)

    with pytest.raises(FileExistsError):
        Keys.made_in(tmp_path)

    assert Keys(made.key_file, made.key_set_file).token("staff", "ann")()


def test_the_signing_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert stat.S_IMODE(Keys.made_in(tmp_path).key_file.stat().st_mode) == 0o600


async def test_a_token_of_ten_years_is_refused_though_it_is_signed(keys: Keys, signer: TokenSigner) -> None:
    verifier = await verifier_of(keys)

    with pytest.raises(Unauthenticated, match="longer than is allowed"):
        verifier.principal(a_token(signer, ttl=timedelta(days=3653)))


@pytest.mark.parametrize(("ttl", "good"), [(TTL_MAX, True), (TTL_MAX + timedelta(seconds=1), False)])
async def test_a_token_lives_as_long_as_is_allowed_and_not_a_second_longer(
    keys: Keys, signer: TokenSigner, ttl: timedelta, good: bool
) -> None:
    verifier = await verifier_of(keys)

    assert accepts(verifier, a_token(signer, ttl=ttl)) is good


@pytest.mark.parametrize(("late", "good"), [(-5, True), (5, False)], ids=["within", "beyond"])
async def test_clocks_may_differ_by_half_a_minute(
    keys: Keys, signer: TokenSigner, late: float, good: bool
) -> None:
    issued = now() - MINUTE - LEEWAY - timedelta(seconds=late)

    assert accepts(await verifier_of(keys), a_token(signer, ttl=MINUTE, now=issued)) is good


@pytest.mark.parametrize(
    ("ttl", "kept"),
    [(timedelta(seconds=20), timedelta(seconds=20)), (10 * MINUTE, MINUTE)],
    ids=["not beyond its end", "not beyond a minute"],
)
async def test_a_verified_token_is_remembered(
    keys: Keys, signer: TokenSigner, monkeypatch: pytest.MonkeyPatch, ttl: timedelta, kept: timedelta
) -> None:
    clock = [now().replace(microsecond=0)]  # whole seconds, as in the token
    verifier = await verifier_of(keys, now=lambda: clock[0].timestamp())  # noqa: PLW0108 - the clock moves
    token = a_token(signer, ttl=ttl, now=clock[0])
    verifier.principal(token)
    monkeypatch.setattr(verifier._keys, "value", {})  # from now on, only memory can know it

    clock[0] += kept - timedelta(milliseconds=1)
    assert accepts(verifier, token)

    clock[0] += timedelta(milliseconds=1)
    assert not accepts(verifier, token)


async def test_the_memory_of_tokens_is_bounded_and_holds_none(
    keys: Keys, signer: TokenSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.tokens.CACHED_TOKENS", 3)
    verifier = await verifier_of(keys)
    tokens = [a_token(signer, f"ann{number}") for number in range(5)]

    for token in tokens:
        verifier.principal(token)

    assert CACHED_TOKENS >= 1000
    assert len(verifier._verified) == 3
    assert not set(verifier._verified) & {token.encode() for token in tokens}


async def test_a_token_whose_issue_lies_in_the_future_is_refused(keys: Keys, signer: TokenSigner) -> None:
    ahead: datetime = now() + LEEWAY + timedelta(seconds=5)

    assert not accepts(await verifier_of(keys), a_token(signer, now=ahead))
