"""Requests as they come: bytes that may be no message, too many parts, broken rules, another's program."""

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import protovalidate
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from buf.validate import validate_pb2
from libs.common.caller import caller
from libs.common.errors import InvalidRequest, MalformedRequest
from libs.common.rpc.parts import OF_SERVICES, OF_STRANGERS, has_few_parts, require_countable

Deserialize = Callable[[bytes], Message]
# Where a broken rule is over a whole message and not over a field of it.
WHOLE = "message"


def message_of(read: Deserialize, data: bytes) -> Message:
    """The message that these bytes are, unless it has too many parts to be read."""
    if len(data) >= OF_STRANGERS.bytes_min:
        bound = OF_SERVICES if caller().kind == "service" else OF_STRANGERS
        require_countable(read.__self__, data, bound)  # type: ignore[attr-defined]  # FromString of a message
    try:
        return read(data)
    except DecodeError as error:
        raise MalformedRequest from error


def valid(request: Message) -> Message:
    """The request, if it keeps the rules of its proto."""
    if not _has_rules(request.DESCRIPTOR):
        return request
    # To look for the first broken rule is quick, to describe thousands is not: small requests hear of twenty.
    violations = protovalidate.collect_violations(request, fail_fast=True)
    if violations and has_few_parts(request):
        violations = protovalidate.collect_violations(request)
    if violations:
        raise InvalidRequest(**violation_texts(violations))
    return request


@cache
def _has_rules(kind: Descriptor) -> bool:
    """Whether messages of a kind, or parts of them, have any rules to keep."""
    kinds, seen = [kind], {kind}
    for each in kinds:
        if (
            each.GetOptions().HasExtension(validate_pb2.message)
            or any(one.GetOptions().HasExtension(validate_pb2.field) for one in each.fields)
            or any(one.GetOptions().HasExtension(validate_pb2.oneof) for one in each.oneofs)
        ):
            return True
        parts = {one.message_type for one in each.fields if one.message_type is not None} - seen
        kinds.extend(parts)
        seen |= parts
    return False


def in_program(request: Message) -> Message:
    """The request, if it is about the caller's own program; another's answers like one that is not there."""
    place = _program_place(request.DESCRIPTOR)
    if place is not None and (program_id := place(request)):
        caller().require_program(program_id)
    return request


@cache
def _program_place(kind: Descriptor) -> Callable[[Message], str] | None:
    """Where requests of a kind name their program: in a field, in that of their batch, or nowhere."""
    if "program_id" in kind.fields_by_name:
        return attrgetter("program_id")
    batch = kind.fields_by_name.get("batch")
    message = None if batch is None else batch.message_type
    if message is not None and "program_id" in message.fields_by_name:
        return attrgetter("batch.program_id")
    return None


def violation_texts(violations: Sequence[Any]) -> dict[str, str]:
    """What each violated rule says, by the path of its field; the first twenty."""
    return {_path(violation): violation.proto.message for violation in violations[:20]}


def _path(violation: Any) -> str:
    """The path of the field; a rule over a whole message has none."""
    elements = violation.proto.field.elements if violation.proto.field is not None else ()
    parts = [
        element.field_name
        if element.subscript is None
        else f"{element.field_name}[{element.subscript.value}]"
        for element in elements
    ]
    return ".".join(parts) or WHOLE
