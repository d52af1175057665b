"""POST /graphql: a request becomes an operation, and its result an answer (GraphQL over HTTP)."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from libs.common.caller import set_caller
from libs.common.errors import DeadlineExceeded, Forbidden, Kind, Refusal, Unauthenticated
from libs.common.ids import new_id
from libs.common.rpc.deadline import set_deadline
from libs.common.rpc.errors import INTERNAL_TEXT
from libs.common.telemetry import log
from libs.common.tokens import TokenVerifier
from services.gateway.auth import authenticate, program_of
from services.gateway.clients import Clients
from services.gateway.context import Context, make_context
from services.gateway.errors import InvalidInput, mask, refusal_body
from services.gateway.metrics import REQUEST_SECONDS, outcome_of
from services.gateway.schema import schema
from services.gateway.settings import GatewaySettings

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"


class Defect(Refusal):
    reason, text = "INTERNAL", INTERNAL_TEXT


class BodyTooLarge(Refusal):
    reason, kind, text = "BODY_TOO_LARGE", Kind.INVALID, "the request is larger than is allowed"


class MediaTypeUnsupported(Refusal):
    reason, kind, text = "MEDIA_TYPE_UNSUPPORTED", Kind.INVALID, f"send the request as {JSON}"


_STATUSES = {
    Unauthenticated.reason: 401,
    Forbidden.reason: 403,
    BodyTooLarge.reason: 413,
    MediaTypeUnsupported.reason: 415,
    Defect.reason: 500,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks to be executed."""

    query: str
    operation_name: str | None
    variables: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers GraphQL requests, each as whoever sent it."""

    clients: Clients
    verifier: TokenVerifier
    settings: GatewaySettings

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        started = time.perf_counter()
        request_id = new_id("req")
        media_type = _media_type(request.headers.get("accept", ""))
        operation, outcome = "none", "refused"
        try:
            context = self._context(request, request_id)
            asked = _asked(request, await self._body(request))
            async with asyncio.timeout(self.settings.request_seconds_max):
                result = await _execute(asked, context)
            mask(result, request_id)
            operation, outcome = context.operation, outcome_of(result)
            response = _answered(result, request_id, media_type)
        except Refusal as refusal:
            response = _refused(refusal, request_id, media_type)
        except TimeoutError:
            outcome = "late"
            response = _refused(DeadlineExceeded("out of time; ask for less"), request_id, media_type)
        except Exception:
            outcome = "failed"
            log("graph").exception("defect", request_id=request_id)
            response = _refused(Defect(), request_id, media_type)
        REQUEST_SECONDS.labels(operation, outcome).observe(time.perf_counter() - started)
        return response

    def _context(self, request: Request, request_id: str) -> Context:
        """Find out who asks; from here on this task serves them."""
        principal = authenticate(request, self.verifier)
        set_caller(principal)
        set_deadline(self.settings.request_seconds_max)
        return make_context(self.clients, program_id=program_of(principal), request_id=request_id)

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > self.settings.request_bytes_max:
                    raise BodyTooLarge
        except ClientDisconnect as error:
            raise InvalidInput("the request ended early") from error
        return bytes(body)


async def _execute(asked: Asked, context: Context) -> ExecutionResult:
    try:
        return await schema.execute(
            asked.query,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            context_value=context,
        )
    except MissingQueryError as error:
        raise InvalidInput("the request has no query") from error
    except (CannotGetOperationTypeError, InvalidOperationTypeError) as error:
        raise InvalidInput("the document has no such operation") from error


def _asked(request: Request, body: bytes) -> Asked:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise MediaTypeUnsupported
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput("the body is not JSON") from error
    if not isinstance(fields, dict):
        raise InvalidInput("the body is not a JSON object")
    return Asked(
        query=_field(fields, "query", str) or "",
        operation_name=_field(fields, "operationName", str),
        variables=_field(fields, "variables", dict),
    )


def _field(fields: dict[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise InvalidInput(f"{name} has the wrong type")
    return value


def _media_type(accept: str) -> str:
    """The newer media type for those who name it and prefer nothing else, JSON for all others."""
    preferences = dict(_preference(part) for part in accept.split(","))
    newer = preferences.get(GRAPHQL_RESPONSE, 0.0)
    return GRAPHQL_RESPONSE if newer > 0 and newer >= preferences.get(JSON, 0.0) else JSON


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


def _answered(result: ExecutionResult, request_id: str, media_type: str) -> Response:
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    # Without execution there is no data, not even null: after a parse or validation error, or a bad variable.
    executed = not isinstance(result, PreExecutionError) and not _refused_variables(result)
    if executed:
        body["data"] = result.data
    status = 200 if executed or media_type == JSON else 400
    return _response(body, status, request_id, media_type)


def _refused_variables(result: ExecutionResult) -> bool:
    return (
        result.data is None
        and bool(result.errors)
        and all(error.path is None for error in result.errors or ())
    )


def _refused(refusal: Refusal, request_id: str, media_type: str) -> Response:
    response = _response(
        refusal_body(refusal, request_id), _STATUSES.get(refusal.reason, 400), request_id, media_type
    )
    if response.status_code == _STATUSES[Unauthenticated.reason]:
        response.headers["WWW-Authenticate"] = 'Bearer realm="laurel"'
    return response


def _response(body: dict[str, Any], status: int, request_id: str, media_type: str) -> Response:
    return Response(
        orjson.dumps(body),
        status_code=status,
        headers={
            "Content-Type": f"{media_type}; charset=utf-8",
            "Cache-Control": "no-store",
            "Vary": "Accept",
            "X-Request-Id": request_id,
        },
    )
