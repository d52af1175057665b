"""Rewards that give coupons: a coupon with each redemption, within its campaign, and back with it."""

import asyncio
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import coupons_pb2
from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.ids import new_id
from services.benefits.repository.coupons import ensure_coupon_indexes
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.coupons_world import CouponsWorld, by_id, coupons_world
from tests.benefits.outcomes import ledger_faults
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_creation,
    a_member,
    a_redemption,
    a_reward,
    as_,
    as_manager,
    as_member,
    cancelling,
    disagreements,
    points_left,
    redeeming,
)
from tests.benefits.stories import Story


async def offered(
    benefits: BenefitsWorld, *, stock: int | None = None, **terms: Any
) -> tuple[CouponsWorld, str, pb.Reward]:
    """A campaign of these terms, and a reward for 100 points that gives its coupons."""
    world = await coupons_world(benefits)
    campaign = await world.a_campaign(**terms)
    return world, campaign, await giving(benefits, world, campaign, stock=stock)


async def giving(
    benefits: BenefitsWorld, world: CouponsWorld, campaign: str, stock: int | None = None
) -> pb.Reward:
    coupon = {"kind": pb.REWARD_KIND_COUPON, "coupon_campaign": campaign}
    return await a_reward(benefits, world.program_id, stock=stock, **coupon)


async def coupons_of(world: CouponsWorld, story: Story) -> dict[str, str]:
    """The coupons that a member was given, with how far they are."""
    request = coupons_pb2.BatchListMemberCouponsRequest(
        program_id=story.program_id, member_ids=[story.member_id]
    )
    (result,) = (await world.staff.BatchListMemberCoupons(request)).results
    named = coupons_pb2.CouponStatus.Name
    return {
        each.coupon.coupon_id: named(each.coupon.status).removeprefix("COUPON_STATUS_")
        for each in result.coupons
    }


async def agreed(benefits: BenefitsWorld, world: CouponsWorld) -> None:
    """Rewards, coupons and points agree with one another."""
    assert await disagreements(benefits, world.program_id) == []
    assert await world.broken() == []
    assert await ledger_faults(benefits, world.program_id) == []


async def test_a_member_who_redeems_has_the_coupon_at_once(benefits: BenefitsWorld) -> None:
    world, campaign, reward = await offered(benefits)
    story = await a_member(benefits, world.program_id)

    redemption = await a_redemption(benefits, story, reward)

    assert redemption.state == pb.REDEMPTION_STATE_FULFILLED
    assert await coupons_of(world, story) == {redemption.coupon_id: "ISSUED"}
    assert (await world.campaign(campaign)).counts.issued_count == 1
    assert await points_left(benefits, story) == (900, 0)
    await agreed(benefits, world)


async def test_a_member_may_buy_several_beside_the_one_that_they_were_given(benefits: BenefitsWorld) -> None:
    world, campaign, reward = await offered(benefits)
    story = await a_member(benefits, world.program_id)

    bought = [(await a_redemption(benefits, story, reward)).coupon_id for _ in range(2)]
    given = await world.issued(campaign, story.member_id)
    again = await world.issued(campaign, story.member_id)

    assert given == again
    assert set(await coupons_of(world, story)) == {*bought, *given}


async def test_a_till_takes_the_coupon_as_any_other(benefits: BenefitsWorld) -> None:
    world, _, reward = await offered(benefits)
    story = await a_member(benefits, world.program_id)
    coupon_id = (await a_redemption(benefits, story, reward)).coupon_id

    reservation = await world.reserved(story.member_id, *by_id(coupon_id))
    await world.used(reservation.check_ref)

    assert [each.off_minor for each in reservation.quote.discounts if each.place] == [1_000]
    assert await coupons_of(world, story) == {coupon_id: "USED"}
    await agreed(benefits, world)


async def test_one_request_sent_by_two_gives_one_coupon(benefits: BenefitsWorld) -> None:
    world, campaign, reward = await offered(benefits)
    story = await a_member(benefits, world.program_id)
    request = redeeming(story, reward)
    member = as_member(benefits, story)

    answers = await asyncio.gather(*(member.RedeemReward(request) for _ in range(2)))

    assert answers[0] == answers[1]
    assert len(await coupons_of(world, story)) == 1
    assert (await world.campaign(campaign)).counts.issued_count == 1
    await agreed(benefits, world)


