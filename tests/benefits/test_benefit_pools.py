"""What all members share of a benefit: never more than there is, by a schedule, and back when given back."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info, reason_of
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

SERVICE = pb.DESCRIPTOR.services_by_name["EntitlementsService"]
ONE_EACH = {"amount": 1, "unit": "uses", "period": "ever"}


async def a_shop(benefits: BenefitsWorld, *, pool: dict[str, Any] | None, **fields: Any) -> str:
    """The key of a program that gives everybody a gift of a pool."""
    document = preset(PROGRAM).document()
    name = {"zh": "礼", "en": "Gift"}
    gift = {"benefit": "gift", "kind": "consumption", "name": name, "quota": ONE_EACH, "pool": pool, **fields}
    document["tier_sets"][0]["tiers"][0]["benefits"] = [gift]
    document["key"] = f"shop_{new_id('x')[-12:]}"
    await benefits.publish(Program.parse(document))
    benefits.members.times[document["key"]] = NOON
    return str(document["key"])


async def members_of(benefits: BenefitsWorld, key: str, count: int) -> list[Story]:
    stories = [Story(key) for _ in range(count)]
    await benefits.apply(0, *(story.registration() for story in stories))
    return stories


def till(benefits: BenefitsWorld, key: str) -> Any:
    return benefits.stub(SERVICE, entitlements_pb2_grpc.EntitlementsServiceStub, "partner", "shop", key)


def taking(key: str, story: Story, **fields: Any) -> pb.UseBenefitRequest:
    wanted = {"benefit": "gift", "amount": 1, "external_ref": new_id("ref"), **fields}
    return pb.UseBenefitRequest(program_id=key, request_id=new_id("req"), member_id=story.member_id, **wanted)


def facts_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    info = error_info(error)
    assert info is not None
    return dict(info.metadata)


async def refused(call: Any) -> tuple[str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return reason_of(refusal.value), facts_of(refusal.value)


async def test_sixty_members_at_once_take_fifty_of_a_pool_of_fifty(benefits: BenefitsWorld) -> None:
    key = await a_shop(benefits, pool={"amount": 50, "unit": "uses", "period": "ever"})
    stories, shop = await members_of(benefits, key, 60), till(benefits, key)

    outcomes = await asyncio.gather(
        *(shop.UseBenefit(taking(key, story)) for story in stories), return_exceptions=True
    )

    errors = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert Counter(map(reason_of, errors)) == {"BENEFIT_POOL_EMPTY": 10}
    assert all(facts_of(each) == {"left": "0"} for each in errors)
    counted = await benefits.database.benefit_counters.find({"program_id": key}).to_list(None)
    assert Counter((each["member_id"] == "", each["used"]) for each in counted) == {
        (True, 50): 1,
        (False, 1): 50,
    }


async def test_a_member_takes_no_more_of_it_than_their_quota_and_the_pool_keeps_what_they_did_not_get(
    benefits: BenefitsWorld,
) -> None:
    key = await a_shop(benefits, pool={"amount": 5, "unit": "uses", "period": "ever"})
    (story,), shop = await members_of(benefits, key, 1), till(benefits, key)
    answer = await shop.UseBenefit(taking(key, story))

    again = await asyncio.gather(*(refused(shop.UseBenefit(taking(key, story))) for _ in range(5)))

    assert {reason for reason, _ in again} == {"QUOTA_USED_UP"}
    assert (answer.allowance.left, answer.allowance.pool_left) == (0, 4)
    listed = await shop.BatchListAllowances(
        pb.BatchListAllowancesRequest(program_id=key, member_ids=[story.member_id])
    )
    assert [each.pool_left for each in listed.results[0].allowances] == [4]


async def test_what_is_given_back_is_for_the_next_member(benefits: BenefitsWorld) -> None:
    key = await a_shop(benefits, pool={"amount": 1, "unit": "uses", "period": "ever"})
    (first, second), shop = await members_of(benefits, key, 2), till(benefits, key)
    used = (await shop.UseBenefit(taking(key, first))).use
    assert (await refused(shop.UseBenefit(taking(key, second))))[0] == "BENEFIT_POOL_EMPTY"

    for _ in range(2):
        await shop.CancelBenefitUse(
            pb.CancelBenefitUseRequest(program_id=key, request_id=new_id("req"), use_id=used.use_id)
        )

    assert (await shop.UseBenefit(taking(key, second))).allowance.pool_left == 0


async def test_the_same_reference_at_once_takes_one_of_the_pool(benefits: BenefitsWorld) -> None:
    key = await a_shop(benefits, pool={"amount": 9, "unit": "uses", "period": "ever"})
    (story,), shop = await members_of(benefits, key, 1), till(benefits, key)

    answers = await asyncio.gather(
        *(shop.UseBenefit(taking(key, story, external_ref="voucher 3")) for _ in range(6))
    )

    assert len({each.use.use_id for each in answers}) == 1
    assert {each.allowance.pool_left for each in answers} == {8}


@pytest.mark.parametrize(
    ("until", "expected"),
    [(2 * DAY, {"left": "0", "reset_time": "1998-03-03T05:00:00+00:00"}), (DAY / 24, {"left": "0"})],
    ids=["it goes on", "it is over by then"],
)
async def test_a_pool_of_a_day_says_when_it_is_full_again_unless_the_schedule_ends_before(
    benefits: BenefitsWorld, until: timedelta, expected: dict[str, str]
) -> None:
    pool = {"amount": 1, "unit": "uses", "period": "day"}
    key = await a_shop(benefits, pool=pool, schedule={"until_time": (NOON + until).isoformat()})
    (first, second), shop = await members_of(benefits, key, 2), till(benefits, key)
    await shop.UseBenefit(taking(key, first))

    refusal = await refused(shop.UseBenefit(taking(key, second)))

    assert refusal == ("BENEFIT_POOL_EMPTY", expected)


@pytest.mark.parametrize(
    ("begin", "end", "opens"), [(1, 2, True), (-2, -1, False)], ids=["before it begins", "after its end"]
)
async def test_outside_its_schedule_a_benefit_is_closed_and_says_when_it_opens(
    benefits: BenefitsWorld, begin: int, end: int, opens: bool
) -> None:
    first, last = NOON + begin * DAY, NOON + end * DAY
    schedule = {"from_time": first.isoformat(), "until_time": last.isoformat()}
    key = await a_shop(benefits, pool=None, schedule=schedule)
    (story,), shop = await members_of(benefits, key, 1), till(benefits, key)

    refusal = await refused(shop.UseBenefit(taking(key, story)))

    assert refusal == ("BENEFIT_NOT_OPEN", {"opening_time": first.isoformat()} if opens else {})
    listed = await shop.BatchListAllowances(
        pb.BatchListAllowancesRequest(program_id=key, member_ids=[story.member_id])
    )
    (left,) = listed.results[0].allowances
    assert (left.open, left.HasField("opening_time")) == (False, opens)
