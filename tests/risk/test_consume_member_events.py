"""Announcements of members: the profile follows the newest, and nothing is announced twice."""

import asyncio
from itertools import permutations

import pytest

from laurel.members.v1 import events_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.ids import new_id
from tests.risk.conftest import SUSPECT, UNVERIFIED, VERIFIED, RiskWorld, changed, registered
from tests.support.builders import PROGRAM


async def position(risk: RiskWorld, member_id: str) -> int:
    stored = await risk.database.profiles.find_one({"_id": member_id})
    assert stored is not None
    return int(stored["applied_seq"])


@pytest.mark.parametrize(
    ("verification", "integrity", "level"),
    [
        (VERIFIED, 80, pb.RISK_LEVEL_LOW),
        (UNVERIFIED, 60, pb.RISK_LEVEL_LOW),
        (SUSPECT, 20, pb.RISK_LEVEL_HIGH),
    ],
    ids=["verified", "unverified", "suspect"],
)
async def test_a_registration_makes_a_profile_by_what_is_known_of_the_identity(
    risk: RiskWorld,
    verification: events_pb2.Verification.ValueType,
    integrity: int,
    level: pb.RiskLevel.ValueType,
) -> None:
    profile = await risk.profile(await risk.a_member(verification))

    assert (profile.integrity, profile.level, profile.verification) == (integrity, level, verification)
    assert sum(part.points for part in profile.parts) == integrity


async def test_a_newer_identity_changes_the_profile(risk: RiskWorld) -> None:
    member = await risk.a_member()

    await risk.apply(changed(member, 1, VERIFIED))

    assert (await risk.profile(member)).integrity == 80
    assert await position(risk, member) == 1


async def test_events_that_tell_nothing_new_move_the_position_and_are_not_announced(risk: RiskWorld) -> None:
    member = await risk.a_member()
    before = await risk.profile(member)

    await risk.apply(changed(member, 1), changed(member, 2))

    assert await risk.profile(member) == before
    assert await position(risk, member) == 2
    assert len(await risk.announced(member)) == 1


async def test_an_older_announcement_changes_nothing(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    await risk.apply(changed(member, 5, VERIFIED))
    before = await risk.profile(member)

    await risk.apply(changed(member, 4, SUSPECT), registered(member, UNVERIFIED), changed(member, 5, SUSPECT))

    assert await risk.profile(member) == before
    assert await position(risk, member) == 5
    assert len(await risk.announced(member)) == 1


async def test_an_event_may_come_before_the_registration(risk: RiskWorld) -> None:
    member = new_id("mem")

    await risk.apply(changed(member, 3, VERIFIED))
    await risk.apply(registered(member, UNVERIFIED))

    assert (await risk.profile(member)).integrity == 80
    assert await position(risk, member) == 3


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False], ids=["in one read", "one by one"])
async def test_the_order_makes_no_difference_to_where_a_member_stands(
    risk: RiskWorld, order: tuple[int, ...], together: bool
) -> None:
    member = new_id("mem")
    told = [registered(member), changed(member, 1, SUSPECT), changed(member, 2, VERIFIED)]
    mixed = [told[place] for place in order]

    for read in [mixed] if together else [[each] for each in mixed]:
        await risk.apply(*read)

    assert (await risk.profile(member)).integrity == 80
    assert await position(risk, member) == 2


async def test_the_same_announcements_twice_in_a_row_have_one_effect(risk: RiskWorld) -> None:
    member = new_id("mem")
    messages = [registered(member), changed(member, 1, VERIFIED)]
    await risk.apply(*messages)
    before = await risk.profile(member)

    await risk.apply(*messages)

    assert await risk.profile(member) == before
    assert [each.seq for each in await risk.announced(member)] == [1, 2]


async def test_the_same_announcements_eight_times_at_once_have_one_effect(risk: RiskWorld) -> None:
    members = [new_id("mem") for _ in range(5)]
    joined = [registered(member) for member in members]
    verified = [changed(member, 1, VERIFIED) for member in members]

    await asyncio.gather(*(risk.apply(*joined) for _ in range(8)))
    await asyncio.gather(*(risk.apply(*verified) for _ in range(8)))

    for member in members:
        assert (await risk.profile(member)).integrity == 80
        assert [each.seq for each in await risk.announced(member)] == [1, 2]


async def test_old_and_new_announcements_at_once_leave_the_newest(risk: RiskWorld) -> None:
    member = await risk.a_member()
    kinds = [UNVERIFIED, SUSPECT, VERIFIED]

    await asyncio.gather(*(risk.apply(changed(member, seq, kinds[seq % 3])) for seq in range(1, 12)))

    assert (await risk.profile(member)).verification == VERIFIED
    assert await position(risk, member) == 11
    announced = await risk.announced(member)
    assert [each.seq for each in announced] == list(range(1, len(announced) + 1))


async def test_a_change_is_announced_with_the_profile_after_it(risk: RiskWorld) -> None:
    member = await risk.a_member()
    await risk.apply(changed(member, 1, SUSPECT))

    first, second = await risk.announced(member)

    assert (first.program_id, first.member_id, first.seq) == (PROGRAM, member, 1)
    assert (first.profile.integrity, second.profile.integrity) == (60, 20)
    assert second.seq == 2
    assert second.profile == await risk.profile(member)


async def test_members_of_one_read_are_each_assessed(risk: RiskWorld) -> None:
    kinds = {new_id("mem"): kind for kind in (UNVERIFIED, VERIFIED, SUSPECT)}

    await risk.apply(*(registered(member, kind) for member, kind in kinds.items()))

    assert [(await risk.profile(member)).verification for member in kinds] == list(kinds.values())
