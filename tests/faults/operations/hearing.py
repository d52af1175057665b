"""What clients make of errors: which say that nothing was done, and which say nothing."""

import grpc
import httpx

from libs.common.errors import IdempotencyKeyReused, Overloaded
from libs.common.rpc.errors import reason_of
from tests.faults.history import Completion

DEFINITE = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
}


class GraphRefused(Exception):
    """The graph answered, with no result."""


def heard(error: Exception) -> Completion:
    """What an error says: that nothing was done, where that is certain, else that nobody knows."""
    match error:
        case grpc.aio.AioRpcError():
            reason = reason_of(error)
            overloaded = reason == Overloaded.reason and error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            definite = error.code() in DEFINITE or overloaded
            return Completion("fail" if definite else "info", f"{error.code().name} {reason}")
        case GraphRefused():
            # The gateway repeats what may be repeated: that it is refused says nothing of the first time.
            definite = str(error) == IdempotencyKeyReused.reason
            return Completion("fail" if definite else "info", f"graph {error}")
        case httpx.HTTPError():
            return Completion("info", type(error).__name__)
    raise error


def may_pass(completion: Completion) -> bool:
    """Whether the same request may be answered later."""
    return completion.outcome == "info" or completion.code.endswith(Overloaded.reason)
