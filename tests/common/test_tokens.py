"""Bearer tokens: what is accepted, for how long, and everything that is not."""

import json
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from libs.common.clock import now
from libs.common.errors import Unauthenticated
from libs.common.tokens import CACHED_TOKENS, LEEWAY, ServiceToken, TokenSigner, TokenVerifier
from tests.support.services import Keys

MINUTE = timedelta(minutes=1)
TTL_MAX = 15 * MINUTE


@pytest.fixture
def signer(keys: Keys) -> TokenSigner:
    return TokenSigner(keys.key_file, keys.key_set_file)


def verifier_of(keys: Keys, clock: Callable[[], datetime] = now) -> TokenVerifier:
    return TokenVerifier(keys.key_set_file, ttl_max=TTL_MAX, now=clock)


def test_a_token_says_who_its_principal_is(keys: Keys, signer: TokenSigner) -> None:
    token = signer.token(
        "ann", "staff", now=now(), ttl=TTL_MAX, program_id="music_store", roles=["auditor"], stores=["online"]
    )

    principal = verifier_of(keys).principal(token)

    assert (principal.subject, principal.kind, principal.program_id) == ("ann", "staff", "music_store")
    assert (principal.roles, principal.stores) == (("auditor",), ("online",))
    assert principal.token == token
    assert token not in repr(principal)


def test_a_service_needs_no_program(keys: Keys, signer: TokenSigner) -> None:
    token = signer.token("benefits", "service", now=now(), ttl=TTL_MAX)

    assert verifier_of(keys).principal(token).program_id is None


def test_the_signing_key_is_readable_by_its_owner_only(keys: Keys) -> None:
    assert stat.S_IMODE(keys.key_file.stat().st_mode) == 0o600


def test_the_key_set_holds_nothing_that_signs(keys: Keys) -> None:
    (published,) = json.loads(keys.key_set_file.read_text())["keys"]

    assert set(published) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_a_key_is_never_overwritten(keys: Keys, tmp_path: Path) -> None:
    made = Keys.made_in(tmp_path)

    with pytest.raises(FileExistsError):
        Keys.made_in(tmp_path)

    assert Keys(made.key_file, made.key_set_file).token("staff", "ann")()


def test_a_token_of_ten_years_is_refused_though_it_is_signed(keys: Keys, signer: TokenSigner) -> None:
    token = signer.token("ann", "staff", now=now(), ttl=timedelta(days=3653), program_id="music_store")

    with pytest.raises(Unauthenticated, match="longer than is allowed"):
        verifier_of(keys).principal(token)


@pytest.mark.parametrize(("ttl", "good"), [(TTL_MAX, True), (TTL_MAX + timedelta(seconds=1), False)])
def test_a_token_lives_as_long_as_is_allowed_and_not_a_second_longer(
    keys: Keys, signer: TokenSigner, ttl: timedelta, good: bool
) -> None:
    token = signer.token("ann", "staff", now=now(), ttl=ttl, program_id="music_store")
    verifier = verifier_of(keys)

    if good:
        assert verifier.principal(token).subject == "ann"
    else:
        with pytest.raises(Unauthenticated):
            verifier.principal(token)


@pytest.mark.parametrize(("late", "good"), [(-5, True), (5, False)], ids=["within", "beyond"])
def test_clocks_may_differ_by_half_a_minute(keys: Keys, signer: TokenSigner, late: float, good: bool) -> None:
    issued = now() - MINUTE - LEEWAY - timedelta(seconds=late)
    token = signer.token("ann", "staff", now=issued, ttl=MINUTE, program_id="music_store")
    verifier = verifier_of(keys)

    if good:
        assert verifier.principal(token).subject == "ann"
    else:
        with pytest.raises(Unauthenticated):
            verifier.principal(token)


@pytest.mark.parametrize(
    ("ttl", "kept"),
    [(timedelta(seconds=20), timedelta(seconds=20)), (10 * MINUTE, MINUTE)],
    ids=["not beyond its end", "not beyond a minute"],
)
def test_a_verified_token_is_remembered(
    keys: Keys, signer: TokenSigner, monkeypatch: pytest.MonkeyPatch, ttl: timedelta, kept: timedelta
) -> None:
    # Whole seconds, as in the token.
    clock = [now().replace(microsecond=0)]
    verifier = verifier_of(keys, lambda: clock[0])
    token = signer.token("ann", "staff", now=clock[0], ttl=ttl, program_id="music_store")
    verifier.principal(token)
    monkeypatch.setattr(verifier, "_keys", {})  # from now on, only memory can know it

    clock[0] += kept - timedelta(milliseconds=1)
    assert verifier.principal(token).subject == "ann"

    clock[0] += timedelta(milliseconds=1)
    with pytest.raises(Unauthenticated):
        verifier.principal(token)


def test_the_memory_of_tokens_is_bounded_and_holds_none(
    keys: Keys, signer: TokenSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.tokens.CACHED_TOKENS", 3)
    verifier = verifier_of(keys)
    tokens = [
        signer.token(f"ann{number}", "staff", now=now(), ttl=MINUTE, program_id="music_store")
        for number in range(5)
    ]

    for token in tokens:
        verifier.principal(token)

    assert CACHED_TOKENS >= 1000
    assert len(verifier._verified) == 3
    assert not set(verifier._verified) & {token.encode() for token in tokens}


def test_a_service_makes_its_token_anew_before_it_expires(keys: Keys, signer: TokenSigner) -> None:
    clock = [now()]
    token = ServiceToken(signer, "benefits", lambda: clock[0])
    first = token()

    clock[0] += ServiceToken.TTL / 2 - timedelta(seconds=1)
    still = token()
    clock[0] += timedelta(seconds=1)
    renewed = token()

    assert first == still != renewed
    assert verifier_of(keys).principal(first).kind == "service"
