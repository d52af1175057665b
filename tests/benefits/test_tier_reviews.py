"""Tiers at the end of their terms: kept, held by grace or lost; once, whoever looks and when."""

import asyncio
from datetime import UTC, datetime, timedelta

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.rpc.time import moment, timestamp
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.reviewing import a_yearly_program, due_of, review_calendar, reviewed
from tests.benefits.stories import Story
from tests.benefits.telling import announced, codes
from tests.support.builders import DAY

MAY = datetime(1998, 5, 7, 12, tzinfo=UTC)
NEW_YEAR, NEXT_NEW_YEAR = datetime(1999, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)
SILVER, GOLD = 10_000, 25_000


async def a_gold_member(benefits: BenefitsWorld, program_id: str) -> Story:
    story = Story(program_id).buys(GOLD, at=MAY)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    return story


async def membership(benefits: BenefitsWorld, story: Story) -> pb.Membership:
    request = pb.BatchGetMembershipsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await benefits.service.BatchGetMemberships(request)).results
    return result.memberships[0]


async def history(benefits: BenefitsWorld, story: Story) -> list[tuple[str, str, str]]:
    """Each decision but the registration's: what it was on, what it did and the tier after it."""
    found = benefits.database.decisions.find({"member_id": story.member_id, "from_tier": {"$ne": ""}})
    receipts = [receipts_pb2.Receipt.FromString(each["receipt"]) async for each in found.sort("seq", 1)]
    return [
        (
            receipts_pb2.TierLook.Name(each.terms.look).removeprefix("TIER_LOOK_"),
            receipts_pb2.TierOutcome.Name(each.outcome).removeprefix("TIER_OUTCOME_"),
            each.to_tier,
        )
        for each in receipts
    ]


async def test_who_did_too_little_in_the_year_falls_at_its_end_to_what_they_met(
    benefits: BenefitsWorld,
) -> None:
    story = await a_gold_member(benefits, await a_yearly_program(benefits))
    story.buys(SILVER, at=NEW_YEAR + 30 * DAY)
    await benefits.apply(story.partition, story.told(2))
    before = await membership(benefits, story)

    happened = await reviewed(benefits, story.program_id, NEXT_NEW_YEAR)

    after = await membership(benefits, story)
    assert (before.tier, moment(before.review_time)) == ("gold", NEXT_NEW_YEAR)
    assert (happened, after.tier, moment(after.since_time)) == (1, "silver", NEXT_NEW_YEAR)
    assert moment(after.review_time) == NEXT_NEW_YEAR.replace(year=2001)
    assert await history(benefits, story) == [
        ("EVENT", "UPGRADED", "gold"),
        ("REVIEW", "KEPT", "gold"),
        ("EVENT", "KEPT", "gold"),
        ("REVIEW", "DOWNGRADED", "silver"),
    ]


async def test_what_was_brought_back_counts_at_the_end_of_the_term_and_not_before(
    benefits: BenefitsWorld,
) -> None:
    story = await a_gold_member(benefits, await a_yearly_program(benefits))
    story.refunds(1, GOLD - SILVER, at=MAY + 10 * DAY)
    await benefits.apply(story.partition, story.told(2))
    before = await membership(benefits, story)

    await reviewed(benefits, story.program_id, NEW_YEAR)

    assert before.tier == "gold"
    assert await history(benefits, story) == [
        ("EVENT", "UPGRADED", "gold"),
        ("EVENT", "KEPT", "gold"),
        ("REVIEW", "DOWNGRADED", "silver"),
    ]


async def test_a_term_ends_once_whoever_looks(benefits: BenefitsWorld) -> None:
    story = await a_gold_member(benefits, await a_yearly_program(benefits))
    items = await due_of(benefits, story.program_id, NEW_YEAR)
    replicas = [review_calendar(benefits) for _ in range(4)]

    happened = await asyncio.gather(*(each.happen(story.program_id, items, NEW_YEAR) for each in replicas))
    again = await replicas[0].happen(story.program_id, items, NEW_YEAR)

    assert (sum(happened), again) == (1, 0)
    assert await history(benefits, story) == [("EVENT", "UPGRADED", "gold"), ("REVIEW", "KEPT", "gold")]


async def test_the_calendar_and_the_next_purchase_come_to_the_same(benefits: BenefitsWorld) -> None:
    program_id = await a_yearly_program(benefits)
    by_calendar = await a_gold_member(benefits, program_id)
    later = NEW_YEAR + 800 * DAY

    await reviewed(benefits, program_id, later)
    by_purchase = await a_gold_member(benefits, program_id)
    for story in (by_calendar, by_purchase):
        story.buys(100, at=later)
        await benefits.apply(story.partition, story.told(2))

    assert await history(benefits, by_calendar) == await history(benefits, by_purchase)
    assert [each[1:] for each in await history(benefits, by_purchase)] == [
        ("UPGRADED", "gold"),
        ("KEPT", "gold"),
        ("DOWNGRADED", "normal"),
        ("KEPT", "normal"),
    ]


