"""Members are told of points that expire: so many days ahead, all of a day in one, and not of long ago."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from libs.common.clock import now, start_of_day
from libs.common.ids import new_id
from libs.common.program import Program
from services.benefits.handlers.expiry_notices import ExpiryNotices
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import a_calendar_day, put_aside
from tests.benefits.stories import Story
from tests.benefits.telling import a_sandbox, told
from tests.support.builders import NOON

ZONE = "America/New_York"
EXPIRES = date(1998, 4, 2)  # a month after the purchases of NOON
POINTS = {"expire_after_months": 1, "expiry_notice_days": [7, 1]}
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


def days_before(days: int) -> datetime:
    return start_of_day(EXPIRES - timedelta(days=days), ZONE)


def notices_of(benefits: BenefitsWorld) -> ExpiryNotices:
    """What tells of points in one replica."""
    store = BenefitsStore(benefits.database)
    return ExpiryNotices(store, ProgramHandlers(store, now), now=now, new_id=new_id)


async def happen_until(
    kind: ExpiryNotices, program: Program, until: datetime, fresh_since: datetime = LONG_AGO
) -> int:
    """As the calendar does it: page after page until nothing is due."""
    count, asked = 0, 0
    while items := await kind.due(program.key, until, 200):
        count += await kind.happen(program.key, items, fresh_since)
        asked += 1
        assert asked < 100, "what is due does not end"
    return count


async def a_shop(benefits: BenefitsWorld, *amounts: int) -> tuple[Program, Story]:
    """A program whose points expire, with a member; its calendar has begun."""
    program = await a_sandbox(benefits, points=POINTS)
    assert await notices_of(benefits).due(program.key, NOON, 200) == []
    return program, await benefits.a_member(*amounts, program_id=program.key)


async def expiring(benefits: BenefitsWorld, story: Story) -> list[tuple[str, str]]:
    return [
        (each["cause"], each["params"]["points"])
        for each in await told(benefits, story.member_id)
        if each["code"] == "POINTS_EXPIRING"
    ]


async def test_points_are_told_so_many_days_before_they_expire(benefits: BenefitsWorld) -> None:
    program, story = await a_shop(benefits, 5_000)
    kind = notices_of(benefits)

    counts = [await happen_until(kind, program, days_before(day)) for day in (8, 7, 2, 1, 0)]

    assert counts == [0, 1, 0, 1, 0]
    assert await expiring(benefits, story) == [("1998-04-02/7", "50"), ("1998-04-02/1", "50")]


async def test_they_fall_due_as_the_day_begins_in_the_programs_time_zone(benefits: BenefitsWorld) -> None:
    program, _ = await a_shop(benefits, 5_000)

    (first, second) = await notices_of(benefits).due(program.key, NOON + timedelta(days=60), 200)

    local = [each.due_time.astimezone(ZoneInfo(ZONE)).isoformat() for each in (first, second)]
    assert local == ["1998-03-26T00:00:00-05:00", "1998-04-01T00:00:00-05:00"]


async def test_the_lots_of_a_day_are_told_in_one_and_each_day_by_itself(benefits: BenefitsWorld) -> None:
    program, story = await a_shop(benefits, 5_000, 700)
    same_day = story.buys(1_000, at=NOON + timedelta(hours=1)).told(3)
    await benefits.apply(story.partition, same_day)

    await happen_until(notices_of(benefits), program, days_before(6))

    assert await expiring(benefits, story) == [("1998-04-02/7", "60"), ("1998-04-03/7", "7")]


async def test_pages_and_replicas_at_once_tell_each_member_once(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, points=POINTS)
    kinds = [notices_of(benefits) for _ in range(2)]
    await kinds[0].due(program.key, NOON, 200)
    stories = [Story(program.key).buys(1_000) for _ in range(5)]
    for story in stories:
        story.buys(2_000, at=NOON + timedelta(hours=2))
    await benefits.apply(0, *(message for each in stories for message in (each.registration(), each.told())))

    items = await kinds[0].due(program.key, days_before(7), 3)
    await asyncio.gather(*(kind.happen(program.key, items, LONG_AGO) for kind in kinds))
    await asyncio.gather(*(happen_until(kind, program, days_before(7)) for kind in kinds))

    assert [await expiring(benefits, story) for story in stories] == [[("1998-04-02/7", "30")]] * 5


async def test_what_has_happened_is_skipped(benefits: BenefitsWorld) -> None:
    program, story = await a_shop(benefits, 5_000)
    kind = notices_of(benefits)
    items = await kind.due(program.key, days_before(7), 200)

    counts = [await kind.happen(program.key, items, LONG_AGO) for _ in range(3)]

    assert counts == [1, 0, 0]
    assert len(await expiring(benefits, story)) == 1


async def test_what_fell_due_long_ago_is_passed_over_in_silence(benefits: BenefitsWorld) -> None:
    program, story = await a_shop(benefits, 5_000)

    count = await happen_until(notices_of(benefits), program, days_before(0), fresh_since=days_before(2))

    assert count == 2
    assert await expiring(benefits, story) == [("1998-04-02/1", "50")]


async def test_what_is_told_waits_for_the_end_of_quiet_hours(benefits: BenefitsWorld) -> None:
    quiet = {"from_hour": 22, "to_hour": 8}
    program = await a_sandbox(benefits, points=POINTS, quiet_hours=quiet)
    await notices_of(benefits).due(program.key, NOON, 200)
    story = await benefits.a_member(5_000, program_id=program.key)

    await happen_until(notices_of(benefits), program, days_before(7))

    (notice,) = await told(benefits, story.member_id)
    assert notice["due_time"] == days_before(7) + timedelta(hours=8)


async def test_points_that_were_there_before_the_calendar_began_are_told_from_that_day_on(
    benefits: BenefitsWorld,
) -> None:
    program = await a_sandbox(benefits, points=POINTS)
    story = await benefits.a_member(5_000, program_id=program.key)
    kind = notices_of(benefits)

    await happen_until(kind, program, days_before(3))
    await happen_until(kind, program, days_before(0))

    assert await expiring(benefits, story) == [("1998-04-02/1", "50")]


async def test_points_that_stay_are_never_told(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    await notices_of(benefits).due(program.key, NOON, 200)
    await benefits.a_member(5_000, program_id=program.key)

    assert await notices_of(benefits).due(program.key, NOON + timedelta(days=5_000), 200) == []


async def test_a_member_who_cannot_be_told_holds_up_nobody(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits, points=POINTS)
    kind = notices_of(benefits)
    await kind.due(program.key, NOON, 200)
    stories = [await benefits.a_member(1_000, program_id=program.key) for _ in range(5)]
    broken = stories[1]
    # What reads of a member's preferences fails for this one.
    await benefits.database.notice_preferences.insert_one(
        {"_id": broken.member_id}, bypass_document_validation=True
    )

    await a_calendar_day(benefits, [kind], program.key, days_before(7))
    await happen_until(kind, program, days_before(7))

    told_of = [await expiring(benefits, story) for story in stories]
    assert [len(each) for each in told_of] == [1, 0, 1, 1, 1]
    assert await put_aside(benefits, program.key) == ["calendar/expiry_notice"]
