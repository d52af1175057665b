"""Bearer tokens: signed by a platform key, verified against a published key set (RFC 7519, RFC 7517)."""

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast, get_args

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from libs.common.caller import Principal, PrincipalKind
from libs.common.errors import Unauthenticated
from libs.common.ids import new_id

ISSUER = "laurel"
AUDIENCE = "laurel"
LEEWAY = timedelta(seconds=30)
CACHED_TOKENS = 10_000
CACHED_FOR = timedelta(seconds=60)


def make_key(key_file: Path, key_set_file: Path) -> None:
    """Make a signing key, readable by its owner only, and the key set that verifies it."""
    key = Ed25519PrivateKey.generate()
    public = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public |= {"kid": hashlib.sha256(public["x"].encode()).hexdigest()[:16], "use": "sig", "alg": "EdDSA"}
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key_set_file.write_text(json.dumps({"keys": [public]}, indent=2))


class TokenSigner:
    """Signs tokens with the platform's key."""

    def __init__(self, key_file: Path, key_set_file: Path) -> None:
        self._key = load_pem_private_key(key_file.read_bytes(), password=None)
        self._key_id = json.loads(key_set_file.read_text())["keys"][0]["kid"]

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
    ) -> str:
        """A token for this principal, good from now on for `ttl`."""
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "kind": kind,
            "roles": list(roles),
            "stores": list(stores),
            "iat": int(now.timestamp()),
            "exp": int((now + ttl).timestamp()),
            "jti": new_id("tok"),
        }
        if program_id is not None:
            claims["program_id"] = program_id
        assert isinstance(self._key, Ed25519PrivateKey), "make_key makes no other"
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._key_id})


class ServiceToken:
    """A service's own token, made anew before it expires."""

    TTL = timedelta(minutes=10)

    def __init__(self, signer: TokenSigner, service: str, now: Callable[[], datetime]) -> None:
        self._signer, self._service, self._now = signer, service, now
        self._token, self._renew_time = "", datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> str:
        now = self._now()
        if now >= self._renew_time:
            self._token = self._signer.token(self._service, "service", now=now, ttl=self.TTL)
            self._renew_time = now + self.TTL / 2
        return self._token


class TokenVerifier:
    """Verifies tokens against a key set, and remembers the verified ones for a minute.

    One verification costs about a third of a call; the memory is bounded, and
    keyed by digest, so that it holds no token.
    """

    def __init__(self, key_set_file: Path, *, ttl_max: timedelta, now: Callable[[], datetime]) -> None:
        self._ttl_max, self._now = ttl_max, now
        self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(key_set_file.read_text()).keys}
        self._verified: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()

    def principal(self, token: str) -> Principal:
        """The principal of a token, or Unauthenticated."""
        fingerprint = hashlib.sha256(token.encode()).digest()
        now = self._now()
        if known := self._verified.get(fingerprint):
            principal, until = known
            if now < until:
                return principal
            del self._verified[fingerprint]
        claims = self._claims(token)
        principal = _principal(claims, token)
        self._verified[fingerprint] = (
            principal,
            min(now + CACHED_FOR, datetime.fromtimestamp(claims["exp"], UTC)),
        )
        if len(self._verified) > CACHED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise Unauthenticated from error
        # The library takes numbers as text, too; what we sign has none.
        if not (isinstance(claims["exp"], int) and isinstance(claims["iat"], int)):
            raise Unauthenticated
        if claims["exp"] - claims["iat"] > self._ttl_max.total_seconds():
            raise Unauthenticated("the token lives longer than is allowed")
        return claims


def _principal(claims: dict[str, Any], token: str) -> Principal:
    kind, program_id = claims.get("kind"), claims.get("program_id")
    roles, stores = claims.get("roles", []), claims.get("stores", [])
    if kind not in get_args(PrincipalKind) or not (isinstance(roles, list) and isinstance(stores, list)):
        raise Unauthenticated("the token says no principal that we know")
    if kind != "service" and not isinstance(program_id, str):
        raise Unauthenticated("the token names no program")
    return Principal(
        subject=str(claims["sub"]),
        kind=cast(PrincipalKind, kind),
        program_id=program_id if isinstance(program_id, str) else None,
        roles=tuple(map(str, roles)),
        stores=tuple(map(str, stores)),
        token=token,
    )
