"""TransferPoints: a member passes points on to another, where the program allows it."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.benefits.v1 import points_pb2 as pb
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.rpc.errors import reason_of
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import matured
from tests.benefits.refusals import refusal
from tests.benefits.spending import Purse, a_purse
from tests.benefits.test_adjust_points import points_stub
from tests.support.builders import DAY, NOON

if TYPE_CHECKING:
    from laurel.benefits.v1.points_pb2_grpc import PointsServiceAsyncStub

HOME = Home("online", "", "shop")


@dataclass
class Giver:
    """A member with points, and a friend of theirs in the same program."""

    purse: Purse
    stub: "PointsServiceAsyncStub"
    friend: str

    def request(self, points: int, **fields: Any) -> pb.TransferPointsRequest:
        asked = {
            "program_id": self.purse.program.key,
            "request_id": new_id("req"),
            "member_id": self.purse.story.member_id,
            "to_member_id": self.friend,
            "points": points,
        }
        return pb.TransferPointsRequest(**{**asked, **fields})

    async def give(self, points: int, **fields: Any) -> pb.TransferPointsResponse:
        return await self.stub.TransferPoints(self.request(points, **fields))

    async def both(self) -> tuple[int, int]:
        """What the member has, and what the friend has."""
        balances = await self.purse.balances()
        return balances["active"], balances.get(self.friend, 0)


async def a_giver(benefits: BenefitsWorld, *points: int, **settings: Any) -> Giver:
    allowed = {"transfers": {"min_points": 10, "daily_max_points": 1_000}}
    purse, friend = await a_purse(benefits, *points, **{**allowed, **settings}), new_id("mem")
    homes = [(purse.program.key, each, HOME) for each in (purse.story.member_id, friend)]
    await keep_homes(benefits.database, homes)
    stub = points_stub(benefits, "member", purse.story.member_id, purse.program.key)
    return Giver(purse, stub, friend)


async def test_points_are_passed_on_and_keep_their_ends(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 50, 30, expire_after_months=1)

    passed = await giver.give(70)
    before = await giver.both()
    await matured(benefits, giver.purse.program.key, NOON + 31 * DAY)

    assert (passed.points, passed.available_points) == (70, 10)
    assert (before, await giver.both()) == ((10, 70), (10, 20))
    assert await ledger_faults(benefits, giver.purse.program.key) == []


async def test_the_same_request_again_passes_nothing_more_on(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 50)
    request = giver.request(20)

    answers = [await giver.stub.TransferPoints(request) for _ in range(3)]

    assert answers == [answers[0]] * 3
    assert await giver.both() == (30, 20)


async def test_twenty_at_once_of_all_that_there_is_move_it_once(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 100, transfers={"daily_max_points": 10_000})

    async def give() -> str:
        while True:
            try:
                await giver.give(100)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.ABORTED:
                    continue
                return reason_of(error)
            return "passed on"

    async with asyncio.timeout(120):
        found = await asyncio.gather(*(give() for _ in range(20)))

    assert sorted(found) == ["POINTS_INSUFFICIENT"] * 19 + ["passed on"]
    assert await giver.both() == (0, 100)
    assert await ledger_faults(benefits, giver.purse.program.key) == []


async def test_a_day_has_a_limit(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 100, transfers={"min_points": 10, "daily_max_points": 60})
    await giver.give(40)

    heard = [await refusal(giver.give(points)) for points in (21, 9)]
    await giver.give(20)

    assert [(reason, facts) for _, reason, facts in heard] == [
        ("TRANSFER_LIMIT", {"daily_max_points": "60", "left_points": "20"}),
        ("TRANSFER_LIMIT", {"min_points": "10"}),
    ]


async def test_nobody_gives_to_themselves_or_to_nobody(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 100)

    heard = [
        await refusal(giver.give(10, to_member_id=who)) for who in (giver.purse.story.member_id, "mem_x")
    ]

    assert [reason for _, reason, _ in heard] == ["TRANSFERS_NOT_ALLOWED", "MEMBER_UNKNOWN"]


async def test_where_the_program_does_not_say_so_nothing_is_passed_on(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 100, transfers=None)

    assert (await refusal(giver.give(10)))[1] == "TRANSFERS_NOT_ALLOWED"


async def test_nobody_gives_what_is_anothers(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 100)
    friend = points_stub(benefits, "member", giver.friend, giver.purse.program.key)

    code, reason, _ = await refusal(friend.TransferPoints(giver.request(10)))

    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "MEMBER_UNKNOWN")


@pytest.mark.parametrize("kind", ["partner", "staff"])
async def test_only_members_pass_points_on(benefits: BenefitsWorld, kind: str) -> None:
    giver = await a_giver(benefits, 100)
    other = points_stub(benefits, kind, "eve", giver.purse.program.key)

    code, reason, _ = await refusal(other.TransferPoints(giver.request(10)))

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_open_holds_are_listed_latest_first(benefits: BenefitsWorld) -> None:
    giver = await a_giver(benefits, 100)
    for points in (10, 20, 30):
        await giver.purse.hold(giver.purse.charge(points))
    await giver.purse.capture(await giver.purse.hold(giver.purse.charge(5)))

    request = pb.BatchListHoldsRequest(
        program_id=giver.purse.program.key, member_ids=[giver.purse.story.member_id, giver.friend], first=2
    )
    own, others = (await giver.stub.BatchListHolds(request)).results

    assert [each.points for each in own.holds] == [30, 20]
    assert list(others.holds) == []
