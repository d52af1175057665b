"""Refusals on the wire: google.rpc.Status with ErrorInfo, BadRequest and RetryInfo, and back."""

from collections.abc import Mapping
from typing import NoReturn, TypeVar, cast

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from libs.common.errors import InvalidRequest, Kind, Refusal

M = TypeVar("M", bound=Message)

DOMAIN = "laurel"
FACTS_BYTES_MAX = 2_500

_CODES = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.ABORTED: grpc.StatusCode.ABORTED,
    Kind.OUT_OF_RANGE: grpc.StatusCode.OUT_OF_RANGE,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
}
INTERNAL_TEXT = "internal error"


def refusal_status(refusal: Refusal) -> status_pb2.Status:
    """What a refusal looks like on the wire."""
    code: int = _CODES[refusal.kind].value[0]
    status = status_pb2.Status(code=code, message=refusal.message)
    facts = _told(refusal.facts)
    _pack(status, error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=facts))
    if isinstance(refusal, InvalidRequest):
        _pack(status, _bad_request(facts))
    if refusal.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(refusal.retry_after_seconds * 1000))
        _pack(status, error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def _told(facts: Mapping[str, object]) -> dict[str, str]:
    """The facts as text, as many as fit: a status travels in trailers, and clients refuse long ones."""
    told: dict[str, str] = {}
    room = FACTS_BYTES_MAX
    for name, value in facts.items():
        text = str(value)
        room -= len(name.encode()) + len(text.encode())
        if room < 0:
            break
        told[name] = text
    return told


def _bad_request(facts: Mapping[str, str]) -> error_details_pb2.BadRequest:
    """The facts of an invalid request are its broken rules, by the path of the field."""
    violation = error_details_pb2.BadRequest.FieldViolation
    return error_details_pb2.BadRequest(
        field_violations=[violation(field=path, description=rule) for path, rule in facts.items()]
    )


def internal_status(request_id: str) -> status_pb2.Status:
    """What a defect of ours looks like: nothing of it but the id under which it is logged."""
    status = status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message=INTERNAL_TEXT)
    _pack(
        status,
        error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"request_id": request_id}),
    )
    return status


async def abort(context: "grpc.aio.ServicerContext[object, object]", status: status_pb2.Status) -> NoReturn:
    """End the call with a status and its details."""
    rich = rpc_status.to_status(status)
    await context.abort(rich.code, rich.details, rich.trailing_metadata)
    raise AssertionError("abort returned")


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    """The ErrorInfo that an error of a call carries, if it is one of ours."""
    return _detail(error, error_details_pb2.ErrorInfo())


def retry_after_seconds(error: grpc.aio.AioRpcError) -> float | None:
    """When an error of a call says that it may be tried again, if it says so."""
    info = _detail(error, error_details_pb2.RetryInfo())
    return None if info is None else info.retry_delay.ToMilliseconds() / 1000


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason of a call's error: its ErrorInfo's, or the name of its code."""
    info = error_info(error)
    if info is not None:
        return str(info.reason)
    return str(error.code().name)


def _detail(error: grpc.aio.AioRpcError, kind: M) -> M | None:
    """The detail of this kind that an error of a call carries, read into the given message."""
    status = rpc_status.from_call(cast(grpc.Call, error))
    details = status.details if status is not None else ()
    return kind if any(detail.Unpack(kind) for detail in details) else None


def _pack(status: status_pb2.Status, detail: Message) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)
