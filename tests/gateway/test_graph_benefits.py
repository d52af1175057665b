"""Benefits in use in the graph: what is left, what is locked, using one and giving it back."""

import json
from collections.abc import Mapping
from typing import Any

from libs.common.benefit_policy import BenefitGrant
from services.gateway.benefits.types.benefit_terms import (
    BenefitSchedule,
    BirthdayCare,
    Quota,
    QuotaPeriod,
    QuotaUnit,
    UnlockTerms,
    grant_of,
)
from services.gateway.values import Long
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.world import NOON, PROGRAM, member_id

READ = """
query($id: ID!) {
  member(id: $id) {
    benefits {
      key
      allowance { unit period limit used left resetTime open openingTime poolLeft }
      unlock { standard months monthsNeeded unlocked }
    }
    lockedBenefits { key kind name { zh en } tierSet tier steps }
    growthPaths {
      tierSet name { en } nextNode task taskZh: task(locale: ZH)
      nodes { key name { zh } reached reachedTime rewardPoints givenPoints transactionId }
      gaps { path metric value threshold missing }
    }
  }
}
"""
SPLIT = """
query($id: ID!, $value: AmountMinor!) {
  splitValue(memberId: $id, valueMinor: $value) {
    ... on DividedValue {
      split {
        cashMinor serviceMinor currency segment name { en } cashBp serviceBp
        segments { segment condition reason { code text } }
      }
    }
    ... on Refused { reason }
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
    (path,) = member["growthPaths"]
    assert (path["tierSet"], path["nextNode"], path["name"]["en"]) == ("growth", "first_order", "Growth path")
    assert (path["task"], path["taskZh"]) == ("order 1 more time", "再购买1次")
    assert path["gaps"] == [{"path": "all[1]", "metric": "orders", "value": 0, "threshold": 1, "missing": 1}]
    newcomer, guided, first_order = path["nodes"]
    assert guided == {
        "key": "guided",
        "name": {"zh": "完成引导"},
        "reached": True,
        "reachedTime": "1998-07-01T12:00:00+00:00",
        "rewardPoints": 20,
        "givenPoints": 20,
        "transactionId": "txn_1",
    }
    assert (newcomer["reached"], newcomer["reachedTime"]) == (True, None)
    assert (first_order["reached"], first_order["transactionId"]) == (False, None)


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


async def test_a_value_is_divided_with_why_each_segment_before_does_not_decide(graph: Graph) -> None:
    split = (await graph.data(SPLIT, id=member_id(1), value=101))["splitValue"]["split"]

    tried, decided = split.pop("segments")
    assert split == {
        "cashMinor": 60,
        "serviceMinor": 41,
        "currency": "USD",
        "segment": "ordinary",
        "name": {"en": "Ordinary"},
        "cashBp": 6_000,
        "serviceBp": 4_000,
    }
    assert (tried["segment"], tried["condition"]) == ("high_value", "member.spend >= 1000000")
    assert (tried["reason"]["code"], bool(tried["reason"]["text"])) == ("EARNING_CONDITION_NOT_MET", True)
    assert decided == {"segment": "ordinary", "condition": None, "reason": None}
    assert graph.services.asked.requests["SplitValue"].value_minor == 101


async def test_the_value_of_nobody_is_refused_as_an_answer(graph: Graph) -> None:
    answer = await graph.data(SPLIT, id=f"mem_{2**64:032x}", value=101)

    assert answer["splitValue"] == {"reason": "MEMBER_UNKNOWN"}


def test_a_benefit_shows_what_all_share_and_when_it_is_for_whom() -> None:
    grant = BenefitGrant.model_validate(
        {
            "benefit": "launch_gift",
            "kind": "consumption",
            "name": {"zh": "新品礼", "en": "Launch gift"},
            "quota": {"amount": 1, "period": "year"},
            "pool": {"amount": 50, "period": "day"},
            "schedule": {"from_time": NOON},
            "birthday": "month",
            "unlock": {"standard": "s", "months": 6},
        }
    )

    shown = grant_of(grant)

    assert shown.pool == Quota(
        amount=Long(50), unit=QuotaUnit.USES, period=QuotaPeriod.DAY, carry_over=Long(0)
    )
    assert shown.schedule == BenefitSchedule(from_time=NOON, until_time=None)
    assert (shown.birthday, shown.unlock) == (BirthdayCare.MONTH, UnlockTerms(standard="s", months=6))


async def test_a_benefit_that_is_open_to_all_at_any_time_has_no_such_terms(graph: Graph) -> None:
    query = """
    query($key: String!) {
      program(key: $key) { tierSets { tiers { benefits {
        pool { amount unit period } schedule { fromTime untilTime } birthday unlock { standard months }
      } } } }
    }
    """

    (ladder, *_) = (await graph.data(query, key=PROGRAM))["program"]["tierSets"]

    shown = [benefit for tier in ladder["tiers"] for benefit in tier["benefits"]]
    assert shown
    assert {json.dumps(each) for each in shown} == {
        json.dumps({"pool": None, "schedule": None, "birthday": None, "unlock": None})
    }
