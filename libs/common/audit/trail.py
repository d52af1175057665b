"""Audit records: who did or read what, kept in the transaction of the act or before the answer leaves."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry.trace import format_trace_id

from buf.validate import validate_pb2
from libs.common import ids
from libs.common.audit.record import Actor, Record, sealed
from libs.common.audit.records import record_document
from libs.common.caller import Principal, caller
from libs.common.canonical import canonical
from libs.common.chains.chain import instant
from libs.common.mongo import Database, Request, Session
from libs.common.rpc.shared.carried import SeenRead
from libs.common.rpc.time import moment
from libs.common.tracing import here

OBJECTS_MAX = 1_000
TEXT_BYTES_MAX = 8_192
OUR_ID = re.compile(r"[a-z]{2,8}_[0-9a-f]{32}")
MEMBER_ID = re.compile(r"mem_[0-9a-f]{32}")
JSON_INTEGER_MAX = 2**53
PAGING = {"program_id", "page_token"}


@dataclass(frozen=True, slots=True)
class Act:
    """A privileged act: which request did it, to which objects, why, and what that changed.

    Nothing in it may be personal data. Objects are ids; `before` and `after`
    are small plain documents of texts, integers, lists and objects, None for
    what was not there.
    """

    request: Request[Any]
    objects: Sequence[str]
    reason: str = ""
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


async def record(database: Database, session: Session | None, act: Act, *, now: datetime) -> None:
    """Record an act of the present caller, inside the transaction that does it.

    Its place is in the work of `mongo.once`, which runs for nobody's replay,
    behind whatever may refuse the act. An act that changes nothing is an act.
    """
    await _keep(database, session, [_record(act, now)])


async def record_each(
    database: Database, session: Session | None, acts: Sequence[tuple[Context, Act]], *, now: datetime
) -> None:
    """Record acts of several callers, whose contexts are given, inside the transaction that does them all."""
    await _keep(database, session, [context.run(_record, act, now) for context, act in acts])


async def _keep(database: Database, session: Session | None, records: Sequence[Record]) -> None:
    documents = [record_document(each) for each in records]
    await database.audit.insert_many(documents, session=session)


def _record(act: Act, now: datetime) -> Record:
    """The record of an act of the present caller."""
    found = Record(
        record_id=ids.new_id("aud"),
        program_id=act.request.program_id,
        recorded_time=now,
        actor=_actor(caller()),
        act=act.request.method,
        objects=_objects(act.objects),
        reason=_bounded(act.reason),
        before=_content(act.before),
        after=_content(act.after),
        request_id=act.request.request_id,
        trace_id=_trace_id(),
    )
    return sealed(found)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Records what staff read of members, before they are answered."""

    database: Database
    now: Callable[[], datetime]
    new_id: Callable[[str], str] = ids.new_id

    async def read(self, reads: Sequence[SeenRead]) -> None:
        """Record that these requests were made, by whom and of which method, and are about to be answered."""
        records = [self._record(*each) for each in reads]
        await self.database.audit.insert_many([record_document(each) for each in records])

    def _record(self, principal: Principal, method: str, message: Message, answer: Message | None) -> Record:
        """The record of one read.

        Objects are the ids that it names and the members whom the answer
        shows, `after` is what it filters by. Of texts only keys and ids of
        ours are kept: whatever else somebody types could be personal.
        """
        shown = () if answer is None else _texts(answer)
        objects = [text for text in _texts(message) if OUR_ID.fullmatch(text)]
        objects += [text for text in shown if MEMBER_ID.fullmatch(text)]
        found = Record(
            record_id=self.new_id("aud"),
            program_id=getattr(message, "program_id", "") or principal.program_id or "",
            recorded_time=self.now(),
            actor=_actor(principal),
            act=method.rpartition("/")[2],
            objects=_objects(objects),
            after=_content(_filters(message)),
            trace_id=_trace_id(),
        )
        return sealed(found)


def _actor(principal: Principal) -> Actor:
    return Actor(principal.kind, principal.subject, principal.roles)


def _objects(objects: Sequence[str]) -> tuple[str, ...]:
    found = tuple(sorted(set(objects)))
    if len(found) > OBJECTS_MAX:
        raise ValueError(f"{len(found)} objects, one record holds {OBJECTS_MAX}")
    return found


def _content(content: Mapping[str, object] | None) -> str:
    return "" if content is None else _bounded(canonical(dict(content)).decode())


def _bounded(text: str) -> str:
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise ValueError(f"{len(text.encode())} bytes, an audit record holds {TEXT_BYTES_MAX} of each text")
    return text


def _trace_id() -> str:
    """The trace that the call belongs to, if it is in one."""
    span = here().get_span_context()
    return format_trace_id(span.trace_id) if span.is_valid else ""


def _texts(message: Message) -> Iterator[str]:
    """Every text of a message, however deep."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Message):
                yield from _texts(each)
            elif isinstance(each, str):
                yield each


def _filters(message: Message) -> dict[str, object] | None:
    """What a request says besides whom it is about; None for nothing."""
    found = {
        field.name: _filter(field, value)
        for field, value in message.ListFields()
        if not field.is_repeated and field.name not in PAGING
    }
    return {name: value for name, value in found.items() if value is not None} or None


def _filter(field: FieldDescriptor, value: Any) -> object | None:
    match value:
        case Timestamp():
            return instant(moment(value))
        case Message():
            return _filters(value)
        case bool():
            return value
        case int() if field.enum_type is not None:
            return field.enum_type.values_by_number[value].name
        case int():
            return value if abs(value) < JSON_INTEGER_MAX else str(value)
        case str() if _is_key(field) and not OUR_ID.fullmatch(value):
            return value
    return None


def _is_key(field: FieldDescriptor) -> bool:
    """Whether a text keeps to a pattern: it is chosen from keys of ours, not typed by somebody."""
    return bool(field.GetOptions().Extensions[validate_pb2.field].string.pattern)
