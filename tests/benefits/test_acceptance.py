"""What loyalty programs are asked for in examples with numbers, each told through the services' own calls."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import contracts_pb2, tills_pb2, tills_pb2_grpc
from libs.common.benefit_policy import BenefitGrant
from libs.common.conditions import Comparison
from libs.common.documents import Text
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.errors import reason_of
from libs.common.tier_policy import Tier, TierSet
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contracts_world import BEGIN, DAY, Site, a_site, end_of
from tests.benefits.coupons_world import CouponsWorld, a_basket
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import points_of, told
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_member,
    a_reward,
    a_store,
    as_,
    as_member,
    disagreements,
    points_left,
    redeeming,
)
from tests.benefits.stories import Story
from tests.benefits.test_contract_calendar import changes, leads
from tests.benefits.test_earn_points import BY_AMOUNT, OFFLINE, a_program
from tests.benefits.test_unlocks import a_site as a_site_with_a_channel

# In New York, where the store does business.
MIDNIGHT = datetime(1998, 3, 3, 5, tzinfo=UTC)
TILLS = tills_pb2.DESCRIPTOR.services_by_name["TillsService"]


@pytest.fixture(autouse=True)
def clocks_are_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.clocks.AGE_SECONDS_MAX", 0.0)


async def a_dating_site(benefits: BenefitsWorld) -> Site:
    """A site whose calendar has begun."""
    site = await a_site(benefits)
    await site.move(BEGIN)
    return site


async def tier_of(benefits: BenefitsWorld, story: Story) -> str:
    request = pb.BatchGetMembershipsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await benefits.service.BatchGetMemberships(request)).results
    (membership,) = result.memberships
    return membership.tier


async def benefits_of(benefits: BenefitsWorld, story: Story) -> dict[str, str]:
    """The benefits of a member, and which tier grants each."""
    request = pb.BatchListEntitlementsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await benefits.service.BatchListEntitlements(request)).results
    return {each.benefit: each.granted_by_tier for each in result.entitlements}


# Paid membership.


async def test_a_contract_for_life_never_enters_the_pool_and_an_ended_year_does(
    benefits: BenefitsWorld,
) -> None:
    site = await a_dating_site(benefits)
    for_life, by_the_year = await site.a_member(), await site.a_member()
    await site.sell(for_life, "vip_for_life")
    sold = await site.sell(by_the_year, "gold_year")

    await site.move(BEGIN + 5_000 * DAY)

    (pooled,) = await site.pool()
    assert (pooled.contract.member_id, pooled.contract.end_time) == (by_the_year.member_id, sold.end_time)
    assert (await site.membership(for_life)).tier == "diamond"
    assert (await site.membership(by_the_year)).tier == "normal"
    assert await leads(site, for_life) == []


async def test_the_very_satisfied_are_offered_a_private_class_and_others_something_else(
    benefits: BenefitsWorld,
) -> None:
    site = await a_dating_site(benefits)
    stories = [await site.a_member() for _ in range(3)]
    sold = [await site.sell(each) for each in stories]
    await site.move(end_of(sold[0]))
    said = [
        contracts_pb2.SATISFACTION_VERY_SATISFIED,
        contracts_pb2.SATISFACTION_SATISFIED,
        contracts_pb2.SATISFACTION_UNMET,
    ]

    answers = [
        (await site.staff.SetSatisfaction(site.saying(each, how))).pooled
        for each, how in zip(sold, said, strict=True)
    ]

    offers = ["matchmaker_private_class", "renewal_discount", "extra_service"]
    assert [[offer.benefit for offer in each.offers] for each in answers] == [[each] for each in offers]
    for story, offer in zip(stories, offers, strict=True):
        assert (await site.benefits_of(story))[offer] == "gold_year"
    (pooled,) = await site.pool(satisfaction=contracts_pb2.SATISFACTION_SATISFIED)
    assert pooled == answers[1]
    assert await changes(site, stories[0]) == ["SOLD", "ENDED", "OFFERED"]


# Tiers, and what they grant.


@pytest.mark.parametrize(
    ("spend_minor", "invites", "tier"),
    [
        (99_999, 2, "normal"),
        (100_000, 0, "silver"),
        (0, 3, "silver"),
        (0, 100, "diamond"),
        (3_000_000, 0, "diamond"),
    ],
)
async def test_a_member_comes_to_a_tier_by_spend_or_by_invites_each_alone(
    benefits: BenefitsWorld, spend_minor: int, invites: int, tier: str
) -> None:
    story = Story(await benefits.a_program("ecommerce_five")).invites(invites)
    await told(benefits, story.buys(spend_minor) if spend_minor else story)

    assert await tier_of(benefits, story) == tier


async def test_gold_holds_what_silver_and_normal_have_without_listing_it_again(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await benefits.a_program("ecommerce_five")).buys(500_000)
    await told(benefits, story)

    held = await benefits_of(benefits, story)

    tiers = {
        tier.key: [each.benefit for each in tier.benefits]
        for tier in preset("ecommerce_five").tier_sets[0].tiers
    }
    assert tiers["gold"] == ["gold_discount", "one_to_one_service"]
    assert held == {each: tier for tier in ("normal", "silver", "gold") for each in tiers[tier]}


# What a member of the airline has flown for, and what they pay for 1,000 yuan.
AIRLINE = {"silver": (0, 9_500), "gold": (2_000_000, 9_000), "diamond": (6_000_000, 8_000)}


async def an_airline(benefits: BenefitsWorld) -> str:
    """The key of a program of three tiers, each with its discount, over a lifetime."""
    document = preset("airline_three").document()
    document["tier_sets"][0] |= {"window": "lifetime"}
    program = Program.parse(document | {"key": f"air_{new_id('x')[-12:]}"})
    await benefits.publish(program)
    return program.key


@pytest.mark.parametrize(("tier", "pays"), [("silver", 95_000), ("gold", 90_000), ("diamond", 80_000)])
async def test_an_airline_sells_a_thousand_for_950_900_and_800_by_tier(
    benefits: BenefitsWorld, tier: str, pays: int
) -> None:
    airline = CouponsWorld(benefits, await an_airline(benefits))
    spend_minor, _ = AIRLINE[tier]
    story = await benefits.a_member(*[spend_minor] if spend_minor else [], program_id=airline.program_id)

    quote = await airline.quoted(story.member_id, [], a_basket(100_000, currency="CNY"))

    assert quote.pay_minor == pays
    assert [(each.tier, each.off_minor) for each in quote.discounts] == [(tier, 100_000 - pays)]


# The cap of a day, 5,000 yuan of money over all channels.


async def a_store_with_a_cap(benefits: BenefitsWorld) -> str:
    """The key of a program that redeems for 5,000.00 a day and member, at 2.00 a point."""
    return await a_store(benefits, daily_cap_minor=5_000_00, value_minor=2_00)


def reserving(story: Story, points: int) -> tills_pb2.ReserveRequest:
    return tills_pb2.ReserveRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        check_ref=new_id("chk"),
        points=points,
    )


def a_till(benefits: BenefitsWorld, program_id: str) -> Any:
    return benefits.stub(TILLS, tills_pb2_grpc.TillsServiceStub, "partner", "shop", program_id)


async def test_4999_and_2_on_a_day_is_one_too_many_until_midnight_where_the_program_does_business(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_store_with_a_cap(benefits)
    story = await a_member(benefits, program_id)
    dear = await a_reward(benefits, program_id, value_minor=4_999_00)
    small = await a_reward(benefits, program_id, value_minor=2_00)
    till, app = a_till(benefits, program_id), as_member(benefits, story)
    await app.RedeemReward(redeeming(story, dear))

    benefits.members.times[program_id] = MIDNIGHT - timedelta(seconds=1)
    _, reason, facts = await refusal(app.RedeemReward(redeeming(story, small)))
    _, at_the_till, cap = await refusal(till.Reserve(reserving(story, 1)))
    benefits.members.times[program_id] = MIDNIGHT
    tomorrow = await till.Reserve(reserving(story, 1))

    assert reason == "REWARD_UNAVAILABLE"
    assert (facts["obstacle_0_code"], facts["obstacle_0_left_minor"]) == ("DAILY_CAP", "100")
    assert (at_the_till, cap["left_minor"], cap["money_minor"]) == ("REDEMPTION_CAP_REACHED", "100", "200")
    assert tomorrow.hold.money_minor == 2_00


async def test_a_members_app_and_a_shop_cannot_pass_the_cap_together(benefits: BenefitsWorld) -> None:
    program_id = await a_store_with_a_cap(benefits)
    story = await a_member(benefits, program_id)
    rewards = [await a_reward(benefits, program_id, value_minor=3_000_00) for _ in range(2)]
    channels = [as_member(benefits, story), as_(benefits, "partner", "shop", program_id)]

    heard = await asyncio.gather(
        *(
            until_known(each.RedeemReward, redeeming(story, one))
            for each, one in zip(channels, rewards, strict=True)
        )
    )

    assert sorted(heard) == ["REWARD_UNAVAILABLE", "done"]
    assert await points_left(benefits, story) == (900, 100)
    assert await disagreements(benefits, program_id) == []


@pytest.mark.parametrize("round_", range(3))
async def test_a_till_and_a_reward_cannot_pass_the_cap_together(benefits: BenefitsWorld, round_: int) -> None:
    program_id = await a_store_with_a_cap(benefits)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, value_minor=4_999_00)

    by_app, at_the_till = await asyncio.gather(
        until_known(as_member(benefits, story).RedeemReward, redeeming(story, reward)),
        until_known(a_till(benefits, program_id).Reserve, reserving(story, 1)),
    )

    assert (by_app, at_the_till) in {("done", "REDEMPTION_CAP_REACHED"), ("REWARD_UNAVAILABLE", "done")}
    assert await points_left(benefits, story) in {(900, 100), (999, 1)}
    assert await ledger_faults(benefits, program_id) == []


async def until_known(call: Any, request: Any) -> str:
    """How a call ends, asked again as long as others get in first."""
    async with asyncio.timeout(60):
        while True:
            try:
                await call(request)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.ABORTED:
                    continue
                return reason_of(error)
            return "done"


# What is granted by itself.


async def test_six_months_in_a_row_open_the_channel_and_a_gap_starts_again(benefits: BenefitsWorld) -> None:
    site = await a_site_with_a_channel(benefits)
    story = await benefits.a_member(100_00, program_id=site.key)

    told = [await site.tell(story.member_id, f"1998-{month:02d}") for month in (1, 2, 3, 5, 6)]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await site.use(story.member_id)
    filled = await site.tell(story.member_id, "1998-04")

    # It is June in New York: what ended before May is over.
    assert [each.months for each in told] == [0, 0, 0, 1, 2]
    assert reason_of(refused.value) == "BENEFIT_LOCKED"
    assert (filled.months, filled.unlocked) == (6, True)
    await site.use(story.member_id)


SENIOR_FROM_MINOR = 1_000_000
SENIOR = TierSet(
    key="senior",
    name=Text(zh="资深会员", en="Senior membership"),
    tiers=(
        Tier(key="member", name=Text(zh="会员", en="Member")),
        Tier(
            key="senior",
            name=Text(zh="资深会员", en="Senior member"),
            entry=Comparison(metric="spend", op=">=", value=SENIOR_FROM_MINOR),
            benefits=(
                BenefitGrant(
                    benefit="senior_desk", kind="service", name=Text(zh="资深专席", en="Senior desk")
                ),
            ),
        ),
    ),
)


def with_seniors(key: str) -> Program:
    """The shop with a senior membership beside its ladder."""
    shop = preset("ecommerce_five")
    return shop.model_copy(update={"key": key, "tier_sets": (*shop.tier_sets, SENIOR)})


async def senior_changes(benefits: BenefitsWorld, key: str, story: Story) -> list[str]:
    """The tiers that a member came to in the second ladder, latest first."""
    answer = await benefits.staff_of(key).BatchListTierChanges(
        pb.BatchListTierChangesRequest(
            program_id=key, keys=[pb.MembershipKey(member_id=story.member_id, tier_set="senior")], first=10
        )
    )
    return [each.to_tier for each in answer.results[0].changes]


async def test_spend_past_ten_thousand_makes_a_senior_once_also_when_it_is_told_twice(
    benefits: BenefitsWorld,
) -> None:
    key = f"shop_{new_id('x')[-12:]}"
    await benefits.publish(with_seniors(key))
    story = Story(key).buys(SENIOR_FROM_MINOR - 1)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    before = await senior_changes(benefits, key, story)

    story.buys(1)
    await benefits.apply(story.partition, story.told(2))
    await benefits.apply(story.partition, story.told(2), story.told(1))  # delivered again, and out of order
    await benefits.apply(story.partition, story.told(1))

    held = await benefits.staff_of(key).BatchListEntitlements(
        pb.BatchListEntitlementsRequest(program_id=key, member_ids=[story.member_id])
    )
    assert before == ["member"]
    assert await senior_changes(benefits, key, story) == ["senior", "member"]
    assert [each.benefit for each in held.results[0].entitlements].count("senior_desk") == 1


# Points that are multiplied.


async def test_offline_spend_earns_130_of_100_and_230_after_the_purchase_that_made_silver(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await benefits.a_program("ecommerce_points")).buys(10_000, 100_000, 10_000)
    for event in story.events:
        event.attributes.update(OFFLINE)

    await told(benefits, story)

    joining = 100
    assert (await points_of(benefits, story)).entries == [joining, 130, 1_300, 230]


@pytest.mark.parametrize(
    ("kind", "bp", "stacking", "at_silver"),
    [
        ("multiplier", 13_000, "max", 200),
        ("multiplier", 13_000, "sum", 230),
        ("multiplier", 13_000, "product", 260),
        ("bonus", 3_000, "max", 230),
        ("bonus", 3_000, "sum", 230),
        ("bonus", 3_000, "product", 260),
    ],
)
async def test_offline_spend_and_doubled_points_come_to_what_the_stacking_says(
    benefits: BenefitsWorld, kind: str, bp: int, stacking: str, at_silver: int
) -> None:
    offline = {"key": "offline", "kind": kind, "bp": bp, "condition": "attributes.channel == 'offline'"}
    program_id = await a_program(benefits, BY_AMOUNT, multipliers=[offline], stacking=stacking)
    story = Story(program_id).buys(10_000, 10_000)
    for event in story.events:
        event.attributes.update(OFFLINE)

    await told(benefits, story)

    assert (await points_of(benefits, story)).entries == [130, at_silver]
