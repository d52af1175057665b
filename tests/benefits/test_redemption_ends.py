"""What nobody comes for ends in the calendar: once, with its points and its place in the stock put back."""

import asyncio

import grpc

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.redemption_ends import RedemptionEnds
from services.benefits.handlers.spending import Spending
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import a_program, matured
from tests.benefits.rewards_world import (
    AN_HOUR,
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_,
    disagreements,
    fulfilled,
    fulfilling,
    points_left,
    redemptions_of,
    reward_now,
)
from tests.support.builders import DAY, NOON

END = NOON + AN_HOUR


def ends(benefits: BenefitsWorld) -> RedemptionEnds:
    """What a replica's calendar makes happen to redemptions."""
    store = BenefitsStore(benefits.database)
    return RedemptionEnds(store, ProgramHandlers(store, now), Spending(now=now, new_id=new_id), now=now)


async def test_it_is_due_at_its_end_and_not_before(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    redemption = await a_redemption(benefits, story, reward)
    await fulfilled(benefits, story, await a_redemption(benefits, story, reward))

    before = await ends(benefits).due(program_id, END - AN_HOUR / 2, 10)
    at_the_end = await ends(benefits).due(program_id, END, 10)

    assert (before, [each.key for each in at_the_end]) == ([], [redemption.redemption_id])


async def test_its_end_puts_everything_back(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=5)
    await a_redemption(benefits, story, reward)
    items = await ends(benefits).due(program_id, END + DAY, 10)

    happened = await ends(benefits).happen(program_id, items, NOON)

    (after,) = await redemptions_of(benefits, story)
    assert (happened, after.state, moment(after.ended_time)) == (1, pb.REDEMPTION_STATE_EXPIRED, END)
    assert await points_left(benefits, story) == (1_000, 0)
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 5
    assert await ends(benefits).due(program_id, END + DAY, 10) == []
    assert await disagreements(benefits, program_id) == []


async def test_two_replicas_at_once_and_one_again_end_it_once(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=5)
    for _ in range(3):
        await a_redemption(benefits, story, reward)
    items = await ends(benefits).due(program_id, END, 10)

    happened = await asyncio.gather(
        *(ends(benefits).happen(program_id, each, NOON) for each in (items, items[::-1]))
    )
    again = await ends(benefits).happen(program_id, items, NOON)

    assert (sum(happened), again) == (3, 0)
    assert await points_left(benefits, story) == (1_000, 0)
    assert await disagreements(benefits, program_id) == []


async def test_it_is_fulfilled_or_ends_but_never_both(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=5)
    redemptions = [await a_redemption(benefits, story, reward) for _ in range(5)]
    items = await ends(benefits).due(program_id, END, 10)
    shop = as_(benefits, "partner", "shop", program_id)

    ended, *answers = await asyncio.gather(
        ends(benefits).happen(program_id, items, NOON),
        *(shop.FulfilRedemption(fulfilling(story, each)) for each in redemptions),
        return_exceptions=True,
    )

    given = sum(not isinstance(each, BaseException) for each in answers)
    assert all(isinstance(each, pb.FulfilRedemptionResponse | grpc.aio.AioRpcError) for each in answers)
    assert ended == 5 - given
    assert await points_left(benefits, story) == (1_000 - 100 * given, 0)
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 5 - given
    assert await disagreements(benefits, program_id) == []


async def test_what_ends_after_its_points_have_expired_gives_them_back_anew(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, expire_after_months=1)
    story = await a_member(benefits, program_id)
    await a_redemption(benefits, story, await a_reward(benefits, program_id))
    await matured(benefits, program_id, NOON + 40 * DAY)
    items = await ends(benefits).due(program_id, NOON + 40 * DAY, 10)

    await ends(benefits).happen(program_id, items, NOON)

    assert await points_left(benefits, story) == (100, 0)
    assert await matured(benefits, program_id, NOON + 80 * DAY) == 1
    assert await points_left(benefits, story) == (0, 0)
    assert await disagreements(benefits, program_id) == []
