"""Limits for which members were refused: kept once for each and day, and told with the standing."""

import asyncio
from datetime import datetime, timedelta
from itertools import permutations

from laurel.benefits.v1 import events_pb2
from libs.common.ids import new_id
from libs.common.redis import StreamMessage
from libs.common.rpc.time import moment, timestamp
from services.risk.domain.reports import WINDOW
from tests.risk.conftest import RiskWorld, registered
from tests.support.builders import PROGRAM


def refused(member_id: str, limit: str, day: str, time: datetime, program_id: str = PROGRAM) -> StreamMessage:
    """The announcement that a member was refused for a limit on a day."""
    message = events_pb2.LimitRefused(
        program_id=program_id,
        member_id=member_id,
        limit=limit,
        business_date=day,
        refused_time=timestamp(time),
    )
    return StreamMessage("0-1", "LimitRefused", message.SerializeToString(), member_id)


async def limits(risk: RiskWorld, member_id: str) -> list[tuple[str, int, datetime]]:
    """What the staff see of a member."""
    profile = await risk.profile(member_id)
    return [(each.limit, each.days_count, moment(each.latest_time)) for each in profile.refused_limits]


async def test_days_on_which_a_member_was_refused_are_counted_by_limit(risk: RiskWorld) -> None:
    member, other, today = await risk.a_member(), await risk.a_member(), risk.clock().replace(microsecond=0)
    yesterday = today - timedelta(days=1)

    await risk.hear(
        refused(member, "DAILY_CAP", "2026-03-01", yesterday),
        refused(member, "TOO_FREQUENT", "2026-03-01", yesterday),
        refused(member, "DAILY_CAP", "2026-03-02", today),
    )

    assert await limits(risk, member) == [("DAILY_CAP", 2, today), ("TOO_FREQUENT", 1, yesterday)]
    assert await limits(risk, other) == []


async def test_in_whatever_order_and_however_often_they_come_it_is_the_same(risk: RiskWorld) -> None:
    today = risk.clock().replace(microsecond=0)
    found = []
    for order in permutations(range(3)):
        member = await risk.a_member()
        messages = [
            refused(member, "DAILY_CAP", f"2026-03-0{day + 1}", today - timedelta(days=2 - day))
            for day in range(3)
        ]
        for place in order:
            await risk.hear(messages[place])
        await risk.hear(*messages, *messages)
        found.append(await limits(risk, member))

    assert found == [[("DAILY_CAP", 3, today)]] * 6


async def test_two_replicas_that_hear_it_at_once_keep_it_once(risk: RiskWorld) -> None:
    member, today = await risk.a_member(), risk.clock().replace(microsecond=0)

    await asyncio.gather(*(risk.hear(refused(member, "COUPON_CAP", "2026-03-01", today)) for _ in range(8)))

    assert await limits(risk, member) == [("COUPON_CAP", 1, today)]


async def test_what_is_heard_before_the_registration_is_there_with_it(risk: RiskWorld) -> None:
    member, today = new_id("mem"), risk.clock().replace(microsecond=0)

    await risk.hear(refused(member, "REWARD_CAP", "2026-03-01", today))
    await risk.apply(registered(member))

    assert await limits(risk, member) == [("REWARD_CAP", 1, today)]


async def test_it_counts_for_ninety_days(risk: RiskWorld) -> None:
    member, now = await risk.a_member(), risk.clock().replace(microsecond=0)
    # The clock of the risk service in this module may have gone on.
    await risk.hear(
        refused(member, "DAILY_CAP", "2026-03-01", now - WINDOW),
        refused(member, "TOO_FREQUENT", "2026-03-01", now - WINDOW - timedelta(seconds=2)),
    )

    assert {limit for limit, _, _ in await limits(risk, member)} <= {"DAILY_CAP"}


async def test_it_changes_neither_integrity_nor_level_and_is_not_announced(risk: RiskWorld) -> None:
    member = await risk.a_member()
    before = await risk.profile(member)

    await risk.hear(refused(member, "DAILY_CAP", "2026-03-01", risk.clock()))

    after = await risk.profile(member)
    assert (after.integrity, after.level, after.changed_time) == (
        before.integrity,
        before.level,
        before.changed_time,
    )
    assert len(await risk.announced(member)) == 1
