"""The gRPC edge of the audit log, alike in every storing service: messages to reads and back."""

import re
from dataclasses import astuple, dataclass
from typing import Any

from laurel.common.v1 import audit_pb2 as pb
from laurel.common.v1 import audit_pb2_grpc
from libs.common.audit.log import AuditLog, Filters, Place
from libs.common.audit.messages import head_message, record_message
from libs.common.errors import PageTokenInvalid
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import moment

RECORDS = 50
HEADS = 100
PLACE = re.compile(r"([0-9]{1,18})/(.{0,128})")


@dataclass(frozen=True)
class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """AuditService over the log of one service."""

    log: AuditLog

    async def ListAuditRecords(
        self, message: pb.ListAuditRecordsRequest, context: Any
    ) -> pb.ListAuditRecordsResponse:
        filters = Filters(
            program_id=message.program_id,
            actor=message.actor,
            act=message.act,
            object=message.object,
            since=moment(message.since_time) if message.HasField("since_time") else None,
            until=moment(message.until_time) if message.HasField("until_time") else None,
        )
        bound = tuple(map(str, astuple(filters)))
        after = _place(page_after(message.page_token, *bound))
        page = await self.log.records(filters, after=after, limit=message.page_size or RECORDS)
        return pb.ListAuditRecordsResponse(
            records=map(record_message, page.records),
            next_page_token="" if page.following is None else page_token(_text(page.following), *bound),
            position=page.position,
            position_last=page.position_last,
        )

    async def ListAuditHeads(
        self, message: pb.ListAuditHeadsRequest, context: Any
    ) -> pb.ListAuditHeadsResponse:
        heads, more = await self.log.heads(
            message.program_id, after_position=message.after_position, limit=message.page_size or HEADS
        )
        return pb.ListAuditHeadsResponse(heads=map(head_message, heads), more=more)


def _text(place: Place) -> str:
    return f"{place.position}/{place.record_id}"


def _place(text: str | None) -> Place:
    """The place that a page token names; whoever makes one up reads on from elsewhere in the same list."""
    found = PLACE.fullmatch("0/" if text is None else text)
    if found is None:
        raise PageTokenInvalid
    return Place(int(found[1]), found[2])
