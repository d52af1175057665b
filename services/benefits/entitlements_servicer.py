"""The gRPC edge of benefits in use: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.caller import caller
from libs.common.mongo import Request, request
from libs.common.rpc.lookup import in_order
from libs.common.rpc.time import timestamp
from services.benefits.domain.entitlements import Locked
from services.benefits.domain.growth import Node, PathProgress
from services.benefits.domain.mixes import TriedSegment
from services.benefits.domain.notice_texts import ways_text
from services.benefits.domain.quotas import Allowance, BenefitUse, UseKey
from services.benefits.domain.unlocks import Progress, Standing
from services.benefits.earning_messages import reason_message
from services.benefits.handlers.growth import GrowthHandlers
from services.benefits.handlers.mixes import MixHandlers
from services.benefits.handlers.quotas import QuotaHandlers, Wanted
from services.benefits.handlers.unlocks import UnlockHandlers

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class EntitlementsServicer(entitlements_pb2_grpc.EntitlementsServiceServicer):
    """EntitlementsService over its handlers."""

    quotas: QuotaHandlers
    opening: UnlockHandlers
    mixes: MixHandlers
    growth: GrowthHandlers

    async def UseBenefit(self, message: pb.UseBenefitRequest, context: Any) -> pb.UseBenefitResponse:
        key = UseKey(message.program_id, _source(), message.external_ref, message.benefit)
        asked: Request[pb.UseBenefitResponse] = request(
            message.program_id, "UseBenefit", message.request_id, message, pb.UseBenefitResponse
        )
        return await self.quotas.use(
            Wanted(key, message.member_id, message.amount, message.channel),
            asked,
            lambda use, left: pb.UseBenefitResponse(
                use=use_message(use), allowance=None if left is None else allowance_message(left)
            ),
        )

    async def CancelBenefitUse(
        self, message: pb.CancelBenefitUseRequest, context: Any
    ) -> pb.CancelBenefitUseResponse:
        asked: Request[pb.CancelBenefitUseResponse] = request(
            message.program_id, "CancelBenefitUse", message.request_id, message, pb.CancelBenefitUseResponse
        )
        return await self.quotas.cancel(
            message.program_id,
            message.use_id,
            asked,
            lambda use: pb.CancelBenefitUseResponse(use=use_message(use)),
        )

    async def RecordStanding(
        self, message: pb.RecordStandingRequest, context: Any
    ) -> pb.RecordStandingResponse:
        asked: Request[pb.RecordStandingResponse] = request(
            message.program_id, "RecordStanding", message.request_id, message, pb.RecordStandingResponse
        )
        return await self.opening.record_standing(
            Standing(message.program_id, message.member_id, message.month, message.standard),
            asked,
            lambda found: pb.RecordStandingResponse(unlocks=map(unlock_message, found)),
        )

    async def BatchListUnlocks(
        self, message: pb.BatchListUnlocksRequest, context: Any
    ) -> pb.BatchListUnlocksResponse:
        found = await self.opening.unlocks(message.program_id, message.member_ids)
        return pb.BatchListUnlocksResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.UnlocksResult(status=FOUND, unlocks=map(unlock_message, each)),
                missing=pb.UnlocksResult(status=MISSING),
            )
        )

    async def BatchListAllowances(
        self, message: pb.BatchListAllowancesRequest, context: Any
    ) -> pb.BatchListAllowancesResponse:
        found = await self.quotas.allowances(message.program_id, message.member_ids)
        return pb.BatchListAllowancesResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.AllowancesResult(status=FOUND, allowances=map(allowance_message, each)),
                missing=pb.AllowancesResult(status=MISSING),
            )
        )

    async def SplitValue(self, message: pb.SplitValueRequest, context: Any) -> pb.SplitValueResponse:
        program, split = await self.mixes.split(message.program_id, message.member_id, message.value_minor)
        segment = split.segment
        return pb.SplitValueResponse(
            cash_minor=split.cash_minor,
            service_minor=split.service_minor,
            currency=program.currency,
            segment=segment.key,
            name_zh=segment.name.zh,
            name_en=segment.name.en,
            cash_bp=segment.cash_bp,
            service_bp=segment.service_bp,
            segments=map(tried_message, split.tried),
        )

    async def BatchListGrowthPaths(
        self, message: pb.BatchListGrowthPathsRequest, context: Any
    ) -> pb.BatchListGrowthPathsResponse:
        found = await self.growth.paths(message.program_id, message.member_ids)
        return pb.BatchListGrowthPathsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.GrowthPathsResult(status=FOUND, paths=map(path_message, each)),
                missing=pb.GrowthPathsResult(status=MISSING),
            )
        )

    async def BatchListLockedBenefits(
        self, message: pb.BatchListLockedBenefitsRequest, context: Any
    ) -> pb.BatchListLockedBenefitsResponse:
        found = await self.quotas.locked(message.program_id, message.member_ids)
        return pb.BatchListLockedBenefitsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.LockedBenefitsResult(status=FOUND, benefits=map(locked_message, each)),
                missing=pb.LockedBenefitsResult(status=MISSING),
            )
        )


def _source() -> str:
    """Who tells of a use: a partner under its own key, others beside them."""
    who = caller()
    return who.subject if who.kind == "partner" else f"{who.kind}:{who.subject}"


def use_message(use: BenefitUse) -> pb.BenefitUse:
    """A use."""
    return pb.BenefitUse(
        use_id=use.use_id,
        member_id=use.member_id,
        benefit=use.key.benefit,
        amount=use.amount,
        external_ref=use.key.external_ref,
        used_time=timestamp(use.used_time),
        cancelled=use.cancelled,
    )


def allowance_message(left: Allowance) -> pb.Allowance:
    """What is left of a benefit."""
    return pb.Allowance(
        benefit=left.benefit,
        unit=left.quota.unit,
        period=left.quota.period,
        limit=left.counted.limit,
        used=left.counted.used,
        left=left.counted.left,
        reset_time=None if left.reset_time is None else timestamp(left.reset_time),
        open=left.opening.is_open,
        opening_time=None if left.opening.next_time is None else timestamp(left.opening.next_time),
        pool_left=None if left.pool is None else left.pool.counted.left,
    )


def tried_message(tried: TriedSegment) -> pb.TriedSegment:
    """A segment, and why the member is not in it."""
    return pb.TriedSegment(
        segment=tried.segment.key,
        condition=tried.segment.condition,
        reason=reason_message(tried.reason, tried.params),
    )


def unlock_message(far: Progress) -> pb.Unlock:
    """How far a benefit is from being open."""
    return pb.Unlock(
        benefit=far.benefit,
        standard=far.unlock.standard,
        months=far.months,
        months_needed=far.unlock.months,
        unlocked=far.unlocked,
    )


def path_message(progress: PathProgress) -> pb.GrowthPath:
    """How far a member is on a growth path."""
    name = progress.tier_set.name
    return pb.GrowthPath(
        tier_set=progress.tier_set.key,
        name_zh=name.zh,
        name_en=name.en,
        nodes=map(node_message, progress.nodes),
        next_node=progress.next_node,
        gaps=[
            pb.GrowthGap(
                path=each.path,
                metric=each.metric,
                value=each.value,
                threshold=each.threshold,
                missing=each.missing,
            )
            for each in progress.gaps
        ],
        task_zh=ways_text(progress.gaps, "zh"),
        task_en=ways_text(progress.gaps, "en"),
    )


def node_message(node: Node) -> pb.GrowthNode:
    """A node of a growth path, and what it gave."""
    written = node.written
    given = written.points if written is not None and written.transaction_id else 0
    return pb.GrowthNode(
        node=node.tier.key,
        name_zh=node.tier.name.zh,
        name_en=node.tier.name.en,
        reached=node.reached,
        reached_time=None if written is None else timestamp(written.reached_time),
        reward_points=node.tier.reward_points,
        given_points=given,
        transaction_id="" if written is None else written.transaction_id,
    )


def locked_message(each: Locked) -> pb.LockedBenefit:
    """A benefit of a higher tier."""
    return pb.LockedBenefit(
        benefit=each.grant.benefit,
        kind=each.grant.kind,
        name_zh=each.grant.name.zh,
        name_en=each.grant.name.en,
        tier_set=each.tier_set,
        tier=each.tier,
        steps=each.steps,
    )
