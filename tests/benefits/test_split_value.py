"""SplitValue: what is given back is divided by the member's segment, to the unit, and explained."""

from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.errors import reason_of
from tests.benefits.conftest import OTHER_PROGRAM, BenefitsWorld

SERVICE = pb.DESCRIPTOR.services_by_name["EntitlementsService"]
MIX = {
    "segments": [
        {
            "key": "high_value",
            "name": {"zh": "高价值会员", "en": "High value"},
            "condition": "member.spend >= 500000",
            "cash_bp": 4_000,
        },
        {"key": "ordinary", "name": {"zh": "普通会员", "en": "Ordinary"}, "cash_bp": 6_000},
    ]
}


async def a_shop(benefits: BenefitsWorld, **fields: Any) -> str:
    key = f"shop_{new_id('x')[-12:]}"
    await benefits.publish(Program.parse(preset("ecommerce_five").document() | {"key": key, **fields}))
    return key


def calling(benefits: BenefitsWorld, key: str, kind: Any = "partner", subject: str = "shop") -> Any:
    return benefits.stub(SERVICE, entitlements_pb2_grpc.EntitlementsServiceStub, kind, subject, key)


def asking(key: str, member_id: str, value_minor: int = 100) -> pb.SplitValueRequest:
    return pb.SplitValueRequest(program_id=key, member_id=member_id, value_minor=value_minor)


async def test_acceptance_15_high_value_basket_of_100_is_40_cash_and_60_service_and_ordinary_60_and_40(
    benefits: BenefitsWorld,
) -> None:
    key = await a_shop(benefits, mix=MIX)
    high, ordinary = [await benefits.a_member(amount, program_id=key) for amount in (500_000, 499_999)]

    split = [
        await calling(benefits, key).SplitValue(asking(key, story.member_id)) for story in (high, ordinary)
    ]

    assert [(each.segment, each.cash_minor, each.service_minor) for each in split] == [
        ("high_value", 40, 60),
        ("ordinary", 60, 40),
    ]
    assert [(each.cash_bp, each.service_bp, each.currency, each.name_zh) for each in split] == [
        (4_000, 6_000, "CNY", "高价值会员"),
        (6_000, 4_000, "CNY", "普通会员"),
    ]
    assert [(each.segment, each.reason.code) for each in split[1].segments] == [
        ("high_value", "EARNING_CONDITION_NOT_MET"),
        ("ordinary", ""),
    ]


async def test_it_changes_nothing_and_is_for_those_who_see_the_member(benefits: BenefitsWorld) -> None:
    key = await a_shop(benefits, mix=MIX)
    story = await benefits.a_member(100, program_id=key)
    own = calling(benefits, key, "member", story.member_id)

    answers = [await own.SplitValue(asking(key, story.member_id, 101)) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (answers[0].cash_minor, answers[0].service_minor) == (60, 41)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await calling(benefits, key, "partner", "rival").SplitValue(asking(key, story.member_id))
    assert reason_of(refusal.value) == "MEMBER_UNKNOWN"


async def test_a_program_without_a_mix_says_so(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(100, program_id=OTHER_PROGRAM)

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await calling(benefits, OTHER_PROGRAM).SplitValue(asking(OTHER_PROGRAM, story.member_id))

    assert reason_of(refusal.value) == "MIX_UNKNOWN"
