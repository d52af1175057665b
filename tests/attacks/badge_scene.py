"""Badges in a shop under attack: some that members have; requests about them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from laurel.benefits.v1 import badges_pb2
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.badge_policy import Badge
from libs.common.documents import Text
from libs.common.ids import new_id

CAPTAIN = Badge(key="captain", name=Text(zh="百人团长", en="Captain of a hundred"))
FOUNDER = Badge(key="founder", name=Text(zh="创始会员", en="Founding member"), limit=20)


async def badges(run: RunFile, program_id: str, member_ids: Sequence[str]) -> list[str]:
    """A badge of each of these members."""
    requests = [
        badges_pb2.GrantBadgeRequest(
            program_id=program_id,
            request_id=new_id("req"),
            member_id=each,
            key=CAPTAIN.key,
            explanation="brought a hundred",
        )
        for each in member_ids
    ]
    async with connected(run, staff_token(run, program_id, ["operations_manager"])) as staff:
        answers = [await staff.badges.GrantBadge(each) for each in requests]
    return [each.badge.badge_id for each in answers]


def _named(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "GrantBadge": lambda shop: {
        **_named(shop),
        "member_id": shop.members[0],
        "key": FOUNDER.key,
        "explanation": "among the first",
    },
    "RevokeBadge": lambda shop: {
        **_named(shop),
        "badge_id": shop.badges[0],
        "explanation": "no case",
    },
    "BatchListBadges": lambda shop: {
        "program_id": shop.program_id,
        "member_ids": shop.members[:2],
        "first": 2,
    },
    "BatchVerifyBadges": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"key": CAPTAIN.key, "serial": 2}, {"key": FOUNDER.key, "serial": 1}],
    },
    "ListBadgeRecords": lambda shop: {"program_id": shop.program_id, "page_size": 2},
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "grantBadge": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[4],
            "key": FOUNDER.key,
            "explanation": "among the first",
        }
    },
    "revokeBadge": lambda shop: {
        "input": {"requestId": new_id("req"), "badgeId": shop.badges[2], "explanation": "no case"}
    },
    "badge": lambda _: {"key": CAPTAIN.key, "serial": 2},
}
