"""The gRPC edge of benefits: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import benefits_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.caller import caller
from libs.common.mongo import request
from libs.common.pipeline import PipelineReader
from libs.common.rpc.lookup import in_order
from libs.common.rpc.shared.reads import SharedReads
from libs.common.watch import Watches
from services.benefits.domain.memberships import Decision
from services.benefits.handlers.program_changes import ChangeHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reads import ReadHandlers
from services.benefits.handlers.verification import VerificationHandlers, Verified
from services.benefits.messages import (
    account_message,
    decision_message,
    entitlement_message,
    entry_message,
    membership_message,
    program_message,
    tier_change,
    watched,
)

FIRST = 20
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class BenefitsServicer(benefits_pb2_grpc.BenefitsServiceServicer):
    """BenefitsService over the handlers of benefits."""

    programs: ProgramHandlers
    changes: ChangeHandlers
    reads: ReadHandlers
    verification: VerificationHandlers
    pipeline: PipelineReader
    watches: Watches
    shared: SharedReads

    async def PublishProgram(
        self, message: pb.PublishProgramRequest, context: Any
    ) -> pb.PublishProgramResponse:
        asked = request(
            message.program_id, "PublishProgram", message.request_id, message, pb.PublishProgramResponse
        )
        return await self.changes.publish_directly(
            message.program_id,
            message.document,
            asked,
            lambda version: pb.PublishProgramResponse(program=program_message(version)),
        )

    async def BatchGetPrograms(
        self, message: pb.BatchGetProgramsRequest, context: Any
    ) -> pb.BatchGetProgramsResponse:
        found = await self.programs.all_live(
            [each for each in message.program_ids if caller().may_know(each)]
        )
        return pb.BatchGetProgramsResponse(
            results=in_order(
                message.program_ids,
                found,
                lambda each: pb.ProgramResult(status=FOUND, program=program_message(each)),
                missing=pb.ProgramResult(status=MISSING),
            )
        )

    async def BatchGetMemberships(
        self, message: pb.BatchGetMembershipsRequest, context: Any
    ) -> pb.BatchGetMembershipsResponse:
        found = await self.reads.memberships(message.program_id, message.member_ids)
        return pb.BatchGetMembershipsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.MembershipsResult(
                    status=FOUND,
                    memberships=[membership_message(one.membership, one.decision, one.held) for one in each],
                ),
                missing=pb.MembershipsResult(status=MISSING),
            )
        )

    async def BatchGetDecisions(
        self, message: pb.BatchGetDecisionsRequest, context: Any
    ) -> pb.BatchGetDecisionsResponse:
        found = await self.reads.decisions(message.program_id, message.decision_ids)
        return pb.BatchGetDecisionsResponse(
            results=in_order(
                message.decision_ids,
                found,
                lambda each: pb.DecisionResult(status=FOUND, decision=decision_message(each)),
                missing=pb.DecisionResult(status=MISSING),
            )
        )

    async def BatchListTierChanges(
        self, message: pb.BatchListTierChangesRequest, context: Any
    ) -> pb.BatchListTierChangesResponse:
        keys = [(key.member_id, key.tier_set) for key in message.keys]
        listed = await self.reads.tier_changes(message.program_id, keys, message.first or FIRST)
        return pb.BatchListTierChangesResponse(results=[_tier_changes(decisions) for decisions in listed])

    async def BatchGetPointsAccounts(
        self, message: pb.BatchGetPointsAccountsRequest, context: Any
    ) -> pb.BatchGetPointsAccountsResponse:
        found = await self.reads.holdings(message.program_id, message.member_ids)
        return pb.BatchGetPointsAccountsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.PointsAccountResult(status=FOUND, account=account_message(each)),
                missing=pb.PointsAccountResult(status=MISSING),
            )
        )

    async def BatchListEntries(
        self, message: pb.BatchListEntriesRequest, context: Any
    ) -> pb.BatchListEntriesResponse:
        listed = await self.reads.entries(
            message.program_id, message.member_ids, message.first or FIRST, message.point_type
        )
        return pb.BatchListEntriesResponse(
            results=[
                pb.EntriesResult(
                    status=FOUND if entries else MISSING, entries=[entry_message(*each) for each in entries]
                )
                for entries in listed
            ]
        )

    async def BatchListEntitlements(
        self, message: pb.BatchListEntitlementsRequest, context: Any
    ) -> pb.BatchListEntitlementsResponse:
        found = await self.reads.entitlements(message.program_id, message.member_ids)
        return pb.BatchListEntitlementsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.EntitlementsResult(
                    status=FOUND, entitlements=[entitlement_message(one) for one in each]
                ),
                missing=pb.EntitlementsResult(status=MISSING),
            )
        )

    async def BatchRead(self, message: pb.BatchReadRequest, context: Any) -> pb.BatchReadResponse:
        response: pb.BatchReadResponse = await self.shared.answer(self, message, context)
        return response

    async def VerifyLedger(
        self, message: pb.VerifyLedgerRequest, context: Any
    ) -> AsyncIterator[pb.VerifyLedgerResponse]:
        program_id = message.program_id or caller().program_id or ""
        async for verified in self.verification.verify(program_id):
            yield _verified(verified)

    def WatchMember(
        self, message: pb.WatchMemberRequest, context: Any
    ) -> AsyncGenerator[pb.WatchMemberResponse, None]:
        latest = partial(self.reads.latest_change, message.program_id, message.member_id)
        return self.watches.answer(message, latest, watched)

    async def GetPipelineStatus(
        self, message: pb.GetPipelineStatusRequest, context: Any
    ) -> pb.GetPipelineStatusResponse:
        return pb.GetPipelineStatusResponse(status=await self.pipeline.status(caller()))


def _tier_changes(decisions: list[Decision]) -> pb.TierChangesResult:
    """Latest first: each lasts until the one listed before it."""
    followed = zip(decisions, [None, *decisions], strict=False)
    return pb.TierChangesResult(
        status=FOUND if decisions else MISSING,
        changes=[tier_change(decision, following) for decision, following in followed],
    )


def _verified(verified: Verified) -> pb.VerifyLedgerResponse:
    return pb.VerifyLedgerResponse(
        accounts_count=verified.accounts,
        entries_count=verified.entries,
        transactions_count=verified.transactions,
        sum_points=verified.sum_points,
        broken_count=verified.broken,
        faults=[
            pb.LedgerFault(code=each.code, object_id=each.object_id, detail=each.detail)
            for each in verified.faults
        ]
        if verified.done
        else [],
        done=verified.done,
        entries_total=verified.entries_total,
    )
