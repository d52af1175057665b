"""What the gateway answers over HTTP: results, and refusals in the shape of one (GraphQL over HTTP)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult

from libs.common.errors import Forbidden, Kind, Overloaded, Refusal, Unauthenticated
from libs.common.rpc.errors import INTERNAL_TEXT
from services.gateway.admission.gate import NotExecuted
from services.gateway.admission.limits import LimitExceeded, RateLimited
from services.gateway.admission.persisted import PersistedQueryNotFound
from services.gateway.codes import Code
from services.gateway.errors import PASSING, retry_after, shown

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"


class Defect(Refusal):
    reason, text = Code.INTERNAL, INTERNAL_TEXT


class HostNotAllowed(Refusal):
    reason, kind, text = Code.HOST_NOT_ALLOWED, Kind.INVALID, "the gateway does not answer to this host"


class NotFound(Refusal):
    reason, kind, text = Code.NOT_FOUND, Kind.NOT_FOUND, "there is nothing here; the graph is at /graphql"


class MethodNotAllowed(Refusal):
    reason, kind, text = Code.METHOD_NOT_ALLOWED, Kind.INVALID, "the graph is asked by POST"


class BodyTooLarge(Refusal):
    reason, kind, text = Code.BODY_TOO_LARGE, Kind.INVALID, "the request is larger than is allowed"


class MediaTypeUnsupported(Refusal):
    reason, kind, text = Code.MEDIA_TYPE_UNSUPPORTED, Kind.INVALID, f"send the request as {JSON}"


class BatchingUnsupported(Refusal):
    reason, kind, text = Code.BATCHING_UNSUPPORTED, Kind.INVALID, "send each request by itself"


_STATUSES: dict[str, int] = {
    Unauthenticated.reason: 401,
    Forbidden.reason: 403,
    NotFound.reason: 404,
    MethodNotAllowed.reason: 405,
    PersistedQueryNotFound.reason: 200,  # as Apollo's protocol has it: clients then send the text
    BodyTooLarge.reason: 413,
    MediaTypeUnsupported.reason: 415,
    RateLimited.reason: 429,
    Overloaded.reason: 429,
    Defect.reason: 500,
}


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to one request, in the media type that it takes."""

    request_id: str
    media_type: str

    @classmethod
    def to(cls, request_id: str, accept: str) -> "Answers":
        """The newer media type for those who name it and prefer nothing else, JSON for all others."""
        return cls(request_id, _media_type(accept))

    def executed(self, result: ExecutionResult) -> Response:
        """What an operation gave; its errors have their codes already."""
        body: dict[str, Any] = (
            {"errors": [error.formatted for error in result.errors]} if result.errors else {}
        )
        return self._response(body | {"data": result.data}, 200)

    def not_executed(self, refusal: NotExecuted) -> Response:
        """What is wrong with a document or its variables. There is no data, not even null."""
        errors = unexecuted_errors(refusal, self.request_id)
        return self._response(_told(*errors), self._unexecuted_status())

    def refused(self, refusal: Refusal) -> Response:
        """A request that was refused before there was a result."""
        status = self._unexecuted_status() if isinstance(refusal, LimitExceeded) else None
        response = self._response(
            _told(refusal_error(refusal, self.request_id)),
            status or _STATUSES.get(refusal.reason, 400),
        )
        if isinstance(refusal, RateLimited):
            response.headers["Retry-After"] = str(refusal.seconds)
        if isinstance(refusal, Overloaded):
            response.headers["Retry-After"] = str(retry_after(refusal))
        if isinstance(refusal, Unauthenticated):
            response.headers["WWW-Authenticate"] = 'Bearer realm="laurel"'
        return response

    def _unexecuted_status(self) -> int:
        return 200 if self.media_type == JSON else 400

    def _response(self, body: dict[str, Any], status: int) -> Response:
        return Response(
            orjson.dumps(body),
            status_code=status,
            headers={
                "Content-Type": f"{self.media_type}; charset=utf-8",
                "Cache-Control": "no-store",
                "Vary": "Accept, Accept-Language",
                "X-Content-Type-Options": "nosniff",
                "X-Request-Id": self.request_id,
            },
        )


def unexecuted_errors(refusal: NotExecuted, request_id: str) -> list[GraphQLError]:
    """What is wrong with a document or its variables."""
    return [shown(error, error.message, refusal.code, request_id) for error in refusal.errors]


def refusal_error(refusal: Refusal, request_id: str) -> GraphQLError:
    """A refusal that is about no field, and when the same may be asked again."""
    extensions: dict[str, object] = {"code": refusal.reason, "requestId": request_id}
    if isinstance(refusal, RateLimited):
        extensions["retryAfterSeconds"] = refusal.seconds
    elif refusal.reason in PASSING:
        extensions["retryAfterSeconds"] = retry_after(refusal)
    return GraphQLError(refusal.message, extensions=extensions)


def _told(*errors: GraphQLError) -> dict[str, Any]:
    return {"errors": [error.formatted for error in errors]}


@lru_cache(maxsize=256)  # clients write few, of a header's length at most
def _media_type(accept: str) -> str:
    preferences = dict(_preference(part) for part in accept.split(","))
    newer = preferences.get(GRAPHQL_RESPONSE, 0.0)
    prefers = newer > 0 and newer >= preferences.get(JSON, 0.0)
    return GRAPHQL_RESPONSE if prefers else JSON


def _preference(part: str) -> tuple[str, float]:
    media_type, *parameters = (each.strip().lower() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, float(value)
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0
