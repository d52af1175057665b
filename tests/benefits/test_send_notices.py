"""Sending: what is due is handed to every channel, once, in each member's order and by their wish."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.clock import now
from libs.common.leases import Leases
from services.benefits.domain.notices import Notice
from services.benefits.handlers import sending as module
from services.benefits.jobs import NOTICES, NoticeSending
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.benefits.telling import Heard, a_sandbox, absent, sending, told
from tests.support.builders import NOON

NIGHT = {"from_hour": 22, "to_hour": 8}
EVENING = datetime(1998, 3, 2, 3, 30, tzinfo=UTC)  # half past ten in New York
MORNING = datetime(1998, 3, 2, 13, tzinfo=UTC)


def job(benefits: BenefitsWorld, *channels: Heard) -> NoticeSending:
    """What sends in all programs, with clocks that it has not read yet."""
    leases = Leases(benefits.database, [NOTICES], group="jobs", holder="test", now=now)
    return NoticeSending(sending(benefits, *channels), benefits.program_times(), leases)


async def statuses(benefits: BenefitsWorld, *stories: Story) -> list[str]:
    return [notice["status"] for story in stories for notice in await told(benefits, story.member_id)]


async def test_what_is_due_goes_to_every_channel_once(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(10_000, 12_000, program_id=program.key)
    one, other = Heard("one"), Heard("other")

    counts = [await sending(benefits, one, other).send(program.key, NOON) for _ in range(2)]

    ids = [notice["_id"] for notice in await told(benefits, story.member_id)]
    assert counts == [2, 0]
    assert await statuses(benefits, story) == ["SENT", "SENT"]
    assert [await channel.heard(benefits, story.member_id) for channel in (one, other)] == [ids, ids]


async def test_without_channels_notices_are_sent_all_the_same(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(10_000, program_id=program.key)

    await sending(benefits).send(program.key, NOON)

    assert await statuses(benefits, story) == ["SENT"]


async def test_what_is_made_in_quiet_hours_waits_for_their_end(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, time=EVENING, quiet_hours=NIGHT)
    story = Story(program.key)
    await benefits.apply(story.partition, absent(story, at=EVENING))

    early = await sending(benefits).send(program.key, MORNING - timedelta(milliseconds=1))
    late = await sending(benefits).send(program.key, MORNING)

    assert (early, late) == (0, 1)


async def test_what_a_member_has_refused_meanwhile_is_withheld(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, time=EVENING, quiet_hours=NIGHT)
    story, other = Story(program.key), Story(program.key)
    await benefits.apply(0, absent(story, at=EVENING), absent(other, at=EVENING))
    await benefits.database.notice_preferences.insert_one(
        {
            "_id": story.member_id,
            "program_id": program.key,
            "marketing": False,
            "muted": [],
            "changed_time": NOON,
        }
    )
    channel = Heard()

    count = await sending(benefits, channel).send(program.key, MORNING)

    assert count == 1
    assert await statuses(benefits, story, other) == ["WITHHELD", "SENT"]
    assert await channel.heard(benefits, story.member_id) == []


async def test_a_member_hears_in_the_order_in_which_things_were_said(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_NOTICES", 3)
    program = await a_sandbox(benefits)
    story = Story(program.key)
    for spell in range(1, 9):
        await benefits.apply(story.partition, absent(story, spell))
    ids = [notice["_id"] for notice in await told(benefits, story.member_id)]
    channel = Heard()

    await sending(benefits, channel).send(program.key, NOON)

    assert await channel.heard(benefits, story.member_id) == ids


async def test_replicas_that_send_at_once_send_once(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_NOTICES", 4)
    program = await a_sandbox(benefits)
    stories = [Story(program.key) for _ in range(3)]
    for spell in range(1, 4):
        await benefits.apply(0, *(absent(story, spell) for story in stories))
    channel = Heard()

    counts = await asyncio.gather(*(sending(benefits, channel).send(program.key, NOON) for _ in range(3)))

    assert sum(counts) == 9
    for story in stories:
        ids = [notice["_id"] for notice in await told(benefits, story.member_id)]
        assert await channel.heard(benefits, story.member_id) == ids


async def test_what_a_channel_does_not_take_stays_to_be_sent(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(10_000, program_id=program.key)
    first = Heard("first")
    broken = sending(benefits, first, Heard("second", fails=True))

    with pytest.raises(ValueError, match="defect"):
        await broken.send(program.key, NOON)

    assert await statuses(benefits, story) == ["SCHEDULED"]
    assert await first.heard(benefits, story.member_id) == []
    assert await broken.late_seconds(program.key, NOON + timedelta(seconds=90)) == 90.0


async def test_who_is_back_while_it_is_sent_either_hears_it_or_does_not(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    stories = [Story(program.key) for _ in range(10)]
    await benefits.apply(0, *(absent(story) for story in stories))
    channel = Heard()

    await asyncio.gather(
        sending(benefits, channel).send(program.key, NOON),
        benefits.apply(0, *(absent(story, back=True) for story in stories)),
    )

    for story in stories:
        (notice,) = await told(benefits, story.member_id)
        assert (notice["status"] == "SENT") is (await channel.heard(benefits, story.member_id) != [])


async def test_a_program_whose_notices_fail_holds_up_no_other(benefits: BenefitsWorld) -> None:
    broken, sound = await a_sandbox(benefits), await a_sandbox(benefits)
    stories = [await benefits.a_member(10_000, program_id=program.key) for program in (broken, sound)]

    class Picky(Heard):
        async def take(self, store: BenefitsStore, notices: Sequence[Notice], *, now: datetime) -> None:
            if notices[0].program_id == broken.key:
                raise ValueError("a channel with a defect")
            await super().take(store, notices, now=now)

    late = await job(benefits, Picky("picky")).run_once()

    assert await statuses(benefits, *stories) == ["SCHEDULED", "SENT"]
    assert (late[broken.key], late[sound.key]) == (0.0, 0.0)


async def test_notices_of_a_sandbox_wait_for_its_own_time(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, time=EVENING, quiet_hours=NIGHT)
    story = Story(program.key)
    await benefits.apply(story.partition, absent(story, at=EVENING))

    await job(benefits).run_once()
    before = await statuses(benefits, story)
    benefits.members.times[program.key] = MORNING + timedelta(seconds=5)
    await job(benefits).run_once()

    assert (before, await statuses(benefits, story)) == (["SCHEDULED"], ["SENT"])
