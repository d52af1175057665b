"""Refunds on the main path: points go back in the transaction of the decision, tiers keep to their rule."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import WriteError

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from libs.common.redis import StreamMessage
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import a_program, matured, points_of, spend, told
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON


async def announced(benefits: BenefitsWorld, story: Story) -> list[events_pb2.PointsPosted]:
    """The points that were announced of a member, in order."""
    rows = benefits.database.outbox.find({"subject": story.member_id, "type": "MembershipChanged"})
    found = [
        events_pb2.MembershipChanged.FromString(row["payload"]) async for row in rows.sort("change_seq", 1)
    ]
    return [posting for message in found for posting in message.postings]


async def test_a_refund_takes_back_what_the_purchase_earned_and_says_why(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits)
    story = Story(program_id).buys(5_000, 7_000).refunds(1, 5_000)

    await told(benefits, story)

    points = await points_of(benefits, story)
    assert (points.balance, points.reversed, points.entries) == (70, 50, [50, 70, -50])
    assert await ledger_faults(benefits, program_id) == []
    request = pb.BatchListEntriesRequest(program_id=program_id, member_ids=[story.member_id])
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    reversal, _, accrual = listed.entries
    assert reversal.kind == pb.ENTRY_KIND_REVERSAL
    assert reversal.original_transaction_id == accrual.transaction_id
    assert (reversal.external_ref, reversal.lot_id) == (story.events[2].external_ref, accrual.lot_id)
    assert not reversal.earnings


async def test_the_decision_on_a_refund_reads_net_facts_and_keeps_the_tier(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits)
    story = Story(program_id).buys(10_000, 5_000).refunds(1, 10_000).buys(1_000, at=NOON + 31 * DAY)

    await told(benefits, story)

    decisions = benefits.database.decisions.find({"member_id": story.member_id}).sort("seq", 1)
    told_of = [(each["outcome"], each["to_tier"], dict(each["facts"])) async for each in decisions]
    outcome, tier, facts = told_of[3]
    assert (outcome, tier) == ("KEPT", "silver"), "movement.downgrade is never"
    assert facts["purchase.amount_minor.lifetime"] == 5_000
    assert (await points_of(benefits, story)).entries == [100, 100, -100, 20], (
        "silver earns double, as before"
    )


async def test_what_is_taken_back_is_announced_with_the_decision(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits)).buys(5_000).refunds(1, 2_000)

    await told(benefits, story)

    posted = await announced(benefits, story)
    assert [(each.kind, each.points, each.balance_after) for each in posted] == [
        ("accrual", 50, 50),
        ("reversal", -20, 30),
    ]


async def test_the_points_taken_back_are_those_that_the_purchase_earned_whatever_the_tier_is_now(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_program(benefits)).buys(9_900, 100, 30_000).refunds(1, 9_900)

    await told(benefits, story)

    assert (await points_of(benefits, story)).entries == [99, 1, 600, -99]


async def test_a_line_of_a_receipt_gives_back_what_it_earned_and_the_others_keep_theirs(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_program(benefits)).buys_lines("receipt", 10_000, 3_000, 1_000)
    story.refunds(2, 1_500).refunds(1, 1_500).refunds(2, 1_500)

    await told(benefits, story)

    points = await points_of(benefits, story)
    assert points.entries == [100, 60, 20, -30, -15, -30], "the first line made silver, which earns double"
    assert points.remaining == [85, 0, 20]
    assert await ledger_faults(benefits, story.program_id) == []


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Parts of refunds, and how many events each message has."""
    parts = draw(st.lists(st.integers(0, 2_500), min_size=1, max_size=5))
    lengths: list[int] = []
    while sum(lengths) < len(parts) + 2:
        lengths.append(draw(st.integers(1, len(parts) + 2 - sum(lengths))))
    return parts, lengths


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
async def test_partial_refunds_add_up_to_the_whole_however_they_come(
    benefits: BenefitsWorld, delivery: tuple[list[int], list[int]]
) -> None:
    parts, lengths = delivery
    story = Story(await a_program(benefits)).buys(5_099)
    left = 5_099
    for part in parts:
        story.refunds(1, min(part, left))
        left -= min(part, left)
    story.refunds(1, left)
    benefits.members.knows([story])

    for message in story.told_in(*lengths):
        await benefits.apply(story.partition, message)
        await benefits.apply(story.partition, message)

    points = await points_of(benefits, story)
    assert (points.balance, points.reversed, points.remaining) == (0, 50, [0])
    assert await ledger_faults(benefits, story.program_id) == []


@pytest.mark.parametrize("round_", range(2))
async def test_two_consumers_at_once_take_back_once(benefits: BenefitsWorld, round_: int) -> None:
    story = Story(await a_program(benefits)).buys(5_000, 3_000).refunds(1, 2_500).refunds(2, 3_000)
    story.refunds(1, 2_500)
    benefits.members.knows([story])
    messages = story.told_in(2, 1, 2)
    first, second = benefits.consumer(), benefits.consumer()

    async with asyncio.timeout(20):
        await asyncio.gather(
            first.apply(story.partition, messages), second.apply(story.partition, messages[1:])
        )

    points = await points_of(benefits, story)
    assert (points.balance, points.reversed) == (0, 80)
    assert sorted(points.kinds) == ["accrual", "accrual", "reversal", "reversal", "reversal"]
    assert await ledger_faults(benefits, story.program_id) == []


