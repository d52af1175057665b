"""Tiers given by hand in a shop under attack: what waits for a second person; requests about them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from laurel.benefits.v1 import tiers_pb2
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp

OVERRIDES = 6
FAR = datetime(2400, 1, 1, tzinfo=UTC)


async def overrides(run: RunFile, program_id: str, member_id: str) -> list[str]:
    """What somebody wants a member to hold, and a second person is to approve."""
    requests = [
        tiers_pb2.OverrideTierRequest(
            program_id=program_id,
            request_id=new_id("req"),
            member_id=member_id,
            tier_set="main",
            tier="gold",
            reason=tiers_pb2.TIER_OVERRIDE_REASON_GOODWILL,
            explanation="case 4711",
        )
        for _ in range(OVERRIDES)
    ]
    async with connected(run, staff_token(run, program_id, ["operations_manager"])) as staff:
        answers = [await staff.tiers.OverrideTier(each) for each in requests]
    return [each.override.override_id for each in answers]


def _named(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "OverrideTier": lambda shop: {
        **_named(shop),
        "member_id": shop.members[0],
        "tier_set": "main",
        "tier": "gold",
        "until_time": timestamp(FAR),
        "reason": tiers_pb2.TIER_OVERRIDE_REASON_APPEAL_UPHELD,
        "explanation": "case 4711",
        "decision_id": shop.decisions[0],
    },
    "ApproveTierOverride": lambda shop: {**_named(shop), "override_id": shop.overrides[0]},
    "EndTierOverride": lambda shop: {
        **_named(shop),
        "override_id": shop.overrides[1],
        "explanation": "no case",
    },
    "ListTierOverrides": lambda shop: {
        "program_id": shop.program_id,
        "member_id": shop.members[0],
        "page_size": 2,
    },
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "overrideTier": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "tierSet": "main",
            "tier": "gold",
            "untilTime": "2400-01-01T00:00:00Z",
            "reason": "APPEAL_UPHELD",
            "explanation": "case 4711",
            "aboutDecisionId": shop.decisions[0],
        }
    },
    "approveTierOverride": lambda shop: {
        "input": {"requestId": new_id("req"), "overrideId": shop.overrides[2]}
    },
    "endTierOverride": lambda shop: {
        "input": {"requestId": new_id("req"), "overrideId": shop.overrides[3], "explanation": "no case"}
    },
    "tierOverrides": lambda shop: {"memberId": shop.members[0], "pending": False, "first": 2, "after": None},
}