async def test_years_of_purchases_that_come_at_once_are_decided_with_the_reviews_between_them(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_yearly_program(benefits)
    purchases = [
        (GOLD, MAY),
        (SILVER, NEW_YEAR + DAY),
        (50, NEXT_NEW_YEAR + DAY),
        (50, NEXT_NEW_YEAR + 400 * DAY),
    ]
    together, one_by_one = Story(program_id), Story(program_id)
    for story in (together, one_by_one):
        for amount, at in purchases:
            story.buys(amount, at=at)
    benefits.members.knows([together, one_by_one])

    await benefits.apply(together.partition, together.registration(), together.told())
    await benefits.apply(one_by_one.partition, one_by_one.registration())
    for message in one_by_one.told_in(1, 1, 1, 1):
        await benefits.apply(one_by_one.partition, message)

    assert [each[1:] for each in await history(benefits, together)] == [
        ("UPGRADED", "gold"),
        ("KEPT", "gold"),
        ("KEPT", "gold"),
        ("DOWNGRADED", "silver"),
        ("KEPT", "silver"),
        ("DOWNGRADED", "normal"),
        ("KEPT", "normal"),
    ]
    assert await history(benefits, one_by_one) == await history(benefits, together)


async def test_purchases_that_nobody_has_counted_yet_keep_a_tier(benefits: BenefitsWorld) -> None:
    story = await a_gold_member(benefits, await a_yearly_program(benefits))
    await reviewed(benefits, story.program_id, NEW_YEAR)
    story.buys(GOLD, at=NEW_YEAR + 30 * DAY)  # recorded, and not announced yet

    await reviewed(benefits, story.program_id, NEXT_NEW_YEAR)

    assert (await membership(benefits, story)).tier == "gold"
    assert [each[1:] for each in await history(benefits, story)] == [
        ("UPGRADED", "gold"),
        ("KEPT", "gold"),
        ("KEPT", "gold"),
        ("KEPT", "gold"),
    ]


async def test_grace_is_told_and_shown_and_ends(benefits: BenefitsWorld) -> None:
    program_id = await a_yearly_program(benefits, grace_days=30)
    story = await a_gold_member(benefits, program_id)
    await reviewed(benefits, program_id, NEW_YEAR)

    await reviewed(benefits, program_id, NEXT_NEW_YEAR)
    held = await membership(benefits, story)
    await reviewed(benefits, program_id, NEXT_NEW_YEAR + timedelta(days=30))

    assert (held.tier, held.in_grace, moment(held.review_time)) == ("gold", True, NEXT_NEW_YEAR + 30 * DAY)
    assert (await membership(benefits, story)).tier == "normal"
    assert await codes(benefits, story.member_id) == ["TIER_AT_RISK", "TIER_CHANGED"]


async def test_what_a_review_changes_is_announced_and_told_unless_it_is_history(
    benefits: BenefitsWorld,
) -> None:
    story = await a_gold_member(benefits, await a_yearly_program(benefits))
    await reviewed(benefits, story.program_id, NEW_YEAR)
    silent = len(await codes(benefits, story.member_id))

    await reviewed(benefits, story.program_id, NEXT_NEW_YEAR, fresh_since=NEXT_NEW_YEAR + DAY)
    untold = len(await codes(benefits, story.member_id))

    row = await benefits.database.outbox.find_one(
        {"subject": story.member_id, "type": "MembershipChanged"}, sort=[("_id", -1)]
    )
    assert row is not None
    told = events_pb2.MembershipChanged.FromString(row["payload"])
    assert [(each.from_tier, each.to_tier) for each in told.tier_changes] == [("gold", "normal")]
    assert told.tier_changes[0].valid_from == timestamp(NEXT_NEW_YEAR)
    assert (silent, untold) == (0, 0)
    assert [place for place, _ in await announced(benefits, story.member_id)] == [1, 2, 3]


async def test_a_ladder_without_a_period_has_nothing_to_review(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    story = Story(program_id).buys(GOLD)
    await benefits.apply(story.partition, story.registration(), story.told())

    assert await due_of(benefits, program_id, NEXT_NEW_YEAR + 9_999 * DAY) == []
    assert not (await membership(benefits, story)).HasField("review_time")
