"""Members are told of another tier, and that the next one is near: once, and not of history."""

import asyncio
from datetime import timedelta

from laurel.benefits.v1 import events_pb2
from libs.common.ids import new_id
from libs.common.program import Program
from services.benefits.repository import notices as kept
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.benefits.telling import a_sandbox, announced, codes, told
from tests.support.builders import DAY, NOON

SILVER, NEARLY_GOLD = 10_000, 12_000  # together 220 of the 250 that gold asks for


async def test_another_tier_is_told_with_its_decision_and_reason(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(SILVER, program_id=program.key)

    (notice,) = await told(benefits, story.member_id)

    changed = await benefits.database.decisions.find_one({"member_id": story.member_id, "to_tier": "silver"})
    assert changed is not None
    assert (notice["code"], notice["cause"], notice["status"]) == (
        "TIER_CHANGED",
        changed["_id"],
        "SCHEDULED",
    )
    assert notice["params"]["reason_0_metric"] == "spend"
    assert notice["occurred_time"] == NOON


async def test_what_is_told_is_announced_after_what_it_tells_of(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(SILVER, program_id=program.key)

    places = await announced(benefits, story.member_id)
    row = await benefits.database.outbox.find_one({"subject": story.member_id, "type": "NoticeCreated"})

    (notice,) = await told(benefits, story.member_id)
    assert places == [(1, "MembershipChanged"), (2, "NoticeCreated")]
    assert notice["seq"] == 2
    assert row is not None
    message = events_pb2.NoticeCreated.FromString(row["payload"])
    assert (message.notice_id, message.code) == (notice["_id"], "TIER_CHANGED")


async def test_who_is_near_the_next_tier_is_told_what_is_missing(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(SILVER, NEARLY_GOLD, program_id=program.key)

    notices = await told(benefits, story.member_id)

    assert [notice["code"] for notice in notices] == ["TIER_CHANGED", "NEAR_UPGRADE"]
    assert notices[1]["cause"] == "main/gold/1998"
    assert {name: value for name, value in notices[1]["params"].items() if name.startswith("gap_")} == {
        "gap_0_path": "entry",
        "gap_0_metric": "spend",
        "gap_0_missing": "3000",
        "gap_0_currency": "USD",
    }


async def test_who_is_near_by_several_ways_is_told_what_each_lacks(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    document = program.document() | {"key": f"store_{new_id('x')[-12:]}"}
    ways = [{"metric": "spend", "op": ">=", "value": SILVER}, {"metric": "invites", "op": ">=", "value": 3}]
    document["tier_sets"][0]["tiers"][1]["entry"] = {"any": ways}
    await benefits.publish(other := Program.parse(document))
    benefits.members.times[other.key] = NOON
    story = await benefits.a_member(SILVER - 2_000, program_id=other.key)

    (notice,) = await told(benefits, story.member_id)

    lacking = [
        (notice["params"][f"gap_{way}_metric"], notice["params"][f"gap_{way}_missing"]) for way in (0, 1)
    ]
    assert (notice["code"], lacking) == ("NEAR_UPGRADE", [("spend", "2000"), ("invites", "3")])


async def test_who_stays_near_is_told_once_in_the_year(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, time=NOON + DAY)
    story = await benefits.a_member(SILVER, NEARLY_GOLD, program_id=program.key)

    await benefits.apply(story.partition, story.buys(100, 100).told(3))

    assert await codes(benefits, story.member_id) == ["TIER_CHANGED", "NEAR_UPGRADE"]


async def test_who_reaches_the_tier_is_no_longer_told_that_it_is_near(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, time=NOON + DAY)
    story = await benefits.a_member(SILVER, NEARLY_GOLD, program_id=program.key)

    await benefits.apply(story.partition, story.buys(5_000).told(3))

    assert [
        (each["code"], each["status"], each["withheld_reason"])
        for each in await told(benefits, story.member_id)
    ] == [
        ("TIER_CHANGED", "SCHEDULED", ""),
        ("NEAR_UPGRADE", "WITHHELD", "OVERTAKEN"),
        ("TIER_CHANGED", "SCHEDULED", ""),
    ]


async def test_history_is_not_told(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, time=NOON + timedelta(days=7, milliseconds=1))

    story = await benefits.a_member(SILVER, program_id=program.key)

    assert await told(benefits, story.member_id) == []


async def test_an_old_event_that_comes_late_is_history_although_it_is_decided_as_of_a_later_one(
    benefits: BenefitsWorld,
) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(1_000, program_id=program.key)

    await benefits.apply(story.partition, story.buys(SILVER, at=NOON - 30 * DAY).told(2))

    membership = await benefits.database.memberships.find_one({"member_id": story.member_id})
    assert membership is not None
    assert (membership["tier"], membership["as_of"]) == ("silver", NOON)
    assert await told(benefits, story.member_id) == []


async def test_the_same_announcement_twice_and_in_two_replicas_at_once_tells_once(
    benefits: BenefitsWorld,
) -> None:
    program = await a_sandbox(benefits)
    story = Story(program.key).buys(SILVER, NEARLY_GOLD)
    messages = [story.registration(), story.told()]

    await asyncio.gather(*(benefits.consumer().apply(story.partition, messages) for _ in range(2)))
    await benefits.apply(story.partition, *messages)

    assert await codes(benefits, story.member_id) == ["TIER_CHANGED", "NEAR_UPGRADE"]
    assert [place for place, _ in await announced(benefits, story.member_id)] == [1, 2, 3]


async def test_a_withheld_notice_is_kept_and_not_announced(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, switched_off=["tier_changed"], marketing_consent="opt_in")

    story = await benefits.a_member(SILVER, NEARLY_GOLD, program_id=program.key)

    assert [each["withheld_reason"] for each in await told(benefits, story.member_id)] == [
        "SWITCHED_OFF",
        "NO_CONSENT",
    ]
    assert await announced(benefits, story.member_id) == [(1, "MembershipChanged")]


async def test_the_members_of_one_transaction_are_told_by_their_own_preferences(
    benefits: BenefitsWorld,
) -> None:
    program = await a_sandbox(benefits)
    stories = [Story(program.key).buys(SILVER) for _ in range(3)]
    await benefits.database.notice_preferences.insert_one(
        {
            "_id": stories[1].member_id,
            "program_id": program.key,
            "marketing": None,
            "muted": ["TIER_CHANGED"],
            "changed_time": NOON,
        }
    )

    await benefits.apply(0, *(message for each in stories for message in (each.registration(), each.told())))

    statuses = [(await told(benefits, each.member_id))[0]["status"] for each in stories]
    assert statuses == ["SCHEDULED", "WITHHELD", "SCHEDULED"]


async def test_a_cap_counts_what_members_get_on_the_day_anyway(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, marketing_per_day_max=1)
    story = await benefits.a_member(SILVER, NEARLY_GOLD, program_id=program.key)

    counts = await kept.told(BenefitsStore(benefits.database), [story.member_id], NOON.date())

    assert counts == {story.member_id: 1}