async def test_no_more_are_sold_than_the_campaign_may_be_used(benefits: BenefitsWorld) -> None:
    world, campaign, reward = await offered(benefits, uses_max=6, uses_per_coupon_max=2)
    stories = [await a_member(benefits, world.program_id) for _ in range(6)]

    answers = await asyncio.gather(
        *(as_member(benefits, each).RedeemReward(redeeming(each, reward)) for each in stories),
        return_exceptions=True,
    )

    sold = [each for each in answers if isinstance(each, pb.RedeemRewardResponse)]
    assert len(sold) == 3
    assert (await world.campaign(campaign)).counts.issued_count == 3
    assert await why_not(benefits, stories[0], reward) == {
        "code": "COUPON_UNAVAILABLE",
        "why": "CAMPAIGN_USED_UP",
    }
    await agreed(benefits, world)


async def why_not(benefits: BenefitsWorld, story: Story, reward: pb.Reward) -> dict[str, str]:
    """The code of the one thing that stands against a reward, asked and redeemed alike, and why."""
    member = as_member(benefits, story)
    asked = pb.BatchCheckRewardsRequest(
        program_id=story.program_id,
        keys=[pb.RewardCheckKey(member_id=story.member_id, reward_id=reward.reward_id)],
    )
    ((obstacle,),) = [each.obstacles for each in (await member.BatchCheckRewards(asked)).results]
    _, reason, facts = await refusal(member.RedeemReward(redeeming(story, reward)))
    code = pb.RewardObstacleCode.Name(obstacle.code).removeprefix("REWARD_OBSTACLE_CODE_")
    assert reason == "REWARD_UNAVAILABLE"
    assert facts["obstacle_0_code"] == code
    assert facts["obstacle_0_why"] == obstacle.params["why"]
    assert obstacle.text_zh.endswith("。")
    assert obstacle.text_en.endswith(".")
    return {"code": code, "why": obstacle.params["why"]}


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"uses_per_member_max": 1}, "MEMBER_LIMIT"),
        ({"uses_max": 1}, "CAMPAIGN_USED_UP"),
        ({"first_order_only": True}, "NOT_FIRST_ORDER"),
        ({"tiers": ["gold"]}, "WRONG_TIER"),
    ],
)
async def test_a_coupon_that_would_be_of_no_use_is_not_sold(
    benefits: BenefitsWorld, terms: dict[str, Any], why: str
) -> None:
    world, campaign, reward = await offered(benefits, **terms)
    story = await a_member(benefits, world.program_id)
    if why in {"MEMBER_LIMIT", "CAMPAIGN_USED_UP"}:
        await world.issued(campaign, story.member_id)

    found = await why_not(benefits, story, reward)

    assert found == {"code": "COUPON_UNAVAILABLE", "why": why}
    assert await points_left(benefits, story) == (1_000, 0)


async def test_nothing_is_sold_of_a_campaign_that_somebody_stopped(benefits: BenefitsWorld) -> None:
    world, campaign, reward = await offered(benefits, stock=1)
    story = await a_member(benefits, world.program_id)
    await world.staff.PauseCouponCampaign(
        coupons_pb2.PauseCouponCampaignRequest(
            program_id=world.program_id, request_id=new_id("req"), campaign=campaign
        )
    )

    found = await why_not(benefits, story, reward)

    assert found["why"] == "PAUSED"
    assert (await world.campaign(campaign)).counts.issued_count == 0
    await agreed(benefits, world)


async def test_what_is_taken_back_makes_the_coupon_void_and_gives_the_points_back(
    benefits: BenefitsWorld,
) -> None:
    world, campaign, reward = await offered(benefits, stock=1, uses_max=1)
    story = await a_member(benefits, world.program_id)
    redemption = await a_redemption(benefits, story, reward)
    shop = as_(benefits, "partner", "shop", story.program_id)

    back = (await shop.CancelRedemption(cancelling(story, redemption))).redemption
    following = await a_redemption(benefits, story, reward)

    assert (back.state, back.coupon_id) == (pb.REDEMPTION_STATE_CANCELLED, redemption.coupon_id)
    assert await coupons_of(world, story) == {redemption.coupon_id: "VOID", following.coupon_id: "ISSUED"}
    assert (await world.campaign(campaign)).counts.void_count == 1
    assert await points_left(benefits, story) == (900, 0)
    await agreed(benefits, world)


