"""What events would do to tiers is what they do: points and tiers alike, one by one and as baskets."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laurel.benefits.v1 import benefits_pb2, earning_pb2, earning_pb2_grpc, tills_pb2, tills_pb2_grpc
from laurel.members.v1 import events_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.homes import keep_homes
from libs.common.rpc.time import timestamp
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import told
from tests.benefits.reviewing import a_yearly_program
from tests.benefits.stories import SANDBOX_TIME, Story
from tests.benefits.test_tier_points import a_document, published
from tests.support.builders import DAY, NOON

EARNING = earning_pb2.DESCRIPTOR.services_by_name["EarningService"]
TILLS = tills_pb2.DESCRIPTOR.services_by_name["TillsService"]
SHOP = Home("online", "", "shop")
AMOUNTS = st.lists(st.sampled_from([0, 99, 100, 4_999, 9_999, 10_000, 15_000, 25_000, 60_000]), max_size=4)


async def a_story(benefits: BenefitsWorld, program_id: str) -> Story:
    """A member of the partner `shop` who has only joined."""
    story = Story(program_id)
    await keep_homes(benefits.database, [(program_id, story.member_id, SHOP)])
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration())
    return story


async def preview(
    benefits: BenefitsWorld, story: Story, amount_minor: int, at: Any
) -> earning_pb2.PointsPreview:
    stub = benefits.stub(EARNING, earning_pb2_grpc.EarningServiceStub, "partner", "shop", story.program_id)
    event = earning_pb2.PossibleEvent(
        member_id=story.member_id,
        kind=events_pb2.EVENT_KIND_PURCHASE,
        amount_minor=amount_minor,
        occurred_time=timestamp(at),
    )
    request = earning_pb2.BatchPreviewPointsRequest(program_id=story.program_id, events=[event])
    (result,) = (await stub.BatchPreviewPoints(request)).results
    return result.preview  # type: ignore[no-any-return]


async def quote(benefits: BenefitsWorld, story: Story, amounts: Sequence[int]) -> tills_pb2.QuoteResponse:
    stub = benefits.stub(TILLS, tills_pb2_grpc.TillsServiceStub, "partner", "shop", story.program_id)
    lines = [tills_pb2.CheckLine(ref=str(place), amount_minor=each) for place, each in enumerate(amounts)]
    request = tills_pb2.QuoteRequest(program_id=story.program_id, member_id=story.member_id, lines=lines)
    return await stub.Quote(request)  # type: ignore[no-any-return]


async def held(benefits: BenefitsWorld, story: Story) -> benefits_pb2.Membership:
    request = benefits_pb2.BatchGetMembershipsRequest(
        program_id=story.program_id, member_ids=[story.member_id]
    )
    (result,) = (await benefits.service.BatchGetMemberships(request)).results
    return result.memberships[0]


async def points(benefits: BenefitsWorld, story: Story) -> int:
    request = benefits_pb2.BatchGetPointsAccountsRequest(
        program_id=story.program_id, member_ids=[story.member_id]
    )
    (result,) = (await benefits.service.BatchGetPointsAccounts(request)).results
    return result.account.balance_points


async def test_a_purchase_that_lifts_is_told_with_why_and_what_is_missing_next(
    benefits: BenefitsWorld,
) -> None:
    story = await a_story(benefits, await benefits.a_program())

    (tier,) = (await preview(benefits, story, 10_000, NOON)).tiers

    assert (tier.tier_set, tier.tier, tier.tier_after) == ("main", "normal", "silver")
    assert tier.outcome == receipts_pb2.TIER_OUTCOME_UPGRADED
    assert [each.code for each in tier.reasons] == ["TIER_REACHED", "NEXT_TIER_GAP"]
    assert (tier.next.tier, tier.next.gaps[0].missing) == ("gold", 15_000)
    assert (await held(benefits, story)).tier == "normal", "nothing happened"


async def test_one_who_was_not_decided_on_yet_begins_with_the_first_tier(benefits: BenefitsWorld) -> None:
    story = Story(await benefits.a_program())
    await keep_homes(benefits.database, [(story.program_id, story.member_id, SHOP)])

    (tier,) = (await preview(benefits, story, 25_000, NOON)).tiers

    assert (tier.tier, tier.tier_after) == ("normal", "gold")


async def by_lifetime(benefits: BenefitsWorld) -> str:
    return await benefits.a_program()


async def by_year(benefits: BenefitsWorld) -> str:
    return await a_yearly_program(benefits)


async def by_points(benefits: BenefitsWorld) -> str:
    program_id = await published(benefits, a_document())
    benefits.members.times[program_id] = SANDBOX_TIME
    return program_id


@pytest.mark.parametrize("ladder", [by_lifetime, by_year, by_points])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=AMOUNTS, basket=AMOUNTS.filter(bool))
async def test_what_a_basket_is_quoted_is_what_it_comes_to(
    benefits: BenefitsWorld, ladder: Any, before: list[int], basket: list[int]
) -> None:
    story = await a_story(benefits, await ladder(benefits))
    if before:
        await told(benefits, story.buys(*before, at=SANDBOX_TIME - 10 * DAY))
    earned = await points(benefits, story)

    quoted = await quote(benefits, story, basket)
    previewed = await preview(benefits, story, basket[0], SANDBOX_TIME)
    found = []
    for amount in basket:
        await told(benefits, story.buys(amount, at=SANDBOX_TIME))
        found.append((await points(benefits, story), (await held(benefits, story)).tier))

    (tier,) = quoted.tiers
    assert (earned + quoted.earned_points, tier.tier_after) == found[-1]
    assert (earned + previewed.points, previewed.tiers[0].tier_after) == found[0]
    receipt = (await held(benefits, story)).decision.receipt
    assert tier.next == receipt.next
    assert list(tier.reasons) == list(receipt.reasons)


async def test_the_line_after_one_that_lifts_is_counted_at_the_new_tier(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits, await benefits.a_program())

    quoted = await quote(benefits, story, [10_000, 10_000])

    assert [each.points for each in quoted.lines] == [100, 200]
    assert (quoted.tier, quoted.tiers[0].tier, quoted.tiers[0].tier_after) == ("normal", "normal", "silver")


async def test_before_a_review_that_falls_due_first_no_tier_is_told(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits, await a_yearly_program(benefits))
    await told(benefits, story.buys(25_000, at=SANDBOX_TIME - 30 * DAY))

    soon = await preview(benefits, story, 100, SANDBOX_TIME)
    in_two_years = await preview(benefits, story, 100, SANDBOX_TIME + 700 * DAY)

    assert [each.tier_after for each in soon.tiers] == ["gold"]
    assert not in_two_years.tiers
    assert in_two_years.points == soon.points


async def test_while_scoring_is_away_baskets_are_quoted_at_the_tiers_held(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits, await benefits.a_program())
    await benefits.scoring.stop()
    try:
        quoted = await quote(benefits, story, [10_000, 10_000])
    finally:
        await benefits.scoring.start()

    assert [each.points for each in quoted.lines] == [100, 100]
    assert not quoted.tiers
