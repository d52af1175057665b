"""The gRPC edge of the audit log, alike in every storing service: messages to reads and back."""

from dataclasses import astuple, dataclass
from typing import Any

from laurel.common.v1 import audit_pb2 as pb
from laurel.common.v1 import audit_pb2_grpc
from libs.common.audit.log import AuditLog, Filters
from libs.common.audit.messages import head_message, record_message
from libs.common.chains.reading import place_of, place_text
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import moment

RECORDS = 50
HEADS = 100


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
        after = place_of(page_after(message.page_token, *bound))
        page = await self.log.records(filters, after=after, limit=message.page_size or RECORDS)
        return pb.ListAuditRecordsResponse(
            records=map(record_message, page.records),
            next_page_token="" if page.following is None else page_token(place_text(page.following), *bound),
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
