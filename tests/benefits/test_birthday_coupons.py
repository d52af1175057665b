"""Coupons for birthdays: they count on the day or in its month, once a year, and the birthday then stays."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.members.v1 import events_pb2
from libs.common.redis import StreamMessage, partition_of
from libs.common.rpc.time import timestamp
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.coupons_world import CouponsWorld, by_code, by_id, coupons_world, whys
from tests.benefits.refusals import refusal

DAY, MONTH = pb.COUPON_BIRTHDAY_DAY, pb.COUPON_BIRTHDAY_MONTH


@pytest.fixture(autouse=True)
def no_old_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a clock that a test moves, every replica knows at once."""
    monkeypatch.setattr("libs.common.clocks.AGE_SECONDS_MAX", 0.0)


@dataclass
class Party:
    """A program with campaigns that last for years, and members with birthdays."""

    world: CouponsWorld
    _told: dict[str, int] = field(default_factory=dict)

    def today(self, day: str, time: str = "17:00") -> None:
        """Noon of a day in the store, about, where nothing else is said."""
        self.world.benefits.members.times[self.world.program_id] = datetime.fromisoformat(
            f"{day}T{time}:00+00:00"
        )

    async def born(self, birthday: str, member_id: str = "") -> str:
        """A member who told this birthday, maybe after another one."""
        member_id = member_id or await self.world.a_member()
        self._told[member_id] = self._told.get(member_id, 1) + 1
        changed = events_pb2.BirthdayChanged(
            program_id=self.world.program_id,
            member_id=member_id,
            birthday=birthday,
            change_seq=self._told[member_id],
        )
        message = StreamMessage("0-1", "BirthdayChanged", changed.SerializeToString(), member_id)
        await self.world.benefits.apply(partition_of(member_id), message)
        return member_id

    async def a_campaign(self, birthday: pb.CouponBirthday.ValueType, **terms: object) -> str:
        since, until = (datetime.fromisoformat(f"{year}-01-01T00:00:00+00:00") for year in (2020, 2040))
        return await self.world.a_campaign(
            birthday=birthday, start_time=timestamp(since), end_time=timestamp(until), **terms
        )

    async def codes(self, birthday: pb.CouponBirthday.ValueType = DAY, count: int = 1) -> list[str]:
        return await self.world.codes(await self.a_campaign(birthday), count)

    async def why(self, member_id: str, code: str) -> str:
        """What a quote and a reservation refuse a coupon for, which is one thing; empty if it counts."""
        quoted = whys((await self.world.quoted(member_id, by_code(code))).refused).get(1, "")
        if quoted:
            told = await refusal(self.world.reserved(member_id, *by_code(code)))
            assert told[1:] == ("COUPON_NOT_APPLICABLE", {"place": "1", "why": quoted})
        return quoted

    async def used_times(self, member_id: str) -> int:
        """How often it was announced that a birthday gave something."""
        wanted = {"subject": member_id, "type": "BirthdayUsed"}
        return await self.world.benefits.database.outbox.count_documents(wanted)


@pytest.fixture
async def party(benefits: BenefitsWorld) -> Party:
    return Party(await coupons_world(benefits))


@pytest.mark.parametrize(
    ("birthday", "today", "of_day", "of_month"),
    [
        ("05-17", "2026-05-17", "", ""),
        ("05-17", "2026-05-16", "NOT_BIRTHDAY", ""),
        ("05-17", "2026-06-01", "NOT_BIRTHDAY", "NOT_BIRTHDAY_MONTH"),
        ("02-29", "2026-02-28", "", ""),
        ("02-29", "2028-02-28", "NOT_BIRTHDAY", ""),
        ("02-29", "2028-02-29", "", ""),
        ("12-31", "2026-12-31", "", ""),
    ],
    ids=[
        "the day",
        "the day before",
        "next month",
        "no 29th",
        "29th tomorrow",
        "the 29th",
        "last of the year",
    ],
)
async def test_it_counts_on_the_day_or_in_its_month(
    party: Party, birthday: str, today: str, of_day: str, of_month: str
) -> None:
    party.today(today)
    member = await party.born(birthday)

    (for_day,), (for_month,) = await party.codes(DAY), await party.codes(MONTH)

    assert (await party.why(member, for_day), await party.why(member, for_month)) == (of_day, of_month)


async def test_days_are_those_of_the_program(party: Party) -> None:
    member, (code,) = await party.born("05-17"), await party.codes()
    found = []

    # The store is in New York: four hours behind in May.
    for day, time in (("2026-05-17", "03:59"), ("2026-05-17", "04:00"), ("2026-05-18", "03:59")):
        party.today(day, time)
        found.append(await party.why(member, code))

    assert found == ["NOT_BIRTHDAY", "", ""]


async def test_who_told_no_birthday_or_took_it_out_has_none(party: Party) -> None:
    party.today("2026-05-17")
    (code,) = await party.codes(MONTH)
    nobody, former = await party.world.a_member(), await party.born("05-17")
    await party.born("", former)

    assert [await party.why(each, code) for each in (nobody, former)] == ["NOT_BIRTHDAY_MONTH"] * 2


