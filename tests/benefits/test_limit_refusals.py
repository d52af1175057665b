"""Who is refused for a limit of their own: told to risk once for each limit and day, and only then."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest
from pymongo.errors import AutoReconnect

from laurel.benefits.v1 import events_pb2
from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.clock import now
from libs.common.program import preset
from libs.common.rpc.time import moment
from services.benefits.domain.errors import PointsInsufficient, RedemptionCapReached
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.coupons_world import by_code, coupons_world
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import a_member, a_redemption, a_reward, a_store, as_member, redeeming
from tests.benefits.test_tills import a_till
from tests.support.builders import NOON, PROGRAM


async def told(benefits: BenefitsWorld, member_id: str) -> list[events_pb2.LimitRefused]:
    """What was announced of a member, in order."""
    rows = benefits.database.outbox.find({"subject": member_id, "type": "LimitRefused"}).sort("_id", 1)
    return [events_pb2.LimitRefused.FromString(each["payload"]) async for each in rows]


async def limits(benefits: BenefitsWorld, member_id: str) -> list[str]:
    return [each.limit for each in await told(benefits, member_id)]


async def all_refused(calls: list[Awaitable[object]]) -> int:
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return sum(isinstance(each, Exception) for each in answers)


async def test_a_till_that_passes_the_cap_of_the_day_is_told_once(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 500})
    member_id = till.purse.story.member_id
    began = now() - timedelta(seconds=1)

    reasons = [(await refusal(till.reserve(f"c{each}", 60)))[1] for each in range(3)]

    assert reasons == ["REDEMPTION_CAP_REACHED"] * 3
    (announced,) = await told(benefits, member_id)
    assert (announced.program_id, announced.member_id) == (till.program_id, member_id)
    assert (announced.limit, announced.business_date) == ("DAILY_CAP", NOON.date().isoformat())
    assert began <= moment(announced.refused_time) <= now()


async def test_who_is_refused_twenty_times_at_once_is_told_once(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 500})

    refused = await all_refused([till.reserve(f"c{each}", 60) for each in range(20)])

    assert refused == 20
    assert await limits(benefits, till.purse.story.member_id) == ["DAILY_CAP"]


async def test_the_refusal_leaves_nothing_but_what_is_told(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 500})
    before = await till.purse.balances()

    await refusal(till.reserve("c1", 60))

    assert await till.purse.balances() == before
    assert (await till.reserve("c1", 50)).points == 50


async def test_each_limit_is_told_by_itself(benefits: BenefitsWorld) -> None:
    policy = {"value_minor": 10, "daily_cap_minor": 500, "per_day_max": 1}
    till = await a_till(benefits, 100, redemption=policy)

    await refusal(till.reserve("c1", 60))
    await till.reserve("c2", 10)
    await refusal(till.reserve("c3", 10))
    await refusal(till.reserve("c4", 10))

    assert await limits(benefits, till.purse.story.member_id) == ["DAILY_CAP", "TOO_FREQUENT"]


async def test_the_next_business_day_is_another_one(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 500})
    await refusal(till.reserve("c1", 60))
    telling, member_id = LimitRefusals(BenefitsStore(benefits.database), now), till.purse.story.member_id
    tomorrow = NOON + timedelta(days=1)

    with pytest.raises(RedemptionCapReached):
        async with telling.told(till.purse.program, member_id, tomorrow):
            raise RedemptionCapReached(cap_minor=500, left_minor=0, money_minor=600)

    announced = [(each.limit, each.business_date) for each in await told(benefits, member_id)]
    assert announced == [("DAILY_CAP", each.date().isoformat()) for each in (NOON, tomorrow)]


async def test_a_reward_tells_all_limits_that_stand_against_it(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits, per_day_max=1)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, limits=pb.RewardLimits(member_max=1))
    await a_redemption(benefits, story, reward)

    for _ in range(2):
        await refusal(as_member(benefits, story).RedeemReward(redeeming(story, reward)))

    assert await limits(benefits, story.member_id) == ["REWARD_CAP", "TOO_FREQUENT"]


async def test_what_is_gone_for_everybody_or_missing_is_told_of_nobody(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    gone = await a_reward(benefits, program_id, limits=pb.RewardLimits(total_max=1))
    await a_redemption(benefits, await a_member(benefits, program_id), gone)
    dear = await a_reward(benefits, program_id, price_points=5_000)

    for reward in (gone, dear):
        await refusal(as_member(benefits, story).RedeemReward(redeeming(story, reward)))

    assert await limits(benefits, story.member_id) == []


async def test_a_coupon_beyond_what_a_member_may_use_is_told_and_a_quote_is_not(
    benefits: BenefitsWorld,
) -> None:
    world = await coupons_world(benefits)
    ann, campaign = await world.a_member(), await world.a_campaign(uses_per_member_max=1)
    first, second, third = await world.codes(campaign, 3)
    await world.reserved(ann, *by_code(first))

    await world.quoted(ann, by_code(second))
    quoted = await limits(benefits, ann)
    for code in (second, third):
        await refusal(world.reserved(ann, *by_code(code)))

    assert quoted == []
    assert await limits(benefits, ann) == ["COUPON_CAP"]


async def test_a_coupon_that_is_unknown_or_used_up_is_told_of_nobody(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits)
    ann, code = await world.a_member(), await world.a_code()
    await world.reserved(await world.a_member(), *by_code(code))

    for each in (code, "AAAA-BBBB-CCCC"):
        await refusal(world.reserved(ann, *by_code(each)))

    assert await limits(benefits, ann) == []


async def test_what_is_no_limit_is_neither_kept_nor_told(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(100)
    telling = LimitRefusals(BenefitsStore(benefits.database), now)

    with pytest.raises(PointsInsufficient):
        async with telling.told(preset(PROGRAM), story.member_id, NOON):
            raise PointsInsufficient(available_points=0, missing_points=1)

    assert await limits(benefits, story.member_id) == []


async def test_who_is_refused_hears_so_though_the_telling_fails(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 500})

    async def down(*_: object) -> None:
        raise AutoReconnect

    with monkeypatch.context() as patched:
        patched.setattr("services.benefits.repository.limit_refusals.add", down)
        told_down = (await refusal(till.reserve("c1", 60)))[1]
    before = await limits(benefits, till.purse.story.member_id)
    await refusal(till.reserve("c1", 60))

    assert (told_down, before) == ("REDEMPTION_CAP_REACHED", [])
    assert await limits(benefits, till.purse.story.member_id) == ["DAILY_CAP"]


async def test_the_announcement_has_its_place_among_the_members_changes(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 500})

    await refusal(till.reserve("c1", 60))
    await till.reserve("c2", 10)

    rows = benefits.database.outbox.find({"subject": till.purse.story.member_id})
    places = sorted([each["change_seq"] async for each in rows])
    assert places == list(range(1, len(places) + 1))
