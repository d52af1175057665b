"""Benefits in use in the graph: what is left, what is locked, using one and giving it back."""

from collections.abc import Mapping
from typing import Any

from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.world import member_id

READ = """
query($id: ID!) {
  member(id: $id) {
    benefits {
      key
      allowance { unit period limit used left resetTime open openingTime poolLeft }
      unlock { standard months monthsNeeded unlocked }
    }
    lockedBenefits { key kind name { zh en } tierSet tier steps }
  }
}
"""
USE = """
mutation($input: UseBenefitInput!) {
  useBenefit(input: $input) {
    ... on BenefitUsed { use { useId benefit amount cancelled } allowance { left } }
    ... on Refused { reason }
  }
}
"""
STANDING = """
mutation($input: RecordStandingInput!) {
  recordStanding(input: $input) {
    ... on StandingRecorded { unlocks { months unlocked } }
    ... on Refused { reason }
  }
}
"""
CANCEL = """
mutation($input: CancelBenefitUseInput!) {
  cancelBenefitUse(input: $input) {
    ... on BenefitUseCancelled { use { useId cancelled } }
    ... on Refused { reason }
  }
}
"""


async def told(graph: Graph, query: str, wanted: Mapping[str, object]) -> Any:
    """What a partner is answered."""
    token = graph.token("partner", subject="shop")
    response = await graph.post({"query": query, "variables": {"input": wanted}}, token=token)
    return response.json()["data"]


async def test_a_member_sees_what_is_left_and_what_is_locked(graph: Graph) -> None:
    member = (await graph.data(READ, id=member_id(1)))["member"]

    assert member["benefits"] == [
        {
            "key": "free_shipping",
            "allowance": {
                "unit": "USES",
                "period": "MONTH",
                "limit": 4,
                "used": 1,
                "left": 3,
                "resetTime": "1998-07-01T12:00:00+00:00",
                "open": False,
                "openingTime": "1998-07-02T12:00:00+00:00",
                "poolLeft": 50,
            },
            "unlock": {"standard": "s", "months": 4, "monthsNeeded": 6, "unlocked": False},
        }
    ]
    assert member["lockedBenefits"] == [
        {
            "key": "exclusive_gift",
            "kind": "CONSUMPTION",
            "name": {"zh": "专属礼品", "en": "Exclusive gift"},
            "tierSet": "main",
            "tier": "platinum",
            "steps": 1,
        }
    ]


async def test_what_is_left_of_several_members_is_read_with_one_call(graph: Graph) -> None:
    await graph.data("{ members(first: 20) { edges { node { benefits { allowance { left } } } } } }")

    assert graph.services.asked.calls["BatchListAllowances"] == 1


async def test_a_benefit_is_used_and_given_back(graph: Graph) -> None:
    wanted = {
        "requestId": "1",
        "memberId": member_id(1),
        "benefit": "free_shipping",
        "externalRef": "order 1",
    }

    used = await told(graph, USE, wanted)
    cancelled = await told(graph, CANCEL, {"requestId": "2", "useId": "use_1"})

    assert used["useBenefit"] == {
        "use": {"useId": "use_1", "benefit": "free_shipping", "amount": 1, "cancelled": False},
        "allowance": {"left": 3},
    }
    assert cancelled["cancelBenefitUse"] == {"use": {"useId": "use_1", "cancelled": True}}


async def test_a_standing_is_told_and_answers_how_far_the_member_is(graph: Graph) -> None:
    wanted = {"requestId": "1", "memberId": member_id(1), "month": "1998-06", "standard": "s"}

    answer = await told(graph, STANDING, wanted)

    assert answer["recordStanding"] == {"unlocks": [{"months": 4, "unlocked": False}]}


async def test_a_use_that_is_refused_is_a_refusal_of_the_union(graph: Graph) -> None:
    wanted = {"requestId": REFUSED, "memberId": member_id(1), "benefit": "b", "externalRef": "1"}

    answer = await told(graph, USE, wanted)

    assert answer["useBenefit"] == {"reason": "MEMBER_UNKNOWN"}
