"""What the till tells Laurel: its customers and what they bought. Answers are as the journal keeps them."""

from collections.abc import Sequence

from calls import Laurel
from journal import Answer
from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import members_pb2
from sales import Sale


def register(laurel: Laurel, sales: Sequence[Sale], request_id: str) -> Answer:
    """Register the customers of these sales, one of each; those who are members already stay who they are."""
    request = members_pb2.RegisterMembersRequest(
        program_id=laurel.program,
        request_id=request_id,
        registrations=[sale.registration() for sale in sales],
    )
    answer = laurel.call(laurel.members.RegisterMembers, request)
    return [
        {
            "customer": sale.customer,
            "member_id": result.member.member_id,
            "created": result.created,
            "reason": _reason(result.reason),
        }
        for sale, result in zip(sales, answer.results, strict=True)
    ]


def record(laurel: Laurel, sales: Sequence[Sale], request_id: str) -> Answer:
    """Record these sales; each is taken or rejected by itself."""
    request = members_pb2.RecordEventsRequest(
        program_id=laurel.program, request_id=request_id, events=[sale.event() for sale in sales]
    )
    answer = laurel.call(laurel.members.RecordEvents, request)
    return [
        {
            "sale": sale.name,
            "customer": sale.customer,
            "outcome": members_pb2.EventOutcome.Name(result.outcome).removeprefix("EVENT_OUTCOME_"),
            "reason": _reason(result.reason),
            "detail": result.detail,
            "seq": result.seq,
        }
        for sale, result in zip(sales, answer.results, strict=True)
    ]


def _reason(number: "error_reason_pb2.ErrorReason.ValueType") -> str:
    """The name of a reason; nothing where there is none."""
    return error_reason_pb2.ErrorReason.Name(number).removeprefix("ERROR_REASON_") if number else ""
