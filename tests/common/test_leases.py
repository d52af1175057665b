"""Leases: shared fairly, taken over when their holder is dead, and given back when it stops."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from pymongo.errors import AutoReconnect

from libs.common.clock import now
from libs.common.leases import GONE, RENEW_SECONDS, TTL, Leases, renew, renewing
from libs.common.mongo import Database
from tests.common.streams_world import running

NAMES = [str(number) for number in range(16)]
SECOND = timedelta(seconds=1)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = now()

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_holder(database: Database, clock: Clock, holder: str, *, group: str = "events/benefits") -> Leases:
    return Leases(database, NAMES, group=group, holder=holder, now=clock)


async def renewed(*holders: Leases, times: int = 2) -> None:
    for _ in range(times):
        for holder in holders:
            await holder.renew()


async def test_one_holder_has_everything(database: Database, clock: Clock) -> None:
    one = a_holder(database, clock, "one")

    await one.renew()

    assert one.held() == set(NAMES)


@pytest.mark.parametrize(("count", "most", "least"), [(2, 8, 8), (3, 6, 4), (5, 4, 0), (16, 1, 1)])
async def test_holders_share_fairly_and_nothing_is_left_out(
    database: Database, clock: Clock, count: int, most: int, least: int
) -> None:
    holders = [a_holder(database, clock, f"replica{number:02d}") for number in range(count)]

    await renewed(*holders)

    held = [holder.held() for holder in holders]
    assert sorted(name for names in held for name in names) == sorted(NAMES)
    assert max(map(len, held)) == most
    assert min(map(len, held)) >= least


async def test_holders_that_come_at_once_share_as_fairly(database: Database, clock: Clock) -> None:
    holders = [a_holder(database, clock, f"replica{number}") for number in range(4)]

    for _ in range(3):
        await asyncio.gather(*(holder.renew() for holder in holders))

    held = [holder.held() for holder in holders]
    assert sorted(name for names in held for name in names) == sorted(NAMES)
    assert [len(names) for names in held] == [4] * 4


async def test_a_share_that_is_kept_stays_with_its_holder(database: Database, clock: Clock) -> None:
    one, other = a_holder(database, clock, "one"), a_holder(database, clock, "other")
    await renewed(one, other)
    before = one.held(), other.held()

    for _ in range(10):
        clock.time += SECOND
        await renewed(one, other, times=1)

    assert (one.held(), other.held()) == before


async def test_the_leases_of_a_dead_holder_are_taken_when_their_time_is_up_and_not_before(
    database: Database, clock: Clock
) -> None:
    one, dead = a_holder(database, clock, "one"), a_holder(database, clock, "dead")
    await renewed(one, dead)

    clock.time += TTL - SECOND
    await one.renew()
    before = one.held()
    clock.time += SECOND
    await renewed(one)

    assert len(before) == 8
    assert one.held() == set(NAMES)


async def test_who_could_not_renew_knows_that_nothing_is_held_any_more(
    database: Database, clock: Clock
) -> None:
    one = a_holder(database, clock, "one")
    await one.renew()

    clock.time += TTL

    assert one.held() == frozenset()


async def test_a_restarted_holder_goes_on_at_once(database: Database, clock: Clock) -> None:
    one, other = a_holder(database, clock, "one"), a_holder(database, clock, "other")
    await renewed(one, other)
    before = one.held()

    restarted = a_holder(database, clock, "one")
    await restarted.renew()

    assert restarted.held() == before


async def test_what_is_held_is_given_back_at_the_end(database: Database, clock: Clock) -> None:
    one, other = a_holder(database, clock, "one"), a_holder(database, clock, "other")
    async with running(renewing([one])):
        while not one.held():
            await asyncio.sleep(0.01)

    await other.renew()

    assert other.held() == set(NAMES)
    assert one.held() == frozenset()


async def test_groups_do_not_know_of_each_other(database: Database, clock: Clock) -> None:
    one = a_holder(database, clock, "one", group="events/benefits")
    other = a_holder(database, clock, "other", group="events/risk")
    longer = a_holder(database, clock, "longer", group="events/benefits2")

    await renewed(one, other, longer)

    assert one.held() == other.held() == longer.held() == set(NAMES)


async def test_a_group_named_like_a_pattern_counts_its_own_replicas_only(
    database: Database, clock: Clock
) -> None:
    one = a_holder(database, clock, "one", group="events")
    pattern = a_holder(database, clock, "other", group="e.ents")

    await renewed(one, pattern)

    assert one.held() == pattern.held() == set(NAMES)


async def test_a_lease_changes_hands_under_a_new_epoch(database: Database, clock: Clock) -> None:
    one, other = a_holder(database, clock, "one"), a_holder(database, clock, "other")
    await one.renew()
    first = await database.leases.find_one({"_id": "events/benefits/0"})

    clock.time += TTL
    await other.renew()

    second = await database.leases.find_one({"_id": "events/benefits/0"})
    assert first is not None
    assert second is not None
    assert (second["holder"], second["epoch"]) == ("other", first["epoch"] + 1)


async def test_an_outage_is_survived(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.leases.RENEW_SECONDS", 0.01)
    one = a_holder(database, clock, "one")
    settle, failures = one.settle, [AutoReconnect("down")] * 3

    async def failing(holders: Mapping[str, str], now: datetime) -> None:
        if failures:
            raise failures.pop()
        await settle(holders, now)

    monkeypatch.setattr(one, "settle", failing)
    async with running(renewing([one])):
        while not one.held():
            await asyncio.sleep(0.01)

    assert not failures


async def test_leases_of_several_groups_are_renewed_together(database: Database, clock: Clock) -> None:
    groups = ["events/benefits", "events/risk", "jobs"]
    ones, others = (
        [a_holder(database, clock, holder, group=group) for group in groups] for holder in ("one", "other")
    )
    for _ in range(2):
        await renew(ones)
        await renew(others)

    for one, other in zip(ones, others, strict=True):
        assert len(one.held()) == len(other.held()) == 8
        assert one.held() | other.held() == set(NAMES)


async def test_what_a_replica_renews_in_peace_is_one_write_and_one_read(
    database: Database, clock: Clock
) -> None:
    ones = [a_holder(database, clock, "one", group=group) for group in ("a", "b", "c")]
    await renew(ones)

    await database.command("profile", 2)
    await renew(ones)
    await database.command("profile", 0)

    heard = [each["op"] async for each in database["system.profile"].find({"ns": f"{database.name}.leases"})]
    assert heard == ["update", "query"]


async def test_replicas_that_are_gone_for_long_are_forgotten(database: Database, clock: Clock) -> None:
    one, other = a_holder(database, clock, "one"), a_holder(database, clock, "other", group="jobs")
    await renewed(one, other)

    clock.time += TTL + GONE
    await a_holder(database, clock, "later").renew()

    marks = await database.leases.distinct("_id", {"_id": {"$regex": "/replica/"}})
    assert marks == ["events/benefits/replica/later", "jobs/replica/other"]


def test_a_lease_is_renewed_several_times_before_its_time_is_up() -> None:
    assert TTL.total_seconds() > 3 * RENEW_SECONDS
