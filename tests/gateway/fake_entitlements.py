"""Benefits in use of the benefits service, in memory."""

from datetime import timedelta
from typing import Any

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

LEFT = pb.Allowance(
    benefit="free_shipping",
    unit="uses",
    period="month",
    limit=4,
    used=1,
    left=3,
    reset_time=timestamp(world.NOON),
    opening_time=timestamp(world.NOON + timedelta(days=1)),
    pool_left=50,
)
FAR = pb.Unlock(benefit="free_shipping", standard="s", months=4, months_needed=6)
LOCKED = pb.LockedBenefit(
    benefit="exclusive_gift",
    kind="consumption",
    name_zh="专属礼品",
    name_en="Exclusive gift",
    tier_set="main",
    tier="platinum",
    steps=1,
)


class FakeEntitlements(Fake, entitlements_pb2_grpc.EntitlementsServiceServicer):
    async def BatchListAllowances(self, request: pb.BatchListAllowancesRequest, context: Context) -> Any:
        await self.begin("BatchListAllowances", request)
        results = self.per_member(
            lambda _: pb.AllowancesResult(status=FOUND, allowances=[LEFT]),
            pb.AllowancesResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListAllowancesResponse(results=results)

    async def BatchListLockedBenefits(
        self, request: pb.BatchListLockedBenefitsRequest, context: Context
    ) -> Any:
        await self.begin("BatchListLockedBenefits", request)
        results = self.per_member(
            lambda _: pb.LockedBenefitsResult(status=FOUND, benefits=[LOCKED]),
            pb.LockedBenefitsResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListLockedBenefitsResponse(results=results)

    async def BatchListUnlocks(self, request: pb.BatchListUnlocksRequest, context: Context) -> Any:
        await self.begin("BatchListUnlocks", request)
        results = self.per_member(
            lambda _: pb.UnlocksResult(status=FOUND, unlocks=[FAR]),
            pb.UnlocksResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListUnlocksResponse(results=results)

    async def RecordStanding(self, request: pb.RecordStandingRequest, context: Context) -> Any:
        await self.begin("RecordStanding", request)
        return pb.RecordStandingResponse(unlocks=[FAR])

    async def UseBenefit(self, request: pb.UseBenefitRequest, context: Context) -> Any:
        await self.begin("UseBenefit", request)
        return pb.UseBenefitResponse(use=a_use(request.member_id, request.benefit), allowance=LEFT)

    async def CancelBenefitUse(self, request: pb.CancelBenefitUseRequest, context: Context) -> Any:
        await self.begin("CancelBenefitUse", request)
        use = a_use(world.member_id(1), "free_shipping")
        use.cancelled = True
        return pb.CancelBenefitUseResponse(use=use)


def a_use(member_id: str, benefit: str) -> pb.BenefitUse:
    """A use of one."""
    return pb.BenefitUse(
        use_id="use_1", member_id=member_id, benefit=benefit, amount=1, used_time=timestamp(world.NOON)
    )
