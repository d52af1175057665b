"""What the graph tells of members."""

from itertools import pairwise

import pytest
from strawberry.relay import GlobalID

from tests.gateway.conftest import Graph
from tests.gateway.queries import IDS, MEMBER
from tests.gateway.world import member_id

GLOBAL_ID = str(GlobalID("Member", member_id(1)))


async def test_a_member_is_told_in_one_query_and_to_staff_without_what_leads_to_a_person(
    graph: Graph,
) -> None:
    member = (await graph.data(MEMBER, id=member_id(1)))["member"]

    assert member["profile"] == {
        "registeredTime": "1997-01-01T00:00:00+00:00",
        "storeId": "online",
        "verification": "VERIFIED",
        "identities": [{"source": "cdnow", "externalId": "•••"}],
        "lastActivityTime": "1998-06-01T12:00:00+00:00",
    }
    assert member["activity"] == {"state": "DORMANT", "since": "1998-07-01T12:00:00+00:00"}
    assert member["facts"]["facts"] == [{"name": "purchase.count.lifetime", "value": 2}]
    assert member["scores"][0]["valueBp"] == 36_000
    assert member["scores"][0]["contributions"][0]["cuts"] == [1, 2, 3, 4]
    assert member["scores"][0]["contributions"][0]["distances"] == [-29_999, -29_998, -29_997, -29_996]
    assert member["scores"][0]["labelName"] == {"zh": "潜力", "en": "Potential"}
    assert [(each["zh"], each["en"]) for each in member["scores"][0]["reasons"]] == [
        ("距离高价值还差0.4。", "High value is 0.4 away."),
        ("贡献最多的是消费金额：2，最多可得2。", "Money gives the most: 2 of 2."),
    ]
    assert member["benefits"] == [
        {
            "key": "free_shipping",
            "kind": "SERVICE",
            "name": {"zh": "免运费", "en": "Free shipping"},
            "tierSet": "main",
            "grantedByTier": "silver",
            "inherited": True,
            "params": [{"name": "orders_count", "value": 12}],
        }
    ]
    assert member["risk"]["integrity"] == 90
    assert member["risk"]["level"] == "LOW"


async def test_a_membership_tells_its_tier_its_decision_and_what_is_missing_for_the_next(
    graph: Graph,
) -> None:
    (membership,) = (await graph.data(MEMBER, id=member_id(1)))["member"]["memberships"]

    assert membership["tier"] == {"key": "gold", "name": {"zh": "金卡会员", "en": "Gold"}, "rank": 3}
    assert membership["progress"]["tier"] == {"key": "platinum"}
    assert membership["progress"]["gaps"][0]["missing"] == 20_000
    decision = membership["decision"]
    assert decision["outcome"] == "UPGRADED"
    assert decision["cause"] == {
        "kind": "EVENT",
        "eventId": "evt_2",
        "eventSeq": 2,
        "runId": None,
        "actor": None,
    }
    assert decision["rules"][0]["margin"] == 5_000
    assert [(each["from"], each["to"]) for each in membership["history"]] == [
        ("normal", "gold"),
        (None, "normal"),
    ]


async def test_reasons_are_told_in_chinese_and_in_english(graph: Graph) -> None:
    (membership,) = (await graph.data(MEMBER, id=member_id(1)))["member"]["memberships"]

    (reason,) = membership["decision"]["reasons"]
    assert reason["code"] == "TIER_REACHED"
    assert any("一" <= character <= "鿿" for character in reason["zh"])
    assert reason["en"].isascii()
    assert {"name": "threshold", "value": "25000"} in reason["params"]


async def test_points_beyond_32_bits_are_exact_json_numbers(graph: Graph) -> None:
    points = (await graph.data(MEMBER, id=member_id(1)))["member"]["points"]

    assert (points["balance"], points["held"], points["available"]) == (2**40, 40, 2**40 - 40)
    entry, _ = points["entries"]
    assert entry["balanceAfter"] == 2**40
    assert (entry["originalTransactionId"], entry["writtenOffPoints"]) == (None, 0)
    assert entry["earnings"] == [
        {
            "rule": "purchase",
            "amountMinor": 20_050,
            "unitMinor": 100,
            "pointsPerUnit": 1,
            "multiplierBp": 20_000,
            "tier": "gold",
            "points": 400,
        }
    ]


async def test_what_is_pending_what_expires_and_what_was_taken_back_is_told(graph: Graph) -> None:
    points = (await graph.data(MEMBER, id=member_id(1)))["member"]["points"]

    assert (points["pending"], points["expiring"]) == (
        60,
        [{"expireTime": "1998-07-01T12:00:00+00:00", "points": 30}],
    )
    _, reversal = points["entries"]
    assert (reversal["kind"], reversal["points"], reversal["earnings"]) == ("REVERSAL", -100, [])
    assert (reversal["originalTransactionId"], reversal["writtenOffPoints"]) == ("txn_2", 300)


