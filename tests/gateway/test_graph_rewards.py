"""What the graph tells of rewards, how members redeem them, and how the staff keep the catalogue."""

from collections.abc import Mapping
from typing import Any

import pytest

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.rpc.time import timestamp
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_rewards import REDEMPTION_ID
from tests.gateway.world import NOON, member_id

SOMEBODY = member_id(1)
REWARDS = """
query($first: Int!, $after: String, $member: ID!) {
  rewards(first: $first, after: $after, kind: GOODS) {
    edges { cursor node {
      id version kind name { zh en } description { zh en } pricePoints pointType valueMinor
      couponCampaignKey tierSet tierKey spendMinMinor
      window { fromTime untilTime hours { weekdays fromMinute toMinute } }
      limits { totalMax memberMax memberDayMax memberPeriodMax periodDays }
      reserveMinutes archived stocked left
      availability(memberId: $member) {
        available obstacles { code params { name value } zh: text(locale: ZH) en: text }
      }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
REDEMPTION = """
  id memberId rewardId rewardVersion kind name { en } pricePoints pointType couponId valueMinor state
  createdTime dueTime
  fulfilledTime endedTime granted
"""
AVAILABLE = "... on Refused { reason facts { name value } }"


async def mutated(
    graph: Graph, name: str, wanted: Mapping[str, object], *, show: str, **token: Any
) -> dict[str, Any]:
    """What a mutation answers to whoever has this token; members unless told."""
    kind = name[0].upper() + name[1:]
    document = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {show} {AVAILABLE} }} }}"
    held = graph.token(**{"kind": "member", "subject": SOMEBODY, **token})
    response = await graph.post({"query": document, "variables": {"input": wanted}}, token=held)
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    told: dict[str, Any] = answer["data"][name]
    return told


async def test_the_catalogue_is_told_with_what_stands_between_a_member_and_each(graph: Graph) -> None:
    rewards = (await graph.data(REWARDS, first=2, member=SOMEBODY))["rewards"]

    coffee, cup = (edge["node"] for edge in rewards["edges"])
    assert coffee == {
        "id": "coffee",
        "version": 2,
        "kind": "GOODS",
        "name": {"zh": "咖啡", "en": "Coffee"},
        "description": {"zh": "", "en": "Black"},
        "pricePoints": 2**40,
        "pointType": "club_points",
        "couponCampaignKey": "summer",
        "valueMinor": 500,
        "tierSet": "main",
        "tierKey": "gold",
        "spendMinMinor": 0,
        "window": {
            "fromTime": "1998-07-01T12:00:00+00:00",
            "untilTime": None,
            "hours": [{"weekdays": [6, 7], "fromMinute": 480, "toMinute": 720}],
        },
        "limits": {
            "totalMax": None,
            "memberMax": None,
            "memberDayMax": 1,
            "memberPeriodMax": None,
            "periodDays": None,
        },
        "reserveMinutes": 60,
        "archived": False,
        "stocked": 5,
        "left": 3,
        "availability": {
            "available": False,
            "obstacles": [
                {
                    "code": "POINTS_MISSING",
                    "params": [{"name": "missing_points", "value": "40"}],
                    "zh": "还差40积分。",
                    "en": "Points missing: 40.",
                }
            ],
        },
    }
    assert cup["availability"] == {"available": True, "obstacles": []}
    assert graph.services.asked.calls["BatchCheckRewards"] == 1
    assert graph.services.asked.requests["ListRewards"].kind == pb.REWARD_KIND_GOODS


async def test_the_catalogue_goes_on_after_a_cursor(graph: Graph) -> None:
    first = (await graph.data(REWARDS, first=2, member=SOMEBODY))["rewards"]

    cursors = [first["edges"][0]["cursor"], first["pageInfo"]["endCursor"]]
    pages = [(await graph.data(REWARDS, first=5, after=each, member=SOMEBODY))["rewards"] for each in cursors]

    assert first["pageInfo"]["hasNextPage"]
    assert [[edge["node"]["id"] for edge in page["edges"]] for page in pages] == [
        ["cup", "ticket"],
        ["ticket"],
    ]


async def test_a_member_who_is_not_there_has_no_availability(graph: Graph) -> None:
    query = f'{{ reward(rewardId: "cup") {{ availability(memberId: "{member_id(99)}") {{ available }} }} }}'

    assert await graph.data(query) == {"reward": {"availability": None}}


async def test_a_reward_that_is_not_there_is_null(graph: Graph) -> None:
    assert await graph.data('{ reward(rewardId: "nothing") { id } }') == {"reward": None}


async def test_the_redemptions_of_many_members_and_their_rewards_are_two_calls(graph: Graph) -> None:
    query = (
        "{ members(first: 5) { edges { node { redemptions(first: 3) { "
        + REDEMPTION
        + " reward { version } } } } } }"
    )

    edges = (await graph.data(query))["members"]["edges"]

    assert len(edges) == 5
    assert edges[0]["node"]["redemptions"] == [
        {
            "id": REDEMPTION_ID,
            "memberId": SOMEBODY,
            "rewardId": "coffee",
            "rewardVersion": 1,
            "kind": "GOODS",
            "name": {"en": "Coffee"},
            "pricePoints": 100,
            "pointType": "club_points",
            "couponId": f"cpn_{1:032x}",
            "valueMinor": 500,
            "state": "RESERVED",
            "createdTime": "1998-07-01T12:00:00+00:00",
            "dueTime": "1998-07-01T12:00:00+00:00",
            "fulfilledTime": None,
            "endedTime": None,
            "granted": False,
            "reward": {"version": 2},
        }
    ]
    calls = graph.services.asked.calls
    assert (calls["BatchListRedemptions"], calls["BatchGetRewards"]) == (1, 1)


async def test_the_staff_read_who_gave_what(graph: Graph) -> None:
    query = """{ redemptions(first: 5, state: PENDING, rewardId: "coffee") {
      edges { node { id state } grant { grantedBy explanation decidedBy decision } } pageInfo { hasNextPage }
    } }"""

    redemptions = (await graph.data(query))["redemptions"]

    assert redemptions["edges"][0] == {
        "node": {"id": REDEMPTION_ID, "state": "PENDING"},
        "grant": {
            "grantedBy": "mia",
            "explanation": "an apology",
            "decidedBy": "ned",
            "decision": "seen it",
        },
    }
    asked = graph.services.asked.requests["ListRedemptions"]
    assert (asked.state, asked.reward_id, asked.member_id) == (pb.REDEMPTION_STATE_PENDING, "coffee", "")


MANAGER = {"kind": "staff", "subject": "mia", "roles": ["operations_manager"]}
PARTNER = {"kind": "partner", "subject": "cdnow"}


@pytest.mark.parametrize(
    ("name", "wanted", "token", "state"),
    [
        ("redeemReward", {"memberId": SOMEBODY, "rewardId": "coffee"}, {}, "RESERVED"),
        ("cancelRedemption", {"redemptionId": REDEMPTION_ID}, {}, "CANCELLED"),
        ("fulfilRedemption", {"redemptionId": REDEMPTION_ID}, PARTNER, "FULFILLED"),
        (
            "grantReward",
            {"memberId": SOMEBODY, "rewardId": "coffee", "explanation": "an apology"},
            MANAGER,
            "PENDING",
        ),
        ("approveGrant", {"redemptionId": REDEMPTION_ID}, MANAGER, "RESERVED"),
        ("rejectGrant", {"redemptionId": REDEMPTION_ID, "explanation": "no"}, MANAGER, "REJECTED"),
    ],
)
async def test_each_step_answers_with_the_redemption_or_with_why_not(
    graph: Graph, name: str, wanted: dict[str, Any], token: dict[str, Any], state: str
) -> None:
    show = "... on RedemptionSaved { redemption { state } }"

    done = await mutated(graph, name, {"requestId": "r", **wanted}, show=show, **token)
    refused = await mutated(graph, name, {"requestId": REFUSED, **wanted}, show=show, **token)

    assert done == {"redemption": {"state": state}}
    assert refused["reason"] == "MEMBER_UNKNOWN"
    asked = graph.services.asked.requests[name[0].upper() + name[1:]]
    for field in ("memberId", "rewardId", "redemptionId", "explanation"):
        named = {"memberId": "member_id", "rewardId": "reward_id", "redemptionId": "redemption_id"}
        assert getattr(asked, named.get(field, field), "") == wanted.get(field, "")


async def test_a_reward_is_made_with_all_its_terms(graph: Graph) -> None:
    terms = {
        "kind": "TICKET",
        "name": {"zh": "机票", "en": "Flight"},
        "description": {"zh": "经济舱", "en": "Economy"},
        "pricePoints": 5000,
        "valueMinor": 90000,
        "tierSet": "main",
        "tierKey": "gold",
        "spendMinMinor": 100,
        "window": {
            "fromTime": "1998-07-01T12:00:00Z",
            "hours": [{"weekdays": [1], "fromMinute": 0, "toMinute": 60}],
        },
        "limits": {"memberPeriodMax": 1, "periodDays": 30},
        "reserveMinutes": 30,
        "pointType": "club_points",
        "couponCampaignKey": "summer",
    }
    wanted = {"requestId": "r", "rewardId": "flight", "terms": terms, "stock": 7}

    show = "... on RewardSaved { reward { id kind pricePoints } }"
    told = await mutated(graph, "createReward", wanted, show=show, **MANAGER)

    assert told == {"reward": {"id": "flight", "kind": "TICKET", "pricePoints": 5000}}
    asked = graph.services.asked.requests["CreateReward"]
    assert asked.stock_count == 7
    assert asked.terms == pb.RewardTerms(
        kind=pb.REWARD_KIND_TICKET,
        name_zh="机票",
        name_en="Flight",
        description_zh="经济舱",
        description_en="Economy",
        price_points=5000,
        point_type="club_points",
        coupon_campaign="summer",
        value_minor=90000,
        tier_set="main",
        tier="gold",
        spend_min_minor=100,
        window=pb.RewardWindow(
            from_time=timestamp(NOON),
            hours=[pb.RewardHours(weekdays=[1], from_minute=0, to_minute=60)],
        ),
        limits=pb.RewardLimits(member_period_max=1, period_days=30),
        reserve_minutes=30,
    )


LEAST = {"kind": "GOODS", "name": {"zh": "咖啡", "en": "Coffee"}, "pricePoints": 1, "valueMinor": 0}


async def test_a_reward_without_bounds_is_made_without_them(graph: Graph) -> None:
    wanted = {"requestId": "r", "rewardId": "coffee", "terms": LEAST}

    await mutated(graph, "createReward", wanted, show="... on RewardSaved { reward { id } }", **MANAGER)

    asked = graph.services.asked.requests["CreateReward"]
    assert not asked.HasField("stock_count")
    assert not asked.terms.HasField("limits")
    assert not asked.terms.HasField("window")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("updateReward", {"rewardId": "coffee", "version": 2, "terms": LEAST, "archived": True}),
        ("restockReward", {"rewardId": "coffee", "added": -3, "explanation": "broken"}),
    ],
)
async def test_the_catalogue_is_changed_or_it_says_why_not(
    graph: Graph, name: str, wanted: dict[str, Any]
) -> None:
    show = "... on RewardSaved { reward { id left } }"

    done = await mutated(graph, name, {"requestId": "r", **wanted}, show=show, **MANAGER)
    refused = await mutated(graph, name, {"requestId": REFUSED, **wanted}, show=show, **MANAGER)

    assert done == {"reward": {"id": "coffee", "left": 3}}
    assert refused["reason"] == "MEMBER_UNKNOWN"
    asked = graph.services.asked.requests[name[0].upper() + name[1:]]
    assert getattr(asked, "added_count", -3) == -3
    assert getattr(asked, "archived", True)
