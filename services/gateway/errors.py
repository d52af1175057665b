"""What the graph says when something goes wrong: a code for programs, a text that shows nothing of us."""

import math
from collections.abc import Sequence

import grpc
from graphql import FieldNode, GraphQLError
from strawberry.types.execution import ExecutionResult

from libs.common.errors import Kind, Refusal, Unauthenticated
from libs.common.rpc.errors import INTERNAL_TEXT, error_info, reason_of, retry_after_seconds
from libs.common.telemetry import log
from services.gateway.codes import Code

TEXT_LENGTH_MAX = 500
"""Texts may repeat what was sent, so they are cut."""


class BadRequest(Refusal):
    reason, kind, text = Code.BAD_REQUEST, Kind.INVALID, "the body is no GraphQL request"


class InvalidInput(Refusal):
    """An argument that the schema lets through and that means nothing."""

    reason, kind, text = Code.BAD_USER_INPUT, Kind.INVALID, "an argument is not valid"


_INPUT_REASONS = {"INVALID_REQUEST", "MALFORMED_REQUEST", "PAGE_TOKEN_INVALID", "TIER_UNKNOWN"}
_INPUT_REASONS |= {"COUPON_CAMPAIGN_UNKNOWN"}
# What passes by itself, or needs no more words than ours.
_OUR_TEXTS: dict[str, str] = {
    Code.UNAVAILABLE: "something this needs is down; ask again, a mutation with the same requestId",
    Code.DEADLINE_EXCEEDED: "out of time; ask again, a mutation with the same requestId",
    Code.OVERLOADED: "too much work is waiting; ask again later, a mutation with the same requestId",
    Code.UNAUTHENTICATED: Unauthenticated.text,
}
PASSING = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.OVERLOADED}
# What gRPC itself says without our ErrorInfo; the rest of its codes are defects.
_TRANSPORT: dict[grpc.StatusCode, str] = {
    grpc.StatusCode.UNAVAILABLE: Code.UNAVAILABLE,
    grpc.StatusCode.CANCELLED: Code.UNAVAILABLE,  # by a server that ends, or has too much to do
    grpc.StatusCode.DEADLINE_EXCEEDED: Code.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Code.OVERLOADED,
    grpc.StatusCode.UNAUTHENTICATED: Code.UNAUTHENTICATED,
}
_RETRY_SECONDS = 1


def mask(result: ExecutionResult, request_id: str) -> None:
    """Give each error of a result its code, and show of unexpected ones the id of their log entry alone."""
    if not result.errors:
        return
    _log(result.errors, request_id)
    result.errors = [_masked(error, request_id) for error in result.errors]


def _masked(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as its caller sees it."""
    cause = error.original_error
    if _is_about_arguments(error):
        return shown(error, error.message, Code.BAD_USER_INPUT, request_id)
    reason, text = _told(cause)
    if reason in _INPUT_REASONS:
        return shown(error, text, Code.BAD_USER_INPUT, request_id, reason=reason)
    if reason in PASSING:
        return shown(error, text, reason, request_id, retryAfterSeconds=retry_after(cause))
    return shown(error, text, reason, request_id)


def shown(error: GraphQLError, text: str, code: str, request_id: str, **extensions: object) -> GraphQLError:
    """An error with this text and code, at the place of another."""
    return GraphQLError(
        text[:TEXT_LENGTH_MAX],
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions | {"code": code, "requestId": request_id},
    )


def _is_about_arguments(error: GraphQLError) -> bool:
    """Whether graphql-core refused a value of the document at no field, or an argument and says where."""
    cause = error.original_error
    if cause is None:
        return error.path is None
    return isinstance(cause, GraphQLError) and bool(error.path is None or cause.nodes)


def retry_after(cause: Exception | None) -> int:
    """When what passes by itself may be asked for again."""
    seconds = None
    if isinstance(cause, Refusal):
        seconds = cause.retry_after_seconds
    elif isinstance(cause, grpc.aio.AioRpcError):
        seconds = retry_after_seconds(cause)
    return _RETRY_SECONDS if seconds is None else math.ceil(seconds)


def _told(cause: Exception | None) -> tuple[str, str]:
    """Reason and text of an error that happened while we read."""
    reason, text = "INTERNAL", INTERNAL_TEXT
    if isinstance(cause, Refusal):
        reason, text = cause.reason, cause.message
    elif isinstance(cause, grpc.aio.AioRpcError):
        if error_info(cause) is not None:
            reason, text = reason_of(cause), cause.details() or ""
        else:
            reason = _TRANSPORT.get(cause.code(), reason)
    return reason, _OUR_TEXTS.get(reason, text)


def _field(error: GraphQLError) -> str | None:
    """The field by its name in the schema: in a path stand the aliases that callers make up."""
    return next((node.name.value for node in error.nodes or () if isinstance(node, FieldNode)), None)


def _log(errors: Sequence[GraphQLError], request_id: str) -> None:
    """Log each cause once, however many fields of the answer it cost."""
    causes = {id(error.original_error): error for error in errors if error.original_error is not None}
    for error in causes.values():
        cause, field = error.original_error, _field(error)
        reason, _ = _told(cause)
        if isinstance(cause, grpc.aio.AioRpcError):
            info = error_info(cause)
            theirs = info.metadata.get("request_id", "") if info is not None else ""
            log("graph").warning(
                "service failed", reason=reason, field=field, request_id=request_id, service_request_id=theirs
            )
        elif reason == "INTERNAL" and not isinstance(cause, GraphQLError):
            log("graph").error("defect", field=field, request_id=request_id, exc_info=cause)
