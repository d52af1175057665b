"""The writes of PointsService and TillsService: by whom, with what, and with what else under the same id."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from laurel.benefits.v1 import points_pb2, tills_pb2
from libs.common.ids import new_id
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.test_adjust_points import Desk, desks
from tests.benefits.test_tills import Till, a_till
from tests.benefits.test_transfer_points import a_giver
from tests.contracts.payloads import changed

Sent = tuple[Any, Message, Message]
CHECK = "check_1"


def _of(desk: Desk) -> dict[str, Any]:
    return {"program_id": desk.purse.program.key, "request_id": new_id("req")}


async def adjust(benefits: BenefitsWorld) -> Sent:
    desk, _ = await desks(benefits, 50)
    member_id = desk.purse.story.member_id
    request = points_pb2.AdjustPointsRequest(**_of(desk), member_id=member_id, points=5, reason="goodwill")
    return desk.stub, request, changed(request, points=6)


async def approve(benefits: BenefitsWorld) -> Sent:
    asks, decides = await desks(benefits, 50)
    waiting = [(await asks.adjust(5_000)).adjustment_id for _ in range(2)]
    request = points_pb2.ApproveAdjustmentRequest(**_of(asks), adjustment_id=waiting[0])
    return decides.stub, request, changed(request, adjustment_id=waiting[1])


async def reject(benefits: BenefitsWorld) -> Sent:
    asks, decides = await desks(benefits, 50)
    waiting = (await asks.adjust(5_000)).adjustment_id
    request = points_pb2.RejectAdjustmentRequest(**_of(asks), adjustment_id=waiting, reason="no case")
    return decides.stub, request, changed(request, reason="no such case")


async def transfer(benefits: BenefitsWorld) -> Sent:
    giver = await a_giver(benefits, 50)
    return giver.stub, (request := giver.request(20)), changed(request, points=21)


async def reserve(benefits: BenefitsWorld) -> Sent:
    till = await a_till(benefits, 50)
    member_id = till.purse.story.member_id
    request = tills_pb2.ReserveRequest(**_at(till), check_ref=CHECK, member_id=member_id, points=5)
    return till.stub, request, changed(request, points=6)


async def capture(benefits: BenefitsWorld) -> Sent:
    till = await _holding(benefits)
    request = tills_pb2.CaptureRequest(**_at(till), check_ref=CHECK)
    return till.stub, request, changed(request, points=3)


async def cancel(benefits: BenefitsWorld) -> Sent:
    till = await _holding(benefits)
    request = tills_pb2.CancelRequest(**_at(till), check_ref=CHECK)
    return till.stub, request, changed(request, line=2)


async def reverse(benefits: BenefitsWorld) -> Sent:
    till = await _holding(benefits)
    await till.capture(CHECK)
    request = tills_pb2.ReverseRequest(**_at(till), check_ref=CHECK, return_ref="return_1")
    return till.stub, request, changed(request, return_ref="return_2")


async def _holding(benefits: BenefitsWorld) -> Till:
    """A till that holds five points of a member for a check."""
    till = await a_till(benefits, 50)
    await till.reserve(CHECK, 5)
    return till


def _at(till: Till) -> dict[str, Any]:
    return {"program_id": till.program_id, "request_id": new_id("req")}


POINT_WRITES: dict[str, Callable[[BenefitsWorld], Awaitable[Sent]]] = {
    "PointsService/AdjustPoints": adjust,
    "PointsService/ApproveAdjustment": approve,
    "PointsService/RejectAdjustment": reject,
    "PointsService/TransferPoints": transfer,
    "TillsService/Reserve": reserve,
    "TillsService/Capture": capture,
    "TillsService/Cancel": cancel,
    "TillsService/Reverse": reverse,
}
