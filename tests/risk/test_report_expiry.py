"""The clock: reports end after ninety days without anybody saying so, in whichever replica, once."""

import asyncio
from datetime import timedelta

import pytest

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.leases import Leases
from libs.common.rpc.time import moment
from services.risk import jobs
from services.risk.domain.reports import WINDOW
from services.risk.jobs import EXPIRY, ReportExpiry
from tests.risk.conftest import VERIFIED, RiskWorld
from tests.support.builders import DAY, PROGRAM

MOMENT = timedelta(milliseconds=1)


async def a_restricted_member(risk: RiskWorld) -> str:
    """A member whom three have reported, a day after one another."""
    member = await risk.a_member(VERIFIED)
    for _ in range(3):
        await risk.report(member)
        risk.clock.advance(DAY)
    return member


async def statuses(risk: RiskWorld, member_id: str) -> list[str]:
    return [each["status"] async for each in risk.database.reports.find({"member_id": member_id})]


def leases(risk: RiskWorld, holder: str) -> Leases:
    return Leases(risk.database, [EXPIRY], group="jobs", holder=holder, now=risk.clock)


async def test_a_restriction_is_lifted_at_its_end_and_not_before(risk: RiskWorld) -> None:
    member = await a_restricted_member(risk)
    (restriction,) = (await risk.profile(member)).restrictions
    until = moment(restriction.until_time)

    risk.clock.moment = until - MOMENT
    await risk.expire()
    before = await risk.profile(member)
    risk.clock.moment = until
    await risk.expire()
    then = await risk.profile(member)

    assert (before.level, before.reporters_count, len(before.restrictions)) == (pb.RISK_LEVEL_HIGH, 3, 1)
    assert (then.level, then.reporters_count, len(then.restrictions)) == (pb.RISK_LEVEL_LOW, 2, 0)
    assert moment(then.changed_time) == until


async def test_open_reports_become_expired_and_upheld_ones_stay_upheld(risk: RiskWorld) -> None:
    member = await risk.a_member()
    await risk.decide(await risk.report(member), reports_pb2.REPORT_DECISION_UPHOLD)
    await risk.report(member)
    risk.clock.advance(WINDOW)

    await risk.expire()

    assert sorted(await statuses(risk, member)) == ["expired", "upheld"]
    profile = await risk.profile(member)
    assert (profile.integrity, profile.reporters_count) == (60, 0)


async def test_what_ended_long_ago_is_told_in_order_and_as_of_when_it_ended(risk: RiskWorld) -> None:
    member = await a_restricted_member(risk)
    first = risk.clock.moment - 3 * DAY
    risk.clock.advance(WINDOW + 30 * DAY)

    await risk.expire()

    ends = (await risk.changes(member))[4:]
    assert [(each.integrity_after, moment(each.changed_time)) for each in ends] == [
        (50, first + WINDOW),
        (65, first + WINDOW + DAY),
        (80, first + WINDOW + 2 * DAY),
    ]
    assert [len(each.profile.restrictions) for each in await risk.announced(member)][3:] == [1, 0, 0, 0]


async def test_a_second_run_finds_nothing_to_do(risk: RiskWorld) -> None:
    member = await a_restricted_member(risk)
    risk.clock.advance(WINDOW)
    await risk.expire()
    before = await risk.changes(member), await risk.announced(member)

    again = await risk.expire()

    assert again == 0
    assert (await risk.changes(member), await risk.announced(member)) == before


async def test_of_whom_nothing_is_due_nothing_is_written(risk: RiskWorld) -> None:
    member = await a_restricted_member(risk)
    before = await risk.database.profiles.find_one({"_id": member})

    await risk.reports().expire(PROGRAM, member)

    assert await risk.database.profiles.find_one({"_id": member}) == before


async def test_four_replicas_at_once_end_each_report_once(risk: RiskWorld) -> None:
    members = [await a_restricted_member(risk) for _ in range(3)]
    risk.clock.advance(WINDOW)

    await asyncio.gather(*(risk.expire() for _ in range(4)))

    for member in members:
        assert [each.seq for each in await risk.changes(member)] == list(range(1, 8))
        assert [each.seq for each in await risk.announced(member)] == list(range(1, 8))
        assert await statuses(risk, member) == ["expired"] * 3


async def test_reports_that_end_and_new_ones_at_once_are_both_counted(risk: RiskWorld) -> None:
    member = await a_restricted_member(risk)
    risk.clock.advance(WINDOW)

    await asyncio.gather(risk.expire(), risk.report(member), risk.expire(), risk.report(member))

    profile = await risk.profile(member)
    assert (profile.reporters_count, profile.integrity) == (2, 50)
    assert [each.seq for each in await risk.changes(member)] == list(range(1, 10))


async def test_a_run_that_is_broken_off_is_finished_by_the_next(
    risk: RiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [await a_restricted_member(risk) for _ in range(4)]
    risk.clock.advance(WINDOW)
    interrupted = asyncio.create_task(risk.expire())
    while not any(["expired" in await statuses(risk, member) for member in members]):
        await asyncio.sleep(0)
    interrupted.cancel()
    await asyncio.gather(interrupted, return_exceptions=True)

    await risk.expire()

    for member in members:
        assert [each.seq for each in await risk.changes(member)] == list(range(1, 8))
        assert (await risk.profile(member)).reporters_count == 0


async def test_more_members_than_one_batch_are_all_done_in_one_go(
    risk: RiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MEMBERS_MAX", 2)
    members = [await risk.a_member() for _ in range(5)]
    for member in members:
        await risk.report(member)
    risk.clock.advance(WINDOW)
    held = leases(risk, "one")
    await held.renew()

    running = asyncio.create_task(ReportExpiry(risk.reports(), held).run())
    async with asyncio.timeout(20):
        while any(["open" in await statuses(risk, member) for member in members]):
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert {(await risk.profile(member)).integrity for member in members} == {60}


async def test_who_does_not_hold_the_lease_ends_nothing(risk: RiskWorld) -> None:
    member = await risk.a_member()
    await risk.report(member)
    risk.clock.advance(WINDOW)

    running = asyncio.create_task(
        ReportExpiry(risk.reports(), leases(risk, "other"), every_seconds=0.01).run()
    )
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert await statuses(risk, member) == ["open"]


async def test_a_member_whose_record_cannot_be_read_holds_nobody_up(risk: RiskWorld) -> None:
    broken, member = await risk.a_member(), await risk.a_member()
    for each in (broken, member):
        await risk.report(each)
    await risk.database.reports.update_many({"member_id": broken}, {"$unset": {"finding": ""}})
    risk.clock.advance(WINDOW)

    await risk.expire()

    assert (await statuses(risk, broken), await statuses(risk, member)) == (["open"], ["expired"])
    await risk.database.reports.update_many({"member_id": broken}, {"$set": {"finding": None}})
    await risk.expire()
    assert await statuses(risk, broken) == ["expired"]
