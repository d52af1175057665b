"""Birthdays on the main path: what is open on the day, once a year; points of its month; a greeting."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import earning_pb2, earning_pb2_grpc, entitlements_pb2_grpc, events_pb2
from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.members.v1 import events_pb2 as members_pb2
from libs.common.clock import now, start_of_day
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.redis import StreamMessage
from libs.common.rpc.errors import error_info, reason_of
from libs.common.rpc.time import moment, timestamp
from services.benefits.handlers.birthdays import BirthdayGreetings
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import points_of
from tests.benefits.stories import Story
from tests.benefits.telling import told
from tests.support.builders import PROGRAM

ENTITLEMENTS = pb.DESCRIPTOR.services_by_name["EntitlementsService"]
EARNING = earning_pb2.DESCRIPTOR.services_by_name["EarningService"]
ZONE = "America/New_York"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
YEARLY = {"amount": 1, "unit": "uses", "period": "year"}
NAME = {"zh": "礼", "en": "Gift"}
BENEFITS = [
    {"benefit": "gift", "kind": "consumption", "name": NAME, "birthday": "day", "quota": YEARLY},
    {"benefit": "discount", "kind": "consumption", "name": NAME, "birthday": "month", "quota": YEARLY},
]
DOUBLE = {"key": "birthday", "kind": "multiplier", "bp": 20_000, "condition": "birthday_month"}


@pytest.fixture(autouse=True)
def no_old_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a clock that a test moves, every replica knows at once."""
    monkeypatch.setattr("libs.common.clocks.AGE_SECONDS_MAX", 0.0)


def at(text: str) -> datetime:
    """Noon of a day in the store, about."""
    return datetime.fromisoformat(f"{text}T17:00:00+00:00")


async def a_store(benefits: BenefitsWorld, day: str, **points: Any) -> Program:
    """The music store with care for birthdays, at a day."""
    document = preset(PROGRAM).document()
    document["key"] = f"store_{new_id('x')[-12:]}"
    document["tier_sets"][0]["tiers"][0]["benefits"] = BENEFITS
    document["points"] |= {"multipliers": [DOUBLE], **points}
    program = Program.parse(document)
    await benefits.publish(program)
    benefits.members.times[program.key] = at(day)
    return program


def born(story: Story, birthday: str, change_seq: int = 2) -> StreamMessage:
    """The announcement of a birthday."""
    changed = members_pb2.BirthdayChanged(
        program_id=story.program_id, member_id=story.member_id, birthday=birthday, change_seq=change_seq
    )
    payload = changed.SerializeToString(deterministic=True)
    return StreamMessage("0-1", changed.DESCRIPTOR.name, payload, story.member_id)


async def a_member(benefits: BenefitsWorld, program: Program, birthday: str = "05-17") -> Story:
    story = Story(program.key)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), born(story, birthday))
    return story


def till(benefits: BenefitsWorld, program: Program) -> Any:
    made = entitlements_pb2_grpc.EntitlementsServiceStub
    return benefits.stub(ENTITLEMENTS, made, "partner", "shop", program.key)


def taking(story: Story, benefit: str = "gift") -> pb.UseBenefitRequest:
    return pb.UseBenefitRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        benefit=benefit,
        amount=1,
        external_ref=new_id("ref"),
    )


