"""Points in use in a shop under attack: what its till holds, what the staff adjust; requests about them."""

from collections.abc import Callable, Mapping
from typing import Any

from laurel.benefits.v1 import points_pb2, tills_pb2
from libs.cli.clients import connected, connected_partner, staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id
from libs.common.redemption_policy import POINTS_MAX, Transfers

# Whoever asks again for what a check stands for gets the same answer, so these last for all attacks.
RESERVED, CAPTURED, CANCELLED, REVERSED = CHECKS = ("check_1", "check_2", "check_3", "check_4")
TRANSFERS = Transfers(daily_max_points=POINTS_MAX)
# More than one person adjusts alone.
MUCH, ADJUSTMENTS = 1_000_000, 6


async def holds(run: RunFile, program_id: str, *, partner_id: str, member_id: str) -> None:
    """A point of a member for each check, of which one is spent."""
    async with connected_partner(run, program_id, partner_id) as partner:
        for check_ref in CHECKS:
            await partner.tills.Reserve(
                tills_pb2.ReserveRequest(
                    program_id=program_id,
                    request_id=new_id("req"),
                    member_id=member_id,
                    check_ref=check_ref,
                    points=1,
                )
            )
        await partner.tills.Capture(
            tills_pb2.CaptureRequest(program_id=program_id, request_id=new_id("req"), check_ref=REVERSED)
        )


async def adjustments(run: RunFile, program_id: str, member_id: str) -> list[str]:
    """What somebody wants to give to a member, and a second person is to approve."""
    requests = [
        points_pb2.AdjustPointsRequest(
            program_id=program_id,
            request_id=new_id("req"),
            member_id=member_id,
            points=MUCH,
            reason="goodwill",
        )
        for _ in range(ADJUSTMENTS)
    ]
    async with connected(run, staff_token(run, program_id, ["operations_manager"])) as staff:
        answers = [await staff.points.AdjustPoints(each) for each in requests]
    return [each.adjustment.adjustment_id for each in answers]


def _named(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "Quote": lambda shop: {
        "program_id": shop.program_id,
        "member_id": shop.members[0],
        "lines": [{"ref": "1", "amount_minor": 100, "quantity": 1, "attributes": {"channel": "web"}}],
        "store_id": shop.store_id,
    },
    "Reserve": lambda shop: {
        **_named(shop),
        "member_id": shop.members[0],
        "check_ref": RESERVED,
        "points": 1,
    },
    "Capture": lambda shop: {**_named(shop), "check_ref": CAPTURED, "points": 1},
    "Cancel": lambda shop: {**_named(shop), "check_ref": CANCELLED},
    "Reverse": lambda shop: {
        **_named(shop),
        "check_ref": REVERSED,
        "return_ref": "return_1",
        "lines": [{"line": 0, "points": 1}],
    },
    "BatchListHolds": lambda shop: {
        "program_id": shop.program_id,
        "member_ids": shop.members[:2],
        "first": 2,
    },
    "AdjustPoints": lambda shop: {
        **_named(shop),
        "member_id": shop.members[0],
        "points": 1,
        "reason": "goodwill",
    },
    "ApproveAdjustment": lambda shop: {**_named(shop), "adjustment_id": shop.adjustments[0]},
    "RejectAdjustment": lambda shop: {
        **_named(shop),
        "adjustment_id": shop.adjustments[1],
        "reason": "no case",
    },
    "ListPendingAdjustments": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "TransferPoints": lambda shop: {
        **_named(shop),
        "member_id": shop.members[0],
        "to_member_id": shop.members[1],
        "points": 1,
    },
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "transferPoints": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "toMemberId": shop.members[1],
            "points": 1,
        }
    },
    "adjustPoints": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "points": 1,
            "reason": "goodwill",
        }
    },
    "approveAdjustment": lambda shop: {
        "input": {"requestId": new_id("req"), "adjustmentId": shop.adjustments[2]}
    },
    "rejectAdjustment": lambda shop: {
        "input": {"requestId": new_id("req"), "adjustmentId": shop.adjustments[3], "reason": "no case"}
    },
    "pendingAdjustments": lambda shop: {"first": 2, "after": None},
}
