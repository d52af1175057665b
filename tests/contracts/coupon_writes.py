"""The writes of CouponsService: by whom, with what, and with what else under the same request id."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.common.ids import new_id
from tests.benefits.coupons_world import CouponsWorld, by_code
from tests.contracts.payloads import changed

Sent = tuple[Any, Message, Message]


def _named(world: CouponsWorld) -> dict[str, str]:
    return {"program_id": world.program_id, "request_id": new_id("req")}


async def create(world: CouponsWorld) -> Sent:
    request = world.a_creation(f"c{new_id('x')[-10:]}")
    return world.staff, request, changed(request, name_en="Other")


async def generate(world: CouponsWorld) -> Sent:
    request = pb.GenerateCouponCodesRequest(**_named(world), campaign=await world.a_campaign(), count=3)
    return world.staff, request, changed(request, count=4)


async def issue(world: CouponsWorld) -> Sent:
    ann, bob = await world.members(2)
    request = pb.IssueCouponsRequest(**_named(world), campaign=await world.a_campaign(), member_ids=[ann])
    return world.staff, request, changed(request, member_ids=[bob])


async def pause(world: CouponsWorld) -> Sent:
    request = pb.PauseCouponCampaignRequest(**_named(world), campaign=await world.a_campaign())
    return world.staff, request, changed(request, campaign=await world.a_campaign())


async def resume(world: CouponsWorld) -> Sent:
    request = pb.ResumeCouponCampaignRequest(**_named(world), campaign=await world.a_campaign())
    return world.staff, request, changed(request, campaign=await world.a_campaign())


async def void(world: CouponsWorld) -> Sent:
    (name,) = by_code(await world.a_code())
    request = pb.VoidCouponRequest(**_named(world), coupon=name, reason="stolen")
    return world.staff, request, changed(request, reason="lost")


async def reserve(world: CouponsWorld) -> Sent:
    request = world.a_reservation(await world.a_member(), *by_code(await world.a_code()))
    return world.till, request, changed(request, member_id=await world.a_member())


async def use(world: CouponsWorld) -> Sent:
    ann = await world.a_member()
    kept = [await world.reserved(ann, *by_code(await world.a_code())) for _ in range(2)]
    request = pb.UseCouponsRequest(**_named(world), check_ref=kept[0].check_ref)
    return world.till, request, changed(request, check_ref=kept[1].check_ref)


async def cancel(world: CouponsWorld) -> Sent:
    ann = await world.a_member()
    kept = [await world.reserved(ann, *by_code(await world.a_code())) for _ in range(2)]
    request = pb.CancelCouponsRequest(**_named(world), check_ref=kept[0].check_ref)
    return world.till, request, changed(request, check_ref=kept[1].check_ref)


COUPON_WRITES: dict[str, Callable[[CouponsWorld], Awaitable[Sent]]] = {
    "CreateCouponCampaign": create,
    "GenerateCouponCodes": generate,
    "IssueCoupons": issue,
    "PauseCouponCampaign": pause,
    "ResumeCouponCampaign": resume,
    "VoidCoupon": void,
    "ReserveCoupons": reserve,
    "UseCoupons": use,
    "CancelCoupons": cancel,
}
