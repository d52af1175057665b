"""Benefits in use of the benefits service, in memory."""

from datetime import timedelta
from typing import Any

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from laurel.scoring.v1 import receipts_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake, SaysNo

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
PATH = pb.GrowthPath(
    tier_set="growth",
    name_zh="成长路径",
    name_en="Growth path",
    nodes=[
        pb.GrowthNode(node="newcomer", name_zh="新手", name_en="Newcomer", reached=True),
        pb.GrowthNode(
            node="guided",
            name_zh="完成引导",
            name_en="Guided",
            reached=True,
            reached_time=timestamp(world.NOON),
            reward_points=20,
            given_points=20,
            transaction_id="txn_1",
        ),
        pb.GrowthNode(node="first_order", name_zh="首单达成", name_en="First order", reward_points=50),
    ],
    next_node="first_order",
    gaps=[pb.GrowthGap(path="all[1]", metric="orders", value=0, threshold=1, missing=1)],
    task_zh="再购买1次",
    task_en="order 1 more time",
)

SPLIT = pb.SplitValueResponse(
    cash_minor=60,
    service_minor=41,
    currency="USD",
    segment="ordinary",
    name_zh="普通会员",
    name_en="Ordinary",
    cash_bp=6_000,
    service_bp=4_000,
    segments=[
        pb.TriedSegment(
            segment="high_value",
            condition="member.spend >= 1000000",
            reason=receipts_pb2.Reason(code="EARNING_CONDITION_NOT_MET"),
        ),
        pb.TriedSegment(segment="ordinary"),
    ],
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

    async def BatchListGrowthPaths(self, request: pb.BatchListGrowthPathsRequest, context: Context) -> Any:
        await self.begin("BatchListGrowthPaths", request)
        results = self.per_member(
            lambda _: pb.GrowthPathsResult(status=FOUND, paths=[PATH]),
            pb.GrowthPathsResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListGrowthPathsResponse(results=results)

    async def BatchListUnlocks(self, request: pb.BatchListUnlocksRequest, context: Context) -> Any:
        await self.begin("BatchListUnlocks", request)
        results = self.per_member(
            lambda _: pb.UnlocksResult(status=FOUND, unlocks=[FAR]),
            pb.UnlocksResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListUnlocksResponse(results=results)

    async def SplitValue(self, request: pb.SplitValueRequest, context: Context) -> Any:
        await self.begin("SplitValue", request)
        if not self.knows(request.member_id):
            raise SaysNo(member_id="mem_unknown")
        return SPLIT

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
