"""Messages of graphql-transport-ws as clients send them, read strictly."""

from dataclasses import dataclass
from typing import Any

import orjson

from services.gateway.admission.gate import Asked
from services.gateway.admission.requests import asked_of
from services.gateway.errors import BadRequest

SUBPROTOCOL = "graphql-transport-ws"
ID_LENGTH_MAX = 128


class MalformedMessage(Exception):
    """What came is no message of the protocol; the text says why, and nothing of what was sent."""


@dataclass(frozen=True, slots=True)
class Init:
    """The first message, with what it says of who connects."""

    authorization: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a ping, or says without one that the client is there."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Begins an operation under an id of the client's."""

    operation_id: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class Complete:
    """Ends an operation."""

    operation_id: str


Message = Init | Ping | Pong | Subscribe | Complete


def read(text: str) -> Message:
    """The message that a text is, or MalformedMessage."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MalformedMessage("no JSON") from None
    if not isinstance(fields, dict):
        raise MalformedMessage("no JSON object")
    match fields.get("type"):
        case "connection_init":
            return Init(_authorization(_optional(fields, "payload", dict) or {}))
        case "ping":
            _optional(fields, "payload", dict)
            return Ping()
        case "pong":
            _optional(fields, "payload", dict)
            return Pong()
        case "subscribe":
            return Subscribe(_id(fields), _asked(_optional(fields, "payload", dict) or {}))
        case "complete":
            return Complete(_id(fields))
        case _:
            raise MalformedMessage("no type of message")


def _authorization(payload: dict[str, Any]) -> tuple[str, ...]:
    """What stands under `authorization`, as in the header of HTTP in any case."""
    given = tuple(value for name, value in payload.items() if name.lower() == "authorization")
    if not all(isinstance(value, str) for value in given):
        raise MalformedMessage("authorization has the wrong type")
    return given


def _asked(payload: dict[str, Any]) -> Asked:
    try:
        return asked_of(payload)
    except BadRequest as refusal:
        raise MalformedMessage(refusal.message) from refusal


def _id(fields: dict[str, Any]) -> str:
    found = _optional(fields, "id", str)
    if not found or len(found) > ID_LENGTH_MAX:
        raise MalformedMessage("no id")
    return str(found)


def _optional(fields: dict[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise MalformedMessage(f"{name} has the wrong type")
    return value
