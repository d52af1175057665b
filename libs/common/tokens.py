"""Bearer tokens: signed by a platform key, verified against a published key set (RFC 7519)."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast, get_args

import jwt

from libs.common.caller import Principal, PrincipalKind
from libs.common.errors import Unauthenticated
from libs.common.ids import new_id
from libs.common.keys import KeySet, algorithm, parse_key_set, public_jwk, read_private
from libs.common.revocations import Revocations, parse_revocations
from libs.common.settings import Identity
from libs.common.watched import FileSource, Source, UrlSource, Watched, watch

LEEWAY = timedelta(seconds=30)
TOKEN_CHARACTERS_MAX = 8 * 1024
CACHED_TOKENS = 10_000
CACHED_SECONDS = 60.0
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]


class TokenSigner:
    """Signs tokens with the platform's key."""

    def __init__(self, key_file: Path, *, issuer: str = "laurel", audience: str = "laurel") -> None:
        self._key = read_private(key_file)
        self._header = {"kid": public_jwk(self._key)["kid"]}
        self._issuer, self._audience = issuer, audience

    def token(
        self,
        subject: str,
        kind: PrincipalKind,
        *,
        now: datetime,
        ttl: timedelta,
        program_id: str | None = None,
        roles: Sequence[str] = (),
        stores: Sequence[str] = (),
        sharing_groups: Sequence[str] = (),
    ) -> str:
        """A token for this principal, good from now on for `ttl`."""
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "kind": kind,
            "roles": list(roles),
            "stores": list(stores),
            "sharing_groups": list(sharing_groups),
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
            "jti": new_id("tok"),
        }
        if program_id is not None:
            claims["program_id"] = program_id
        return jwt.encode(claims, self._key, algorithm=algorithm(self._key), headers=self._header)


class TokenVerifier:
    """Verifies tokens against a key set, and remembers the verified ones for a minute.

    One verification costs about a third of a call; the memory is bounded. Shared calls name tokens that
    came before by their digests. All is forgotten whenever the keys or the revocations change.
    """

    def __init__(self, settings: Identity, *, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970, as tokens do: each call of everybody's asks for it."""
        self._settings, self._now = settings, now
        self._verified: OrderedDict[str, tuple[Principal, float]] = OrderedDict()
        self._digests: dict[bytes, Principal] = {}
        self._keys: Watched[KeySet] = Watched(_key_source(settings), parse_key_set, changed=self._forget)
        self._revocations: Watched[Revocations] | None = None
        if settings.revocations_file is not None:
            source = FileSource(settings.revocations_file)
            self._revocations = Watched(source, parse_revocations, changed=self._forget)

    async def load(self) -> None:
        """Read keys and revocations for the first time, or ConfigurationError."""
        for watched in self._watched():
            await watched.load()

    async def run(self) -> None:
        """Keep keys and revocations as they are published."""
        await watch(*self._watched())

    def principal(self, token: str) -> Principal:
        """The principal of a token, or Unauthenticated."""
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            raise Unauthenticated
        now = self._now()
        if known := self._verified.get(token):
            principal, until = known
            if now < until:
                return principal
            self._drop(token)
        claims = self._claims(token)
        principal = _principal(claims, token)
        self.require_unrevoked(
            principal.kind,
            principal.subject,
            principal.program_id,
            issued=_time(claims["iat"]),
            jti=claims["jti"],
        )
        self._verified[token] = (principal, min(now + CACHED_SECONDS, claims["exp"]))
        self._digests[_digest(token)] = principal
        if len(self._verified) > CACHED_TOKENS:
            self._drop(next(iter(self._verified)))
        return principal

    def known(self, digest: bytes) -> Principal | None:
        """The principal of a token that was verified before, by its SHA-256; None where it was not.

        Unauthenticated when it is good no more.
        """
        principal = self._digests.get(digest)
        return None if principal is None else self.principal(principal.token)

    def require_unrevoked(
        self, kind: str, subject: str, program_id: str | None, *, issued: datetime, jti: str = ""
    ) -> None:
        """Refuse an identity, a token's or a certificate's, that was revoked since it was issued."""
        if self._revocations is None:
            return
        if self._revocations.value.cover(kind, subject, program_id, issued=issued, jti=jti):
            raise Unauthenticated("this identity was revoked")

    def _drop(self, token: str) -> None:
        del self._verified[token]
        del self._digests[_digest(token)]

    def _forget(self) -> None:
        self._verified.clear()
        self._digests.clear()

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._settings.token_audience,
                issuer=self._settings.token_issuer,
                leeway=LEEWAY,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated from error
        # The library takes numbers as text, too; what we sign has none.
        if not (isinstance(claims["exp"], int) and isinstance(claims["iat"], int)):
            raise Unauthenticated
        if claims["exp"] - claims["iat"] > self._settings.token_ttl_max.total_seconds():
            raise Unauthenticated("the token lives longer than is allowed")
        return claims

    def _key(self, key_id: object) -> jwt.PyJWK:
        """The key of this id. An unknown one may be new, so the keys are read again for the next try."""
        if not isinstance(key_id, str):
            raise Unauthenticated
        key = self._keys.value.get(key_id)
        if key is None:
            self._keys.hurry()
            raise Unauthenticated
        return key

    def _watched(self) -> list[Watched[Any]]:
        return [self._keys] if self._revocations is None else [self._keys, self._revocations]


def bearer(given: Sequence[str]) -> str | None:
    """The token that was given as `authorization`, if any; what is no bearer token is refused."""
    if not given:
        return None
    scheme, _, rest = given[0].partition(" ")
    token = rest.strip()
    if len(given) > 1 or scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _key_source(settings: Identity) -> Source:
    if settings.key_set_file is not None:
        return FileSource(settings.key_set_file)
    return UrlSource(str(settings.key_set_url), settings.key_set_ca_file)


def _principal(claims: dict[str, Any], token: str) -> Principal:
    kind, program_id = claims.get("kind"), claims.get("program_id")
    if kind not in get_args(PrincipalKind):
        raise Unauthenticated("the token says no principal that we know")
    if kind != "service" and not isinstance(program_id, str):
        raise Unauthenticated("the token names no program")
    return Principal(
        subject=str(claims["sub"]),
        kind=cast(PrincipalKind, kind),
        program_id=program_id if isinstance(program_id, str) else None,
        roles=_names(claims, "roles"),
        stores=_names(claims, "stores"),
        sharing_groups=_names(claims, "sharing_groups"),
        token=token,
    )


def _names(claims: dict[str, Any], claim: str) -> tuple[str, ...]:
    names = claims.get(claim, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unauthenticated(f"the token's {claim} are no list of names")
    return tuple(names)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