async def test_a_refund_of_a_purchase_that_earned_nothing_is_remembered(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits)).buys(99).refunds(1, 99)

    await told(benefits, story)

    points = await points_of(benefits, story)
    assert (points.kinds, points.entries) == (["accrual", "reversal"], [])


async def test_a_refund_in_a_program_without_earning_rules_moves_nothing(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits, earn=[])).buys(9_900).refunds(1, 9_900)

    await told(benefits, story)

    assert (await points_of(benefits, story)).kinds == []


async def test_what_was_spent_is_owed_below_nothing_and_what_is_earned_next_pays(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_program(benefits, arrears="owe")).buys(5_000)
    await told(benefits, story)
    await spend(benefits, story, 40)
    story.refunds(1, 5_000).buys(3_000, 1_500, at=NOON + 31 * DAY)

    await told(benefits, story, 2, 2)
    owing = await points_of(benefits, story)
    request = pb.BatchGetPointsAccountsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await benefits.service.BatchGetPointsAccounts(request)).results
    await told(benefits, story, 3)
    after = await points_of(benefits, story)

    assert (owing.balance, owing.arrears, owing.written_off) == (-40, 40, [0])
    assert (result.account.balance_points, result.account.available_points) == (-40, 0)
    assert (after.balance, after.arrears, after.remaining) == (5, 0, [0, 0, 5])
    assert await ledger_faults(benefits, story.program_id) == []


async def test_a_program_that_forgives_takes_what_is_left_and_says_what_it_wrote_off(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_program(benefits, arrears="forgive")).buys(5_000)
    await told(benefits, story)
    await spend(benefits, story, 40)

    await told(benefits, story.refunds(1, 5_000), 2)

    points = await points_of(benefits, story)
    request = pb.BatchListEntriesRequest(program_id=story.program_id, member_ids=[story.member_id], first=1)
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    assert (points.balance, points.arrears, points.written_off) == (0, 0, [40])
    assert (listed.entries[0].points, listed.entries[0].written_off_points) == (-10, 40)
    assert await ledger_faults(benefits, story.program_id) == []


async def test_other_lots_pay_those_that_expire_soonest_first(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, expire_after_months=12)
    story = Story(program_id).buys(5_000, 2_000, 3_000)
    await told(benefits, story)
    await spend(benefits, story, 45)

    await told(benefits, story.refunds(1, 5_000), 4)

    assert (await points_of(benefits, story)).remaining == [0, 0, 5]
    assert await ledger_faults(benefits, program_id) == []


async def test_a_refund_before_activation_takes_what_is_pending(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, activate_after_days=40)
    story = Story(program_id).buys(5_000).refunds(1, 2_000)

    await told(benefits, story)

    points = await points_of(benefits, story)
    assert (points.pending, points.balance, points.reversed) == (30, 0, 20)
    assert await announced(benefits, story) == [], "what is pending is no part of the balance"
    assert await ledger_faults(benefits, program_id) == []


async def test_points_that_have_expired_are_written_off_and_not_taken_again(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, expire_after_months=1)
    story = Story(program_id).buys(5_000).buys(7_000, at=NOON + 40 * DAY)
    await told(benefits, story)
    await matured(benefits, program_id, NOON + 40 * DAY)

    await told(benefits, story.refunds(1, 5_000, at=NOON + 41 * DAY), 3)

    points = await points_of(benefits, story)
    assert (points.balance, points.expired, points.reversed, points.written_off) == (70, 50, 0, [50])
    assert await ledger_faults(benefits, program_id) == []


async def test_the_database_holds_no_member_below_nothing_but_with_arrears(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits)).buys(5_000)
    await told(benefits, story)
    account = {"owner": story.member_id}

    with pytest.raises(WriteError):
        await benefits.database.accounts.update_one(account, {"$set": {"balance": -1}})
    await benefits.database.accounts.update_one(account, {"$set": {"balance": -1, "arrears": 1}})

    await benefits.database.accounts.update_one(account, {"$set": {"balance": 50, "arrears": 0}})


def of_one_partition(program_id: str, count: int) -> list[Story]:
    stories: list[Story] = []
    while len(stories) < count:
        story = Story(program_id)
        if story.partition == 0:
            stories.append(story)
    return stories


async def test_refunds_of_many_members_in_one_read_are_posted_together(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits)
    stories = of_one_partition(program_id, 11)
    messages: list[StreamMessage] = []
    for place, story in enumerate(stories):
        story.buys(1_000, 2_000).refunds(1, 100 * place).refunds(2, 2_000)
        messages.append(story.told())
    benefits.members.knows(stories)

    await benefits.apply(0, *messages)

    assert await _balances(benefits, stories) == [10 - place for place in range(11)]
    assert await ledger_faults(benefits, program_id) == []


async def _balances(benefits: BenefitsWorld, stories: Sequence[Story]) -> list[int]:
    found = {
        each["owner"]: each["balance"]
        async for each in benefits.database.accounts.find({"program_id": stories[0].program_id})
    }
    return [found[story.member_id] for story in stories]
