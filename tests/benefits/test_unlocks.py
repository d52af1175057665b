"""Benefits that open by and by, over RPC: months are told, and a gap starts the count again."""

from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from libs.common.benefit_policy import BenefitGrant, Unlock
from libs.common.documents import Text
from libs.common.ids import new_id
from libs.common.program import preset
from libs.common.rpc.errors import reason_of
from tests.benefits.conftest import BenefitsWorld

SERVICE = pb.DESCRIPTOR.services_by_name["EntitlementsService"]
CHANNEL = BenefitGrant(
    benefit="support_channel",
    kind="service",
    name=Text(zh="专属客服通道", en="Support channel"),
    unlock=Unlock(standard="s", months=6),
)


class Site:
    """A program of 1998 whose members have a support channel that opens by and by."""

    def __init__(self, world: BenefitsWorld, key: str) -> None:
        self.key = key
        self.till: Any = world.stub(
            SERVICE, entitlements_pb2_grpc.EntitlementsServiceStub, "partner", "shop", key
        )

    async def tell(self, member_id: str, month: str, standard: str = "s") -> pb.Unlock:
        request = pb.RecordStandingRequest(
            program_id=self.key,
            request_id=new_id("req"),
            member_id=member_id,
            month=month,
            standard=standard,
        )
        answer: pb.RecordStandingResponse = await self.till.RecordStanding(request)
        return answer.unlocks[0]

    async def use(self, member_id: str) -> None:
        request = pb.UseBenefitRequest(
            program_id=self.key,
            request_id=new_id("req"),
            member_id=member_id,
            benefit="support_channel",
            amount=1,
            external_ref=new_id("ref"),
        )
        await self.till.UseBenefit(request)


@pytest.fixture(scope="module")
async def site(benefits: BenefitsWorld) -> Site:
    return await a_site(benefits)


async def a_site(benefits: BenefitsWorld) -> Site:
    key = f"site_{new_id('x')[-12:]}"
    program = preset("music_store")
    (ladder,) = program.tier_sets
    lowest, *others = ladder.tiers
    tiers = (lowest.model_copy(update={"benefits": (CHANNEL,)}), *others)
    await benefits.publish(
        program.model_copy(update={"key": key, "tier_sets": (ladder.model_copy(update={"tiers": tiers}),)})
    )
    return Site(benefits, key)


async def test_a_month_that_was_told_wrongly_is_corrected(benefits: BenefitsWorld, site: Site) -> None:
    story = await benefits.a_member(100_00, program_id=site.key)
    await site.tell(story.member_id, "1998-06")

    assert (await site.tell(story.member_id, "1998-06", "a")).months == 0


async def test_a_month_that_is_to_come_is_refused(benefits: BenefitsWorld, site: Site) -> None:
    story = await benefits.a_member(100_00, program_id=site.key)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await site.tell(story.member_id, "1998-08")

    assert reason_of(refused.value) == "MONTH_NOT_BEGUN"
