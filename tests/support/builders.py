"""Builders of the things that tests are about, with defaults that mean nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp

NOON = datetime(1998, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PROGRAM = "music_store"


def a_purchase(
    member_id: str, amount_minor: int = 1000, *, ref: str | None = None, at: datetime = NOON, **fields: Any
) -> events_pb2.Event:
    """A purchase in the program's currency."""
    return an_event(
        member_id,
        events_pb2.EVENT_KIND_PURCHASE,
        ref=ref,
        at=at,
        **{"amount_minor": amount_minor, "currency": "USD", "quantity": 1, **fields},
    )


def an_event(
    member_id: str,
    kind: events_pb2.EventKind.ValueType,
    *,
    ref: str | None = None,
    at: datetime = NOON,
    **fields: Any,
) -> events_pb2.Event:
    """Any event of a member."""
    return events_pb2.Event(
        kind=kind,
        member_id=member_id,
        external_ref=ref if ref is not None else new_id("ref"),
        occurred_time=timestamp(at),
        **fields,
    )


def a_batch(*events: events_pb2.Event, request_id: str | None = None) -> pb.RecordEventsRequest:
    """Events to record, under a request id of their own."""
    return pb.RecordEventsRequest(program_id=PROGRAM, request_id=request_id or new_id("req"), events=events)


def a_registration_request(*external_ids: str, request_id: str | None = None) -> pb.RegisterMembersRequest:
    """Members to register, all joining on the same day."""
    return pb.RegisterMembersRequest(
        program_id=PROGRAM,
        request_id=request_id or new_id("req"),
        registrations=[
            pb.Registration(external_member_id=each, registered_time=timestamp(NOON - 30 * DAY))
            for each in external_ids
        ],
    )
