"""What a POST asks for: its body, read within bounds."""

import orjson
from starlette.requests import Request

from services.gateway.admission.gate import Asked
from services.gateway.admission.requests import asked_of
from services.gateway.answers import JSON, BatchingUnsupported, BodyTooLarge, MediaTypeUnsupported
from services.gateway.errors import BadRequest


async def asked_by(request: Request, bytes_max: int) -> Asked:
    """What a request asks to be executed, or why it is none of GraphQL."""
    return _asked(request, await _body(request, bytes_max))


async def _body(request: Request, bytes_max: int) -> bytes:
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the request ended early")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > bytes_max:
            raise BodyTooLarge(f"the body is larger than {bytes_max} bytes")
    return body


def _asked(request: Request, body: bytes) -> Asked:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise MediaTypeUnsupported
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest("the body is not JSON") from error
    if isinstance(fields, list):
        raise BatchingUnsupported
    if not isinstance(fields, dict):
        raise BadRequest("the body is not a JSON object")
    return asked_of(fields)
