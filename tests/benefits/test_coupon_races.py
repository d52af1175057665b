"""Many at once take no more of a coupon than there is, and each of them hears how it ended."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.benefits.v1 import coupons_pb2_grpc
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.rpc.errors import error_info
from libs.common.sealing import Sealing
from services.benefits.coupons_servicer import CouponsServicer
from services.benefits.domain.coupon_quotes import Quote
from services.benefits.handlers.coupon_quotes import Check, CouponQuotes
from services.benefits.handlers.coupon_reservations import ReservationHandlers
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository.store import BenefitsStore
from services.benefits.server import coupons_servicer
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.coupons_world import CouponsWorld, a_basket, by_code, by_id, coupons_world
from tests.support.builders import NOON
from tests.support.services import serving

ADD = coupons_pb2_grpc.add_CouponsServiceServicer_to_server
PASSING = {grpc.StatusCode.ABORTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def a_replica(benefits: BenefitsWorld) -> CouponsServicer:
    """What another process would serve, with memories of its own."""
    store = BenefitsStore(benefits.database)
    sealing = Sealing.of_file(benefits.keys.webhook_key_file)
    return coupons_servicer(store, ProgramHandlers(store, now), benefits.program_times(), sealing)


@pytest.fixture
async def world(benefits: BenefitsWorld) -> CouponsWorld:
    return await coupons_world(benefits)


async def sent(world: CouponsWorld, request: pb.ReserveCouponsRequest) -> str:
    """What a till hears that asks again as long as that may help: the reservation, or why there is none."""
    while True:
        try:
            return (await world.till.ReserveCoupons(request)).reservation.reservation_id
        except grpc.aio.AioRpcError as error:
            info = error_info(error)
            if error.code() not in PASSING:
                assert info is not None
                return str(info.metadata.get("why", info.reason))


async def outcomes(calls: Sequence[Awaitable[str]]) -> Counter[str]:
    """How often each came out; reservations together."""
    found = await asyncio.gather(*calls)
    return Counter("reserved" if each.startswith("cpr_") else each for each in found)


async def test_sixty_tills_with_two_senders_each_take_fifty_uses_of_a_code(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_per_coupon_max=50)
    members, (code,) = await world.members(60), await world.codes(campaign)
    requests = [world.a_reservation(each, *by_code(code)) for each in members]

    first, second = await asyncio.gather(
        asyncio.gather(*(sent(world, each) for each in requests)),
        asyncio.gather(*(sent(world, each) for each in requests)),
    )

    assert Counter("reserved" if each.startswith("cpr_") else each for each in first) == {
        "reserved": 50,
        "USED_UP": 10,
    }
    assert first == second
    assert (await world.campaign(campaign)).counts.reserved_count == 50
    assert await world.broken() == []


async def test_a_budget_is_spent_to_the_cent_and_not_passed(world: CouponsWorld) -> None:
    # 20 checks of 3.33 each want 66.60 of 40.00: twelve of them fit, and 4 cents are left.
    campaign = await world.a_campaign(kind=pb.COUPON_KIND_PERCENTAGE, off_bp=1_000, budget_minor=4_000)
    members, codes = await world.members(20), await world.codes(campaign, 20)
    requests = [
        world.a_reservation(member_id, *by_code(code), basket=a_basket(3_330))
        for member_id, code in zip(members, codes, strict=True)
    ]

    found = await outcomes([sent(world, each) for each in requests])

    counts = (await world.campaign(campaign)).counts
    assert found == {"reserved": 12, "BUDGET_SPENT": 8}
    assert (counts.reserved_count, counts.reserved_minor) == (12, 3_996)
    assert await world.broken() == []


async def test_a_member_with_two_first_orders_at_once_gets_one_discount(world: CouponsWorld) -> None:
    ann = await world.a_member()
    codes = [await world.a_code(first_order_only=True) for _ in range(4)]

    found = await outcomes([sent(world, world.a_reservation(ann, *by_code(code))) for code in codes])

    assert found == {"reserved": 1, "NOT_FIRST_ORDER": 3}
    assert await world.broken() == []


async def test_a_member_at_many_tills_takes_what_one_member_may(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_per_member_max=3)
    ann, codes = await world.a_member(), await world.codes(campaign, 8)

    found = await outcomes([sent(world, world.a_reservation(ann, *by_code(code))) for code in codes])

    assert found == {"reserved": 3, "MEMBER_LIMIT": 5}
    assert await world.broken() == []


async def test_one_check_sent_by_five_at_once_is_reserved_once(world: CouponsWorld) -> None:
    ann, campaign = await world.a_member(), await world.a_campaign()
    (coupon_id,) = await world.issued(campaign, ann)
    check_ref = new_id("chk")
    requests = [world.a_reservation(ann, *by_id(coupon_id), check_ref=check_ref) for _ in range(5)]

    found = await asyncio.gather(*(sent(world, each) for each in requests))

    assert len(set(found)) == 1
    assert found[0].startswith("cpr_")
    assert (await world.campaign(campaign)).counts.reserved_count == 1
    assert await world.broken() == []


async def test_using_cancelling_and_its_end_at_once_come_to_one_of_them(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_per_coupon_max=4, budget_minor=4_000)
    ann, (code,) = await world.a_member(), await world.codes(campaign)
    kept = [await world.reserved(ann, *by_code(code)) for _ in range(4)]
    over = NOON + timedelta(minutes=15)

    acts = [act(each.check_ref) for each in kept for act in (world.used, world.cancelled)]
    results = await asyncio.gather(*acts, world.ended(over), world.ended(over), return_exceptions=True)

    await world.ended(over)
    refused = [each for each in results if isinstance(each, BaseException)]
    assert {each.code() for each in refused if isinstance(each, grpc.aio.AioRpcError)} <= {
        grpc.StatusCode.FAILED_PRECONDITION
    }
    counts = (await world.campaign(campaign)).counts
    used = sum(1 for each in results if isinstance(each, pb.CouponReservation) and each.status == 2)
    assert (counts.reserved_count, counts.used_count, counts.used_minor) == (0, used, 1_000 * used)
    assert await world.broken() == []


async def test_tills_at_two_replicas_meet_at_the_counters(
    benefits: BenefitsWorld, world: CouponsWorld
) -> None:
    """Within a process they take turns, which is not what makes the number exact."""
    campaign = await world.a_campaign(uses_per_coupon_max=3)
    members, (code,) = await world.members(6), await world.codes(campaign)
    async with serving(benefits.settings, ADD, a_replica(benefits)) as address:
        tills = [world, replace(world, address=address)]
        requests = [world.a_reservation(each, *by_code(code)) for each in members]

        found = await outcomes([sent(tills[place % 2], each) for place, each in enumerate(requests)])

    assert found == {"reserved": 3, "USED_UP": 3}
    assert await world.broken() == []


@dataclass(frozen=True)
class Overtaken:
    """Counts only after somebody else has been at it, the first time."""

    quotes: CouponQuotes
    others: list[Awaitable[object]]

    async def quote(self, check: Check) -> Quote:
        while self.others:
            await self.others.pop()
        return await self.quotes.quote(check)


async def test_a_check_that_is_reserved_while_it_is_counted_gets_that_reservation(
    benefits: BenefitsWorld, world: CouponsWorld
) -> None:
    ann, code, check_ref = await world.a_member(), await world.a_code(), new_id("chk")
    first = world.a_reservation(ann, *by_code(code), check_ref=check_ref)
    replica = a_replica(benefits)
    overtaken: Any = Overtaken(replica.quotes, [world.till.ReserveCoupons(first)])
    late = ReservationHandlers(
        replica.quotes.store,
        replica.quotes.programs,
        replica.quotes.times,
        overtaken,
        LimitRefusals(replica.quotes.store, now),
        now=now,
        new_id=new_id,
    )
    async with serving(benefits.settings, ADD, replace(replica, reservations=late)) as address:
        answer = await sent(
            replace(world, address=address), world.a_reservation(ann, *by_code(code), check_ref=check_ref)
        )

    kept = await world.reserved(ann, *by_code(code), check_ref=check_ref)
    assert answer == kept.reservation_id
    assert await world.broken() == []
