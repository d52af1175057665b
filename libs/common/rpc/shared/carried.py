"""Whom a shared call carries: known to what answers it, as the caller is to every other call."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from hmac import compare_digest

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from laurel.common.v1 import sharing_pb2
from libs.common.caller import Principal
from libs.common.errors import InvalidRequest, Unauthenticated
from libs.common.rpc.shared.assembling import DENIED, UNAUTHENTICATED, UNKNOWN_TOKEN
from libs.common.tokens import TokenVerifier

VERIFIED_AT_ONCE = 8
"""New tokens between which others are answered: each takes as long as a third of a call."""

SeenRead = tuple[Principal, str, Message, Message | None]
AuditReads = Callable[[Sequence[SeenRead]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Carried:
    """The callers of a shared call, or why one is nobody; what an exception is told as; who audits."""

    callers: Sequence[Principal | int]
    ending: Callable[[str, Exception], tuple[str, Status]]
    audit: AuditReads | None = None


_carried: ContextVar[Carried] = ContextVar("carried")


def carried() -> Carried:
    """Whom the call that is being served carries."""
    return _carried.get()


def set_carried(those: Carried) -> None:
    """Say whom the call that this task serves carries."""
    _carried.set(those)


async def callers_of(verifier: TokenVerifier, asks: sharing_pb2.SharedAsks) -> list[Principal | int]:
    """Each caller by their token, or by its digest where it came before; an outcome for whoever is nobody."""
    if len(asks.caller_tokens) not in {0, len(asks.caller_digests)}:
        raise InvalidRequest(asks="caller_tokens are none, or one for each digest")
    tokens = asks.caller_tokens or [""] * len(asks.caller_digests)
    found: list[Principal | int] = []
    for place, (digest, token) in enumerate(zip(asks.caller_digests, tokens, strict=True), 1):
        found.append(_caller(verifier, digest, token))
        if token and place % VERIFIED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _caller(verifier: TokenVerifier, digest: bytes, token: str) -> Principal | int:
    try:
        if not token:
            principal = verifier.known(digest)
        elif compare_digest(hashlib.sha256(token.encode()).digest(), digest):
            principal = verifier.principal(token)
        else:
            raise Unauthenticated
    except Unauthenticated:
        return UNAUTHENTICATED
    if principal is None:
        return UNKNOWN_TOKEN
    # Services call in their own name, by their own certificate.
    return DENIED if principal.kind == "service" or principal.program_id is None else principal
