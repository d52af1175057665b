"""Who was away is told so once in a spell, whatever comes twice; who is back is not told any more."""

import asyncio

from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.benefits.telling import a_sandbox, absent, announced, codes, told
from tests.support.builders import DAY, NOON


async def test_a_spell_of_absence_is_told_once_whatever_is_redelivered(benefits: BenefitsWorld) -> None:
    story = Story((await a_sandbox(benefits)).key)

    for _ in range(3):
        await benefits.apply(story.partition, story.registration(), absent(story), absent(story))

    (notice,) = await told(benefits, story.member_id)
    assert (notice["code"], notice["cause"], notice["status"]) == ("WAKE_UP", "1", "SCHEDULED")
    assert [type_ for _, type_ in await announced(benefits, story.member_id)].count("NoticeCreated") == 1


async def test_two_replicas_at_once_tell_once(benefits: BenefitsWorld) -> None:
    story = Story((await a_sandbox(benefits)).key)

    await asyncio.gather(*(benefits.consumer().apply(story.partition, [absent(story)]) for _ in range(4)))

    assert await codes(benefits, story.member_id) == ["WAKE_UP"]


async def test_each_spell_is_told(benefits: BenefitsWorld) -> None:
    story = Story((await a_sandbox(benefits)).key)

    await benefits.apply(story.partition, absent(story, 1), absent(story, 1, back=True), absent(story, 2))

    assert [(each["cause"], each["status"]) for each in await told(benefits, story.member_id)] == [
        ("1", "WITHHELD"),
        ("2", "SCHEDULED"),
    ]


async def test_a_spell_that_members_do_not_want_told_is_not(benefits: BenefitsWorld) -> None:
    story = Story((await a_sandbox(benefits)).key)

    await benefits.apply(story.partition, absent(story, wake_up=False))

    assert await told(benefits, story.member_id) == []


async def test_who_is_back_before_it_is_sent_is_not_told(benefits: BenefitsWorld) -> None:
    story = Story((await a_sandbox(benefits)).key)
    await benefits.apply(story.partition, absent(story))

    await benefits.apply(story.partition, absent(story, back=True))
    await benefits.apply(story.partition, absent(story))

    (notice,) = await told(benefits, story.member_id)
    assert (notice["status"], notice["withheld_reason"]) == ("WITHHELD", "OVERTAKEN")


async def test_two_kinds_of_marketing_at_once_keep_the_cap_of_the_day(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, marketing_per_day_max=1)
    stories = [Story(program.key).buys(10_000, 12_000) for _ in range(5)]

    for story in stories:
        await asyncio.gather(
            benefits.consumer().apply(story.partition, [story.registration(), story.told()]),
            benefits.consumer().apply(story.partition, [absent(story)]),
        )

    for story in stories:
        marketing = [each for each in await told(benefits, story.member_id) if each["code"] != "TIER_CHANGED"]
        assert sorted(each["withheld_reason"] for each in marketing) == ["", "DAILY_CAP"]


async def test_members_of_several_programs_in_one_read_are_told_by_their_own(benefits: BenefitsWorld) -> None:
    stories = [Story((await a_sandbox(benefits, switched_off=off)).key) for off in ([], ["wake_up"])]

    await benefits.apply(0, *(absent(story) for story in stories))

    statuses = [(await told(benefits, story.member_id))[0]["status"] for story in stories]
    assert statuses == ["SCHEDULED", "WITHHELD"]


async def test_nobody_is_told_before_it_happened_by_a_clock_that_was_read_before_its_move(
    benefits: BenefitsWorld,
) -> None:
    story = Story((await a_sandbox(benefits)).key)

    await benefits.apply(story.partition, absent(story, at=NOON + 30 * DAY))

    (notice,) = await told(benefits, story.member_id)
    assert notice["due_time"] == NOON + 30 * DAY
