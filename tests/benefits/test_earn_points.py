"""Earning on the main path: rules for any event, caps of a business day, and what refunds take back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.members.v1 import events_pb2
from libs.common.ids import new_id
from libs.common.mongo import connect
from services.benefits.domain.earning_caps import Used
from services.benefits.repository.earned_days import earned_on
from services.benefits.repository.indexes import ensure_indexes
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.domain.earning_cases import Rule, earning_program, for_event
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import matured, points_of, told
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON
from tests.support.platform import emptied

CHECK_IN, SHARE, REVIEW = (
    events_pb2.EVENT_KIND_CHECK_IN,
    events_pb2.EVENT_KIND_SHARE,
    events_pb2.EVENT_KIND_REVIEW,
)
BY_AMOUNT: Rule = {"key": "spend"}
DAILY = for_event("check_in", 5, per_day={"times": 1})
# A minute before midnight in Shanghai, and midnight.
EVE = datetime(1998, 3, 2, 15, 59, tzinfo=UTC)
MIDNIGHT = EVE + timedelta(minutes=1)


async def a_program(benefits: BenefitsWorld, *rules: Rule, **points: Any) -> str:
    """The key of a program in Shanghai that earns by these rules, and whose clock stands at noon."""
    key = f"store_{new_id('x')[-12:]}"
    benefits.members.times[key] = NOON
    await benefits.publish(earning_program(*rules, **points).model_copy(update={"key": key}))
    return key


async def explained(benefits: BenefitsWorld, story: Story) -> list[tuple[str, int, str]]:
    """What each rule gave for each event, and why it gave less, in the order of recording."""
    found = benefits.database.transactions.find({"program_id": story.program_id, "kind": "accrual"})
    return [
        (each["rule"], each["points"], each.get("reason", ""))
        async for transaction in found.sort("_id", 1)
        for each in transaction["earnings"]
    ]


async def test_a_cap_of_a_day_begins_anew_at_midnight_where_the_program_does_business(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_program(benefits, DAILY)).does(CHECK_IN, EVE, EVE, MIDNIGHT, MIDNIGHT)

    await told(benefits, story)

    assert await explained(benefits, story) == [
        ("check_in", 5, ""),
        ("check_in", 0, "EARNING_CAP_TIMES"),
        ("check_in", 5, ""),
        ("check_in", 0, "EARNING_CAP_TIMES"),
    ]
    assert (await points_of(benefits, story)).balance == 10


async def test_what_was_earned_before_on_a_day_counts_in_later_messages_whatever_their_order_of_days(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_program(benefits, for_event("share", 7, per_day={"points": 10})))
    story.does(SHARE, EVE, MIDNIGHT, EVE, MIDNIGHT, EVE)
    benefits.members.knows([story])

    for message in story.told_in(1, 1, 2, 1):
        await benefits.apply(story.partition, message)

    assert [points for _, points, _ in await explained(benefits, story)] == [7, 7, 3, 3, 0]


async def test_events_that_are_told_again_are_counted_once(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits, for_event("share", 7, per_day={"points": 10, "times": 9})))
    story.does(SHARE, EVE, EVE, EVE)
    benefits.members.knows([story])

    for first, last in [(1, 2), (1, 1), (1, 2), (2, 3), (1, 3)]:
        await benefits.apply(story.partition, story.told(first, last))

    store, day = BenefitsStore(benefits.database), (story.member_id, EVE.date())
    assert await earned_on(store, story.program_id, [day]) == {day: {"share": Used(2, 10)}}
    assert (await points_of(benefits, story)).balance == 10


@pytest.mark.parametrize("round_", range(2))
async def test_two_consumers_at_once_give_no_more_than_a_day_allows(
    benefits: BenefitsWorld, round_: int
) -> None:
    story = Story(await a_program(benefits, for_event("share", 7, per_day={"points": 20})))
    story.does(SHARE, *[EVE] * 6)
    benefits.members.knows([story])
    consumers = [benefits.consumer() for _ in range(3)]

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(
                consumer.apply(story.partition, [story.registration(), *story.told_in(*lengths)])
                for consumer, lengths in zip(consumers, [(6,), (1, 2, 3), (3, 3)], strict=True)
            )
        )

    assert [points for _, points, _ in await explained(benefits, story)] == [7, 7, 6, 0, 0, 0]
    assert (await points_of(benefits, story)).balance == 20
    assert await ledger_faults(benefits, story.program_id) == []


async def test_joining_earns_once_under_the_members_own_name(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits, for_event("registration", 100), BY_AMOUNT)).buys(1_000)
    benefits.members.knows([story])

    for _ in range(2):
        await benefits.apply(story.partition, story.registration(), story.told())

    assert (await points_of(benefits, story)).entries == [100, 10]
    joining = {"program_id": story.program_id, "event_kind": "registration"}
    transaction = await benefits.database.transactions.find_one(joining)
    assert transaction is not None
    assert (transaction["source"], transaction["external_ref"]) == ("", story.member_id)
    assert await ledger_faults(benefits, story.program_id) == []


async def test_events_of_other_kinds_that_a_source_numbers_alike_earn_each_for_itself(
    benefits: BenefitsWorld,
) -> None:
    rules = (BY_AMOUNT, for_event("review", 20), for_event("share", 7))
    story = Story(await a_program(benefits, *rules, activate_after_days=2, expire_after_months=1))
    story.does(REVIEW, ref="order-1").buys(1_000).does(SHARE, ref="order-1")
    story.events[1].external_ref = "order-1"
    story.refunds(2, 400).refunds(2, 600)

    await told(benefits, story)
    await matured(benefits, story.program_id, NOON + 60 * DAY)

    points = await points_of(benefits, story)
    assert (points.reversed, points.expired) == (10, 27), "the purchase alone was given back"
    request = pb.BatchListEntriesRequest(program_id=story.program_id, member_ids=[story.member_id])
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    assert {(entry.external_ref, entry.event_kind) for entry in listed.entries} == {
        ("order-1", "review"),
        ("order-1", "share"),
    }
    assert points.kinds.count("activation") == points.kinds.count("expiration") == 2
    assert await ledger_faults(benefits, story.program_id) == []


OFFLINE = {"channel": "offline"}
TERMS: dict[str, Any] = {
    "multipliers": [
        {"key": "offline", "kind": "bonus", "bp": 3_000, "condition": "attributes.channel == 'offline'"},
        {"key": "half_more", "kind": "multiplier", "bp": 15_001},
    ],
    "rounding": "half_up",
    "caps": [{"key": "day", "per_day": {"points": 120}}],
}


@pytest.mark.parametrize(("stacking", "given"), [("max", [90, 30]), ("sum", [90, 30]), ("product", [98, 22])])
async def test_refunds_in_parts_take_back_all_that_was_multiplied_rounded_and_capped(
    benefits: BenefitsWorld, stacking: str, given: list[int]
) -> None:
    rules = (BY_AMOUNT, {"key": "large", "unit_minor": 700, "points_per_unit": 3, "min_amount_minor": 2_000})
    story = Story(await a_program(benefits, *rules, **TERMS, stacking=stacking))
    story.buys(5_099)
    story.events[0].attributes.update(OFFLINE)
    for part in (1, 1_998, 1_101, 1_999):
        story.refunds(1, part)

    await told(benefits, story)

    points = await points_of(benefits, story)
    assert [points for _, points, _ in await explained(benefits, story)] == given
    assert (points.balance, points.reversed, points.remaining) == (0, 120, [0])
    assert await ledger_faults(benefits, story.program_id) == []


async def test_how_often_a_member_bought_before_counts_across_messages(benefits: BenefitsWorld) -> None:
    frequent = {"key": "frequent", "kind": "bonus", "bp": 1_000, "condition": "member.orders >= 2"}
    story = Story(await a_program(benefits, BY_AMOUNT, multipliers=[frequent])).buys(1_000, 1_000, 1_000)
    benefits.members.knows([story])

    for message in story.told_in(1, 1, 1):
        await benefits.apply(story.partition, message)

    assert (await points_of(benefits, story)).entries == [10, 10, 11]


async def test_an_entry_says_what_multiplied_and_which_rules_gave_nothing_and_why(
    benefits: BenefitsWorld,
) -> None:
    offline_only = {"key": "offline_only", "condition": "store == 'pearl' && attributes.channel == 'offline'"}
    story = Story(await a_program(benefits, BY_AMOUNT, offline_only, **TERMS)).buys(1_000)
    story.events[0].attributes.update({"channel": "online"})

    await told(benefits, story)

    request = pb.BatchListEntriesRequest(program_id=story.program_id, member_ids=[story.member_id])
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    spend, offline = listed.entries[0].earnings
    assert (spend.points, spend.multiplier_bp, spend.stacking, spend.rounding) == (
        15,
        15_001,
        "max",
        "half_up",
    )
    assert [(each.key, each.kind, each.bp) for each in spend.factors] == [
        ("tier", "multiplier", 10_000),
        ("half_more", "multiplier", 15_001),
    ]
    assert not spend.HasField("reason")
    assert (offline.points, offline.reason.code) == (0, "EARNING_CONDITION_NOT_MET")


async def test_the_index_that_let_one_kind_of_event_earn_under_a_number_goes(mongodb_uri: str) -> None:
    client = connect(mongodb_uri)
    database = client[f"t{new_id('x')[-12:]}_benefits"]
    before = [(name, 1) for name in ("program_id", "source", "external_ref", "line", "kind")]
    old = await database.transactions.create_index(before, unique=True)

    await ensure_indexes(database)

    assert old not in await database.transactions.index_information()
    await emptied(database)
    client.close()