async def test_a_campaign_counts_once_a_year_for_each_member(party: Party) -> None:
    party.today("2026-05-17")
    ann, bob = await party.born("05-17"), await party.born("05-17")
    first, second, third, fourth = await party.codes(MONTH, 4)
    await party.world.reserved(ann, *by_code(first))

    again, other = await party.why(ann, second), await party.why(bob, third)
    party.today("2027-05-02")
    next_year = await party.why(ann, fourth)

    assert (again, other, next_year) == ("BIRTHDAY_USED", "", "")
    assert await party.world.broken() == []


async def test_another_birthday_in_the_year_gives_no_second_coupon(party: Party) -> None:
    party.today("2026-05-17")
    ann, (first, second) = await party.born("05-17"), await party.codes(DAY, 2)
    await party.world.reserved(ann, *by_code(first))

    await party.born("05-18", ann)
    party.today("2026-05-18")

    assert await party.why(ann, second) == "BIRTHDAY_USED"


async def test_what_is_given_back_may_be_had_again(party: Party) -> None:
    party.today("2026-05-17")
    ann, (code,) = await party.born("05-17"), await party.codes()
    kept = await party.world.reserved(ann, *by_code(code))
    during = await party.why(ann, code)

    await party.world.cancelled(kept.check_ref)

    assert (during, await party.why(ann, code)) == ("USED_UP", "")
    assert await party.world.broken() == []


async def test_two_tills_at_once_give_one(party: Party) -> None:
    party.today("2026-05-17")
    ann, codes = await party.born("05-17"), await party.codes(DAY, 6)

    answers = await asyncio.gather(
        *(party.world.reserved(ann, *by_code(code)) for code in codes), return_exceptions=True
    )

    assert sum(isinstance(each, pb.CouponReservation) for each in answers) == 1
    assert await party.world.broken() == []


async def test_what_was_reserved_before_midnight_is_paid_after_it(party: Party) -> None:
    party.today("2026-05-18", "03:59")
    ann, (code,) = await party.born("05-17"), await party.codes()
    kept = await party.world.reserved(ann, *by_code(code))

    party.today("2026-05-18", "04:05")

    assert (await party.world.used(kept.check_ref)).status == pb.COUPON_RESERVATION_STATUS_USED


async def test_using_one_announces_once_that_the_birthday_was_used(party: Party) -> None:
    party.today("2026-05-17")
    ann, (code,) = await party.born("05-17"), await party.codes()
    kept = await party.world.reserved(ann, *by_code(code))
    reserved = await party.used_times(ann)

    await asyncio.gather(*(party.world.used(kept.check_ref) for _ in range(4)))
    await party.world.used(kept.check_ref)

    assert (reserved, await party.used_times(ann)) == (0, 1)


async def test_using_another_coupon_on_the_day_announces_nothing(party: Party) -> None:
    party.today("2026-05-17")
    ann = await party.born("05-17")
    (code,) = await party.world.codes(await party.a_campaign(pb.COUPON_BIRTHDAY_UNSPECIFIED))

    await party.world.used((await party.world.reserved(ann, *by_code(code))).check_ref)

    assert await party.used_times(ann) == 0


async def test_a_coupon_that_was_given_to_a_member_waits_for_the_day(party: Party) -> None:
    party.today("2026-05-16")
    ann, campaign = await party.born("05-17"), await party.a_campaign(DAY)
    (coupon_id,) = await party.world.issued(campaign, ann)
    before = whys((await party.world.quoted(ann, by_id(coupon_id))).refused)

    party.today("2026-05-17")

    assert before == {1: "NOT_BIRTHDAY"}
    assert (await party.world.quoted(ann, by_id(coupon_id))).off_minor == 1_000


async def test_the_second_of_a_year_is_told_to_risk(party: Party) -> None:
    party.today("2026-05-17")
    ann, (first, second) = await party.born("05-17"), await party.codes(DAY, 2)
    await party.world.reserved(ann, *by_code(first))

    await refusal(party.world.reserved(ann, *by_code(second)))

    rows = party.world.benefits.database.limit_refusals.find({"member_id": ann})
    assert [each["limit"] async for each in rows] == ["COUPON_CAP"]


async def test_reservations_from_before_there_were_birthdays_are_read(party: Party) -> None:
    ann, code = await party.world.a_member(), await party.world.a_code()
    kept = await party.world.reserved(ann, *by_code(code))
    reservations = party.world.benefits.database.coupon_reservations
    await reservations.update_one({"_id": kept.reservation_id}, {"$unset": {"items.0.for_birthday": ""}})
    await party.world.benefits.database.coupon_campaigns.update_many(
        {"program_id": party.world.program_id}, {"$unset": {"terms.birthday": ""}}
    )

    assert (await party.world.used(kept.check_ref)).status == pb.COUPON_RESERVATION_STATUS_USED
    assert await party.why(ann, await party.world.a_code()) == ""
