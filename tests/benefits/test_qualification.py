"""Automatic qualification: a second ladder of one step grants once what a condition asks for."""

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common.benefit_policy import BenefitGrant
from libs.common.conditions import Comparison
from libs.common.documents import Text
from libs.common.ids import new_id
from libs.common.program import Program, Tier, TierSet, preset
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story

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


async def changes(benefits: BenefitsWorld, key: str, story: Story) -> list[str]:
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
    before = await changes(benefits, key, story)

    story.buys(1)
    await benefits.apply(story.partition, story.told(2))
    await benefits.apply(story.partition, story.told(2), story.told(1))  # delivered again, and out of order
    await benefits.apply(story.partition, story.told(1))

    held = await benefits.staff_of(key).BatchListEntitlements(
        pb.BatchListEntitlementsRequest(program_id=key, member_ids=[story.member_id])
    )
    assert before == ["member"]
    assert await changes(benefits, key, story) == ["senior", "member"]
    assert [each.benefit for each in held.results[0].entitlements].count("senior_desk") == 1
