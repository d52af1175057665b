"""What mutations answer when a service refuses them for a reason that their caller may know."""

import math
from collections.abc import Awaitable
from typing import TypeVar

import grpc
import strawberry

from libs.common.rpc.errors import error_info, retry_after_seconds
from services.gateway.values import NamedText, texts_of

T = TypeVar("T")

REQUEST_ID = (
    "Idempotency key, chosen by the caller: letters, digits and `._:-`, up to 64. The same request under it "
    "is answered as the first time, whatever happened in between; another one is refused."
)

# The rest is no answer to the request: who asks, what is down, and defects stay errors.
_EXPECTED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}


@strawberry.type(description="A mutation was refused, and nothing was written.")
class Refused:
    reason: str = strawberry.field(
        description="Why, for programs: a `laurel.common.v1.ErrorReason` without its prefix."
    )
    message: str = strawberry.field(description="Why, for developers.")
    retry_after_seconds: int | None = strawberry.field(
        description="When the same request may succeed; null when it will not as things are."
    )
    facts: list[NamedText] = strawberry.field(
        description="What the refusal is about, by name; a field of the request where that is invalid."
    )


async def attempted(call: Awaitable[T]) -> T | Refused:
    """What a service answers to a write, or why it refuses."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        info = error_info(error)
        if info is None or error.code() not in _EXPECTED:
            raise
        seconds = retry_after_seconds(error)
        return Refused(
            reason=info.reason,
            message=error.details() or info.reason,
            retry_after_seconds=None if seconds is None else math.ceil(seconds),
            facts=texts_of(info.metadata),
        )
