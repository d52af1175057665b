"""What the graph says when something goes wrong: a code for programs, a text that shows nothing of us."""

from collections.abc import Sequence

import grpc
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from libs.common.errors import DeadlineExceeded, Kind, Overloaded, Refusal, Unauthenticated, Unavailable
from libs.common.rpc.errors import INTERNAL_TEXT, error_info, reason_of
from libs.common.telemetry import log


class InvalidInput(Refusal):
    """An argument that the schema lets through and that means nothing."""

    reason, kind, text = "BAD_USER_INPUT", Kind.INVALID, "an argument is not valid"


_INPUT_REASONS = {"INVALID_REQUEST", "MALFORMED_REQUEST", "PAGE_TOKEN_INVALID", "TIER_UNKNOWN"}
# What gRPC itself says without our ErrorInfo, in our words; the rest of its codes are defects.
_TRANSPORT_TEXTS = {
    refusal.reason: refusal.text for refusal in (DeadlineExceeded, Overloaded, Unauthenticated, Unavailable)
} | {"RESOURCE_EXHAUSTED": Overloaded.text}


def mask(result: ExecutionResult, request_id: str) -> None:
    """Give each error of a result its code, and show of unexpected ones the id of their log entry alone."""
    if not result.errors:
        return
    _log(result.errors, request_id)
    before = isinstance(result, PreExecutionError)
    result.errors = [shown(error, request_id, before_execution=before) for error in result.errors]


def shown(error: GraphQLError, request_id: str, *, before_execution: bool) -> GraphQLError:
    """The error as its caller sees it."""
    cause = error.original_error
    extensions: dict[str, object] = {}
    if isinstance(cause, RecursionError):
        code, text = "GRAPHQL_VALIDATION_FAILED", "the document is nested too deeply"
    elif before_execution and (cause is None or isinstance(cause, GraphQLError)):
        syntax = isinstance(error, GraphQLSyntaxError)
        code, text = "GRAPHQL_PARSE_FAILED" if syntax else "GRAPHQL_VALIDATION_FAILED", error.message
    elif not before_execution and _is_about_arguments(error):
        code, text = InvalidInput.reason, error.message
    else:
        reason, text = _told(cause)
        code = InvalidInput.reason if reason in _INPUT_REASONS else reason
        if code != reason:
            extensions["reason"] = reason
    extensions |= {"code": code, "requestId": request_id}
    return GraphQLError(
        text,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def refusal_body(refusal: Refusal, request_id: str) -> dict[str, object]:
    """A request refused before there was an operation, in the shape of a GraphQL answer."""
    return {
        "errors": [
            {"message": refusal.message, "extensions": {"code": refusal.reason, "requestId": request_id}}
        ]
    }


def _is_about_arguments(error: GraphQLError) -> bool:
    """Whether graphql-core refused a variable (at no field), or an argument made of one (and says where)."""
    cause = error.original_error
    return error.path is None or (isinstance(cause, GraphQLError) and bool(cause.nodes))


def _told(cause: Exception | None) -> tuple[str, str]:
    """Reason and text of an error that happened while we read."""
    if isinstance(cause, Refusal):
        return cause.reason, cause.message
    if isinstance(cause, grpc.aio.AioRpcError):
        reason = reason_of(cause)
        if error_info(cause) is not None and reason != "INTERNAL":
            return reason, cause.details() or reason
        if reason in _TRANSPORT_TEXTS:
            return reason, _TRANSPORT_TEXTS[reason]
    return "INTERNAL", INTERNAL_TEXT


def _log(errors: Sequence[GraphQLError], request_id: str) -> None:
    """Log each cause once, however many fields of the answer it cost."""
    causes = {id(error.original_error): error for error in errors if error.original_error is not None}
    for error in causes.values():
        cause, path = error.original_error, error.path
        reason, _ = _told(cause)
        if isinstance(cause, grpc.aio.AioRpcError):
            info = error_info(cause)
            theirs = info.metadata.get("request_id", "") if info is not None else ""
            log("graph").warning(
                "service failed", reason=reason, path=path, request_id=request_id, service_request_id=theirs
            )
        elif reason == "INTERNAL" and not isinstance(cause, GraphQLError):
            log("graph").error("defect", path=path, request_id=request_id, exc_info=cause)
