"""Who is at the other end: the identity that a client's certificate names, and whose tokens it may carry."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from cryptography.x509 import load_pem_x509_certificate

from laurel.common.v1.sharing_pb2 import SharedAsks
from libs.common.caller import Principal
from libs.common.errors import Forbidden, Unauthenticated
from libs.common.rpc.shared.carried import callers_of
from libs.common.tokens import TokenVerifier, bearer
from libs.common.tracing import TRACEPARENT

if TYPE_CHECKING:
    import grpc

GATEWAY = "gateway"
PeerKind = Literal["service", "partner", "operator"]
KEY = "[a-z][a-z0-9_-]{0,62}"

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class Peer:
    """What a certificate says who its holder is."""

    kind: PeerKind
    name: str
    program_id: str | None = None

    @property
    def is_gateway(self) -> bool:
        """The one service that calls in the names of others, and never in its own."""
        return self.kind == "service" and self.name == GATEWAY

    def alone(self) -> Principal:
        """Who calls with this certificate and no token, or Unauthenticated."""
        if self.kind == "operator" or self.is_gateway:
            raise Unauthenticated("this certificate is good beside a bearer token only")
        return Principal(self.name, self.kind, self.program_id)

    def may_carry(self, principal: Principal) -> bool:
        """Whether a token of this principal may come with this certificate."""
        match self.kind:
            case "service":
                return self.is_gateway and principal.kind != "service"
            case "partner":
                own = (principal.subject, principal.program_id) == (self.name, self.program_id)
                return principal.kind == "partner" and own
            case "operator":
                return principal.kind == "staff"


class Asked:
    """What a call says of itself, read once: gRPC makes it anew whenever one looks.

    `connection` is what TLS knows of it; there is nothing to know without.
    """

    __slots__ = ("authorization", "connection", "traceparent")

    def __init__(self, context: Context, *, by_tls: bool) -> None:
        metadata: Iterable[Any] = context.invocation_metadata() or ()
        self.authorization: list[str] = []
        self.traceparent = ""
        for name, value in metadata:
            if name == "authorization":
                self.authorization.append(str(value))
            elif name == TRACEPARENT and not self.traceparent:
                self.traceparent = str(value)
        self.connection: Any = context.auth_context() if by_tls else None


class Authenticator:
    """Says whose call it is: by certificate and token where TLS is spoken, by token alone in development."""

    def __init__(self, verifier: TokenVerifier, trust_domain: str, *, by_tls: bool) -> None:
        self._verifier, self._trust_domain, self._by_tls = verifier, trust_domain, by_tls

    def asked(self, context: Context) -> Asked:
        """What a call says of itself."""
        return Asked(context, by_tls=self._by_tls)

    def principal(self, asked: Asked) -> Principal:
        """The principal of a call, or Unauthenticated, or Forbidden."""
        token = bearer(asked.authorization)
        if self._by_tls:
            return self._by_certificate(asked.connection, token)
        if token is None:
            raise Unauthenticated
        return self._verifier.principal(token)

    def require_gateway(self, asked: Asked) -> None:
        """Refuse whoever is not the gateway itself, calling for those whom its request carries.

        In development without TLS, on this machine, that is whoever calls in nobody's name.
        """
        if asked.authorization:
            raise Forbidden("those for whom the gateway reads are in its request")
        if self._by_tls and not self._peer(asked.connection).is_gateway:
            raise Forbidden("only the gateway reads for others")

    async def carried(self, asks: SharedAsks) -> list[Principal | int]:
        """The callers whom a shared call carries."""
        return await callers_of(self._verifier, asks)

    def _by_certificate(self, connection: Any, token: str | None) -> Principal:
        peer = self._peer(connection)
        if token is None:
            return peer.alone()
        principal = self._verifier.principal(token)
        if not peer.may_carry(principal):
            raise Forbidden("this certificate may not carry this token")
        return principal

    def _peer(self, connection: Any) -> Peer:
        peer = peer_of(tuple(connection.get("peer_uri", ())), self._trust_domain)
        if peer is None:
            raise Forbidden("the certificate names nobody whom we know")
        issued = _issued(connection["x509_pem_cert"][0])
        self._verifier.require_unrevoked(peer.kind, peer.name, peer.program_id, issued=issued)
        return peer


@lru_cache(maxsize=1024)
def peer_of(uris: Sequence[bytes], trust_domain: str) -> Peer | None:
    """Whom the one URI of a certificate names (SPIFFE X.509-SVID), if it is of our trust domain."""
    if len(uris) != 1:
        return None
    named = re.fullmatch(
        rf"spiffe://{re.escape(trust_domain)}/(?:(service|operator)/({KEY})|partner/({KEY})/({KEY}))",
        uris[0].decode("ascii", errors="replace"),
    )
    if named is None:
        return None
    kind, name, program_id, partner_id = named.groups()
    return Peer("partner", partner_id, program_id) if kind is None else Peer(cast(PeerKind, kind), name)


@lru_cache(maxsize=1024)
def _issued(pem: bytes) -> datetime:
    return load_pem_x509_certificate(pem).not_valid_before_utc