async def refused(call: Any) -> tuple[str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    info = error_info(refusal.value)
    assert info is not None
    return reason_of(refusal.value), dict(info.metadata)


async def used(benefits: BenefitsWorld, story: Story) -> list[datetime]:
    """When the member's birthday was told to be used."""
    rows = await benefits.database.outbox.find({"subject": story.member_id, "type": "BirthdayUsed"}).to_list(
        None
    )
    return [moment(events_pb2.BirthdayUsed.FromString(row["payload"]).used_time) for row in rows]


async def test_a_gift_is_open_on_the_day_alone_and_says_when_that_is(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-05-16")
    story, shop = await a_member(benefits, program), till(benefits, program)
    closed = await refused(shop.UseBenefit(taking(story)))
    benefits.members.times[program.key] = at("1998-05-17")

    answer = await shop.UseBenefit(taking(story))

    assert closed == ("BENEFIT_NOT_OPEN", {"opening_time": "1998-05-17T04:00:00+00:00"})
    assert (answer.allowance.left, answer.allowance.open) == (0, True)
    assert await used(benefits, story) == [at("1998-05-17")]


async def test_what_is_for_the_month_is_open_in_all_of_it(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-05-02")
    story, shop = await a_member(benefits, program), till(benefits, program)

    await shop.UseBenefit(taking(story, "discount"))

    listed = await shop.BatchListAllowances(
        pb.BatchListAllowancesRequest(program_id=program.key, member_ids=[story.member_id])
    )
    by_benefit = {each.benefit: (each.open, each.left) for each in listed.results[0].allowances}
    assert by_benefit == {"gift": (False, 1), "discount": (True, 0)}


async def test_ten_at_once_and_another_birthday_in_the_same_year_give_one_gift(
    benefits: BenefitsWorld,
) -> None:
    program = await a_store(benefits, "1998-05-17")
    story, shop = await a_member(benefits, program), till(benefits, program)

    outcomes = await asyncio.gather(
        *(shop.UseBenefit(taking(story)) for _ in range(10)), return_exceptions=True
    )
    await benefits.apply(story.partition, born(story, "05-18", 3))
    benefits.members.times[program.key] = at("1998-05-18")
    reason, told_when = await refused(shop.UseBenefit(taking(story)))

    errors = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert Counter(map(reason_of, errors)) == {"QUOTA_USED_UP": 9}
    assert (reason, told_when["reset_time"]) == ("QUOTA_USED_UP", "1999-01-01T05:00:00+00:00")
    benefits.members.times[program.key] = at("1999-05-18")
    assert (await shop.UseBenefit(taking(story))).allowance.left == 0


async def test_who_told_no_birthday_or_took_it_out_has_no_care(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-05-17")
    stories, shop = [Story(program.key), await a_member(benefits, program)], till(benefits, program)
    await benefits.apply(0, stories[0].registration(), born(stories[1], "", 3))
    # What was announced before comes again, and late.
    await benefits.apply(0, born(stories[1], "05-17", 2))

    found = [await refused(shop.UseBenefit(taking(story))) for story in stories]

    assert found == [("BENEFIT_NOT_OPEN", {})] * 2
    kept = await benefits.database.birthdays.find_one({"_id": stories[1].member_id})
    assert kept is not None
    assert (kept["birthday"], "greeting_time" in kept) == ("", False)


async def test_points_double_in_the_month_and_the_preview_says_so_before(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-05-20")
    story = await a_member(benefits, program)
    days = [at("1998-04-30"), at("1998-05-01"), at("1998-05-31"), at("1998-06-02")]
    events = [
        earning_pb2.PossibleEvent(
            member_id=story.member_id,
            kind=members_pb2.EVENT_KIND_PURCHASE,
            amount_minor=1_000,
            occurred_time=timestamp(day),
        )
        for day in days
    ]
    stub = benefits.stub(EARNING, earning_pb2_grpc.EarningServiceStub, "service", "gateway", None)
    previewed = await stub.BatchPreviewPoints(
        earning_pb2.BatchPreviewPointsRequest(program_id=program.key, events=events)
    )

    balances = [0]
    for day in days:
        story.buys(1_000, at=day)
        await benefits.apply(story.partition, story.told(len(story.events)))
        balances.append((await points_of(benefits, story)).balance)

    awarded = [after - before for before, after in pairwise(balances)]
    assert awarded == [10, 20, 20, 10]
    assert [each.preview.points for each in previewed.results] == awarded
    assert await used(benefits, story) == [days[1], days[2]]


async def test_points_that_would_be_the_same_anyway_are_no_use_of_the_birthday(
    benefits: BenefitsWorld,
) -> None:
    program = await a_store(benefits, "1998-05-20", multiplier_max_bp=10_000)
    story = await a_member(benefits, program)

    await benefits.apply(story.partition, story.buys(1_000, at=at("1998-05-20")).told())

    assert (await points_of(benefits, story)).balance == 10
    assert await used(benefits, story) == []


def greetings(benefits: BenefitsWorld) -> BirthdayGreetings:
    """What greets in one replica."""
    store = BenefitsStore(benefits.database)
    return BirthdayGreetings(store, ProgramHandlers(store, now), now=now, new_id=new_id)


async def happen_until(
    kind: BirthdayGreetings, program: Program, until: datetime, since: datetime = LONG_AGO
) -> int:
    """As the calendar does it: page after page until nothing is due."""
    count, asked = 0, 0
    while items := await kind.due(program.key, until, 200):
        count += await kind.happen(program.key, items, since)
        asked += 1
        assert asked < 20, "what is due does not end"
    return count


def begin(year: int, month: int, day: int) -> datetime:
    return start_of_day(date(year, month, day), ZONE)


async def causes(benefits: BenefitsWorld, story: Story) -> list[tuple[str, str]]:
    return [(each["code"], each["cause"]) for each in await told(benefits, story.member_id)]


async def test_a_member_is_greeted_as_the_day_begins_once_a_year(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-03-02")
    story, kind = await a_member(benefits, program, "02-29"), greetings(benefits)

    counts = [
        await happen_until(kind, program, time)
        for time in (
            begin(1999, 2, 28) - timedelta(seconds=1),
            begin(1999, 2, 28),
            begin(1999, 12, 31),
            begin(2000, 2, 28),
            begin(2000, 2, 29),
        )
    ]

    assert counts == [0, 1, 0, 0, 1]
    assert await causes(benefits, story) == [("BIRTHDAY", "1999"), ("BIRTHDAY", "2000")]


async def test_replicas_at_once_and_another_birthday_greet_once_a_year(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-05-17")
    stories = [await a_member(benefits, program) for _ in range(3)]
    kinds = [greetings(benefits) for _ in range(2)]
    items = await kinds[0].due(program.key, begin(1998, 5, 17), 200)

    counts = await asyncio.gather(*(kind.happen(program.key, items, LONG_AGO) for kind in kinds))
    for story in stories:
        await benefits.apply(story.partition, born(story, "05-19", 3))
    await happen_until(kinds[0], program, begin(1998, 5, 20))

    assert sum(counts) == 3
    assert [await causes(benefits, story) for story in stories] == [[("BIRTHDAY", "1998")]] * 3


async def test_what_is_made_up_for_is_told_to_nobody_and_comes_next_year(benefits: BenefitsWorld) -> None:
    program = await a_store(benefits, "1998-05-17")
    story, kind = await a_member(benefits, program), greetings(benefits)

    await happen_until(kind, program, begin(1999, 5, 17), since=begin(1999, 5, 10))

    assert await causes(benefits, story) == [("BIRTHDAY", "1999")]