@pytest.mark.parametrize("used", [False, True], ids=["reserved", "used"])
async def test_a_coupon_that_a_check_has_is_not_taken_back(benefits: BenefitsWorld, used: bool) -> None:
    world, _, reward = await offered(benefits)
    story = await a_member(benefits, world.program_id)
    redemption = await a_redemption(benefits, story, reward)
    reservation = await world.reserved(story.member_id, *by_id(redemption.coupon_id))
    if used:
        await world.used(reservation.check_ref)

    _, reason, facts = await refusal(
        as_manager(benefits, story.program_id).CancelRedemption(cancelling(story, redemption))
    )

    assert (reason, facts) == ("REDEMPTION_COUPON_TAKEN", {"coupon_id": redemption.coupon_id})
    assert await points_left(benefits, story) == (900, 0)
    await agreed(benefits, world)


async def test_a_till_and_a_cancellation_at_once_are_one_of_both(benefits: BenefitsWorld) -> None:
    world, _, reward = await offered(benefits)
    story = await a_member(benefits, world.program_id)
    bought = [await a_redemption(benefits, story, reward) for _ in range(4)]
    manager = as_manager(benefits, story.program_id)

    answers = await asyncio.gather(
        *(world.reserved(story.member_id, *by_id(each.coupon_id)) for each in bought),
        *(manager.CancelRedemption(cancelling(story, each)) for each in bought),
        return_exceptions=True,
    )

    failed = [isinstance(each, grpc.aio.AioRpcError) for each in answers]
    assert [failed[place] + failed[place + 4] for place in range(4)] == [1] * 4
    await agreed(benefits, world)


async def test_a_grant_of_a_coupon_is_in_hand_as_soon_as_it_is_approved(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits)
    reward = await a_reward(
        benefits,
        world.program_id,
        kind=pb.REWARD_KIND_COUPON,
        coupon_campaign=await world.a_campaign(),
        value_minor=10**6,
    )
    story = await a_member(benefits, world.program_id)
    asked = pb.GrantRewardRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        reward_id=reward.reward_id,
        explanation="waited",
    )
    pending = (await as_manager(benefits, story.program_id).GrantReward(asked)).redemption
    before = await coupons_of(world, story)

    approval = pb.ApproveGrantRequest(
        program_id=story.program_id, request_id=new_id("req"), redemption_id=pending.redemption_id
    )
    granted = (await as_manager(benefits, story.program_id, "ned").ApproveGrant(approval)).redemption

    assert (pending.state, pending.coupon_id, before) == (pb.REDEMPTION_STATE_PENDING, "", {})
    assert granted.state == pb.REDEMPTION_STATE_FULFILLED
    assert await coupons_of(world, story) == {granted.coupon_id: "ISSUED"}
    assert await points_left(benefits, story) == (1_000, 0)
    await agreed(benefits, world)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"coupon_campaign": "no_such"}, "the program has no such campaign of coupons"),
        ({"coupon_campaign": "summer", "kind": pb.REWARD_KIND_GOODS}, "is for rewards of kind COUPON"),
    ],
)
async def test_a_reward_whose_coupon_cannot_be_given_is_refused_when_it_is_made(
    benefits: BenefitsWorld, fields: dict[str, Any], said: str
) -> None:
    world = await coupons_world(benefits)
    await world.staff.CreateCouponCampaign(world.a_creation("summer"))
    terms = {"kind": pb.REWARD_KIND_COUPON, **fields}

    _, reason, facts = await refusal(
        as_manager(benefits, world.program_id).CreateReward(a_creation(world.program_id, **terms))
    )

    assert (reason, facts) == ("REWARD_INVALID", {"terms.coupon_campaign": said})


async def test_without_a_campaign_coupons_are_handed_out_by_hand(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits)
    reward = await a_reward(benefits, world.program_id, kind=pb.REWARD_KIND_COUPON)
    story = await a_member(benefits, world.program_id)

    redemption = await a_redemption(benefits, story, reward)

    assert (redemption.state, redemption.coupon_id) == (pb.REDEMPTION_STATE_RESERVED, "")


async def test_databases_of_before_let_members_have_several_coupons_of_a_campaign(
    benefits: BenefitsWorld,
) -> None:
    database = benefits.database.client[new_id("db")]
    await database.coupons.create_index(
        [("campaign_id", 1), ("member_id", 1)],
        unique=True,
        name="given",
        partialFilterExpression={"member_id": {"$gt": ""}},
    )

    for _ in range(2):
        await ensure_coupon_indexes(database)

    of_campaign = [
        [name for name, _ in each["key"]]
        for each in (await database.coupons.index_information()).values()
        if each.get("unique") and each["key"][0][0] == "campaign_id"
    ]
    await benefits.database.client.drop_database(database.name)
    assert of_campaign == [["campaign_id", "member_id", "redemption_id"]]
