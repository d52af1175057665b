"""Tills, members, staff, refunds and the calendar at the same points at once: the books agree in the end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import points_pb2, rewards_pb2
from libs.common.errors import Contention
from libs.common.ids import new_id
from services.benefits.repository.holds import hold_from
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import matured, told
from tests.benefits.rewards_world import (
    a_reward,
    as_,
    as_member,
    cancelling,
    disagreements,
    fulfilling,
    redeeming,
)
from tests.benefits.stories import Story
from tests.benefits.test_adjust_points import points_stub
from tests.benefits.test_tills import Till, a_till
from tests.support.builders import DAY, NOON

ROUNDS, AT_ONCE, CHECKS = 8, 12, 8
SETTINGS: dict[str, Any] = {
    "expire_after_months": 1,
    "transfers": {"daily_max_points": 100_000},
    "redemption": {"value_minor": 3, "points": 2, "per_day_max": 10_000, "daily_cap_minor": 10**9},
}
# What a caller may be told; anything else is a defect.
TOLD = {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
}


@dataclass
class Crowd:
    """Two members of a shop, and everybody who has to do with their points."""

    benefits: BenefitsWorld
    till: Till
    friend: Story
    reward: rewards_pb2.Reward
    random: Random
    redemptions: list[rewards_pb2.Redemption] = field(default_factory=list)

    @property
    def program_id(self) -> str:
        return self.till.program_id

    @property
    def story(self) -> Story:
        return self.till.purse.story

    @cached_property
    def staff(self) -> Any:
        return points_stub(self.benefits, "staff", "sue", self.program_id, roles=["operations_manager"])

    @cached_property
    def givers(self) -> dict[str, Any]:
        """Each of the two, as they pass points on."""
        members = [self.story.member_id, self.friend.member_id]
        return {each: points_stub(self.benefits, "member", each, self.program_id) for each in members}

    @cached_property
    def app(self) -> Any:
        return as_member(self.benefits, self.story)

    @cached_property
    def shop(self) -> Any:
        return as_(self.benefits, "partner", "shop", self.program_id)

    def either(self) -> tuple[Story, Story]:
        """The two, in any order."""
        one, other = self.random.sample([self.story, self.friend], 2)
        return one, other

    def check(self) -> str:
        return f"check-{self.random.randrange(CHECKS)}"

    def asked(self, **fields: Any) -> dict[str, Any]:
        return {"program_id": self.program_id, "request_id": new_id("req"), **fields}

    async def reserve(self) -> None:
        member_id = self.either()[0].member_id
        await self.till.reserve(self.check(), self.random.randrange(1, 40), member_id=member_id)

    async def capture(self) -> None:
        await self.till.capture(self.check(), self.random.choice([0, 1, 5]))

    async def cancel(self) -> None:
        await self.till.cancel(self.check())

    async def reverse(self) -> None:
        await self.till.reverse(self.check(), new_id("ret"), {0: self.random.choice([0, 1, 2])})

    async def transfer(self) -> None:
        giver, other = self.either()
        points = self.random.randrange(1, 30)
        asked = self.asked(member_id=giver.member_id, to_member_id=other.member_id, points=points)
        await self.givers[giver.member_id].TransferPoints(points_pb2.TransferPointsRequest(**asked))

    async def adjust(self) -> None:
        points = self.random.choice([-20, -5, 5, 10])
        asked = self.asked(member_id=self.either()[0].member_id, points=points, reason="goodwill")
        await self.staff.AdjustPoints(points_pb2.AdjustPointsRequest(**asked))

    async def redeem(self) -> None:
        answer = await self.app.RedeemReward(redeeming(self.story, self.reward))
        self.redemptions.append(answer.redemption)

    async def give_up(self) -> None:
        if self.redemptions:
            one = self.random.choice(self.redemptions)
            await self.shop.CancelRedemption(cancelling(self.story, one))

    async def fulfil(self) -> None:
        if self.redemptions:
            one = self.random.choice(self.redemptions)
            await self.shop.FulfilRedemption(fulfilling(self.story, one))

    async def refund(self) -> None:
        self.story.refunds(self.random.randrange(1, 4), 1_000)
        await told(self.benefits, self.story, len(self.story.events))

    async def expire(self) -> None:
        """The calendar is ahead of all others: their clocks still say noon."""
        await matured(self.benefits, self.program_id, NOON + (31 + self.random.randrange(3)) * DAY)

    def acts(self) -> list[Callable[[], Awaitable[None]]]:
        at_the_till = [self.reserve, self.capture, self.cancel, self.reverse]
        return [*at_the_till, self.transfer, self.adjust, self.redeem, self.give_up, self.fulfil]


async def a_crowd(benefits: BenefitsWorld, seed: int) -> Crowd:
    till = await a_till(benefits, 300, 200, 100, **SETTINGS)
    friend = await benefits.a_member(20_000, program_id=till.program_id)
    reward = await a_reward(benefits, till.program_id, stock=30, price_points=7, value_minor=11)
    return Crowd(benefits, till, friend, reward, Random(seed))


async def heard(act: Awaitable[None]) -> None:
    """What is refused is well; what fails is not."""
    try:
        await act
    except Contention:
        return  # of what no caller asked for, and which is done again below
    except grpc.aio.AioRpcError as error:
        if error.code() not in TOLD:
            raise


async def counted(benefits: BenefitsWorld, program_id: str) -> tuple[Counter[str], Counter[str]]:
    """The money that counts for the caps of days, by what became of holds and by the counters."""
    by_holds, by_days = Counter[str](), Counter[str]()
    async for document in benefits.database.holds.find({"program_id": program_id}):
        held = hold_from(document)
        by_holds[f"{program_id}/redeemed/{held.charge.member_id}/{held.day}"] += held.kept_minor
    async for document in benefits.database.day_counts.find({"_id": {"$regex": f"^{program_id}/redeemed/"}}):
        by_days[document["_id"]] += document["amount"]
    return by_holds, by_days


@pytest.mark.parametrize("seed", range(2))
async def test_whoever_is_at_the_points_of_two_members_at_once_the_books_and_the_counters_agree(
    benefits: BenefitsWorld, seed: int
) -> None:
    crowd = await a_crowd(benefits, seed)

    async with asyncio.timeout(120):
        for round_ in range(ROUNDS):
            acts = [crowd.random.choice(crowd.acts())() for _ in range(AT_ONCE)]
            late = [crowd.refund(), crowd.expire()] if round_ >= ROUNDS // 2 else []
            await asyncio.gather(*map(heard, [*acts, *late]))
    await told(benefits, crowd.story, len(crowd.story.events))
    await crowd.expire()

    by_holds, by_days = await counted(benefits, crowd.program_id)
    assert +by_holds == +by_days
    assert await disagreements(benefits, crowd.program_id) == []