async def test_facts_and_scores_are_told_for_the_time_asked(graph: Graph) -> None:
    query = """
      query($id: ID!, $t: DateTime) { member(id: $id) { facts(asOf: $t) { asOf } scores(asOf: $t) { name } } }
    """

    data = await graph.data(query, id=member_id(1), t="1997-06-30T20:00:00-04:00")

    assert data["member"]["facts"]["asOf"] == "1997-07-01T00:00:00+00:00"
    subject = graph.services.asked.requests["BatchScore"].subjects[0]
    assert subject.as_of.ToJsonString() == "1997-07-01T00:00:00Z"


@pytest.mark.parametrize("given", [member_id(1), GLOBAL_ID], ids=["plain id", "global id"])
async def test_a_member_is_found_by_either_id(graph: Graph, given: str) -> None:
    data = await graph.data("query($id: ID!) { member(id: $id) { id memberId } }", id=given)

    assert data["member"] == {"id": GLOBAL_ID, "memberId": member_id(1)}


async def test_a_member_is_found_as_a_node(graph: Graph) -> None:
    data = await graph.data(
        "query($id: ID!) { node(id: $id) { __typename id ... on Member { memberId } } }", id=GLOBAL_ID
    )

    assert data["node"] == {"__typename": "Member", "id": GLOBAL_ID, "memberId": member_id(1)}


async def test_a_member_who_is_not_there_is_null(graph: Graph) -> None:
    data = await graph.data(
        "query($id: ID!, $node: ID!) { member(id: $id) { memberId } node(id: $node) { id } }",
        id=member_id(99),
        node=str(GlobalID("Member", member_id(99))),
    )

    assert data == {"member": None, "node": None}


@pytest.mark.parametrize(
    "given",
    [
        "",
        "mem_1",
        "garbage",
        "TWVtYmVy",
        str(GlobalID("Program", "music_store")),
        str(GlobalID("Member", "x")),
    ],
)
@pytest.mark.parametrize("field", ["node", "member"])
async def test_a_bad_id_is_bad_input_and_costs_its_field_only(graph: Graph, field: str, given: str) -> None:
    answer = await graph.ask(
        f"query($id: ID!, $good: ID!) {{ {field}(id: $id) {{ id }} good: member(id: $good) {{ memberId }} }}",
        id=given,
        good=member_id(1),
    )

    assert answer["data"] == {field: None, "good": {"memberId": member_id(1)}}
    (error,) = answer["errors"]
    assert error["path"] == [field]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_pages_joined_by_their_end_cursors_are_the_whole_list(graph: Graph) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = (await graph.data(IDS, first=7, after=after, tier="gold"))["members"]
        seen += [edge["node"]["memberId"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert seen == [member_id(number) for number in range(1, 31)]
    assert graph.services.asked.calls["ListMembers"] == 5


async def test_a_list_goes_on_after_the_cursor_of_any_edge(graph: Graph) -> None:
    page = (await graph.data(IDS, first=10))["members"]

    for edge, following in pairwise(page["edges"]):
        (next_edge,) = (await graph.data(IDS, first=1, after=edge["cursor"]))["members"]["edges"]
        assert next_edge["node"] == following["node"]


async def test_after_the_last_member_comes_an_empty_page(graph: Graph) -> None:
    whole = (await graph.data(IDS, first=30))["members"]
    assert whole["pageInfo"]["hasNextPage"] is False

    after = (await graph.data(IDS, first=5, after=whole["pageInfo"]["endCursor"]))["members"]

    assert after["edges"] == []
    assert after["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "startCursor": None,
        "endCursor": None,
    }


async def test_a_list_by_tier_holds_members_of_that_tier_only(graph: Graph) -> None:
    graph.services.members.fake.world.members[member_id(2)].tiers["main"] = "silver"

    silver = (await graph.data(IDS, first=100, tier="silver"))["members"]
    gold = (await graph.data(IDS, first=100, tier="gold"))["members"]

    assert [edge["node"]["memberId"] for edge in silver["edges"]] == [member_id(2)]
    assert len(gold["edges"]) == 29


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: 101",
        'after: "nonsense"',
        'after: "WyIiLCAtMV0="',
        'after: "WyJub25zZW5zZSIsIDBd"',
        'tier: "no_such_tier"',
    ],
    ids=["none", "too many", "no cursor", "a negative place", "no token of the service", "no such tier"],
)
async def test_bad_arguments_of_a_list_are_bad_input(graph: Graph, arguments: str) -> None:
    answer = await graph.ask(f"{{ members({arguments}) {{ edges {{ cursor }} }} }}")

    assert answer["data"] == {"members": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_cursor_of_one_tier_is_refused_for_another(graph: Graph) -> None:
    page = (await graph.data(IDS, first=5, tier="gold"))["members"]

    answer = await graph.ask(IDS, first=5, tier="silver", after=page["pageInfo"]["endCursor"])

    assert answer["data"] == {"members": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answer["errors"][0]["extensions"]["reason"] == "PAGE_TOKEN_INVALID"


async def test_a_time_without_its_zone_is_bad_input(graph: Graph) -> None:
    answer = await graph.ask(
        'query($id: ID!) { member(id: $id) { facts(asOf: "1998-07-01T00:00:00") { asOf } } }', id=member_id(1)
    )

    assert answer["data"] == {"member": {"facts": None}}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
