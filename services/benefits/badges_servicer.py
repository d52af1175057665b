"""The gRPC edge of badges: messages to use cases and back. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import badges_pb2 as pb
from laurel.benefits.v1 import badges_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.chains.reading import place_of, place_text
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.program import Program
from libs.common.rpc.lookup import in_order
from services.benefits.badge_messages import badge_message, chained_message, proof_message
from services.benefits.handlers.badge_reads import BadgeReads, VerifiedBadge
from services.benefits.handlers.badges import BadgeHandlers

LISTED, RECORDS = 20, 50
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class BadgesServicer(badges_pb2_grpc.BadgesServiceServicer):
    """BadgesService over its handlers."""

    badges: BadgeHandlers
    reads: BadgeReads

    async def GrantBadge(self, message: pb.GrantBadgeRequest, context: Any) -> pb.GrantBadgeResponse:
        asked = request(message.program_id, "GrantBadge", message.request_id, message, pb.GrantBadgeResponse)
        return await self.badges.grant(
            message.program_id,
            asked,
            lambda badge, program: pb.GrantBadgeResponse(badge=badge_message(badge, program)),
            member_id=message.member_id,
            key=message.key,
            explanation=message.explanation,
        )

    async def RevokeBadge(self, message: pb.RevokeBadgeRequest, context: Any) -> pb.RevokeBadgeResponse:
        asked = request(
            message.program_id, "RevokeBadge", message.request_id, message, pb.RevokeBadgeResponse
        )
        return await self.badges.revoke(
            message.program_id,
            asked,
            lambda badge, program: pb.RevokeBadgeResponse(badge=badge_message(badge, program)),
            badge_id=message.badge_id,
            explanation=message.explanation,
        )

    async def BatchListBadges(
        self, message: pb.BatchListBadgesRequest, context: Any
    ) -> pb.BatchListBadgesResponse:
        program, found = await self.reads.of_members(
            message.program_id, message.member_ids, message.first or LISTED
        )
        return pb.BatchListBadgesResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda badges: pb.BadgesResult(
                    status=FOUND, badges=[badge_message(each, program) for each in badges]
                ),
                missing=pb.BadgesResult(status=MISSING),
            )
        )

    async def BatchVerifyBadges(
        self, message: pb.BatchVerifyBadgesRequest, context: Any
    ) -> pb.BatchVerifyBadgesResponse:
        keys = [(each.key, each.serial) for each in message.keys]
        program, found = await self.reads.verified(message.program_id, keys)
        return pb.BatchVerifyBadgesResponse(
            results=in_order(
                keys,
                found,
                lambda each: pb.VerifiedBadgeResult(status=FOUND, verified=_verified(each, program)),
                missing=pb.VerifiedBadgeResult(status=MISSING),
            )
        )

    async def ListBadgeRecords(
        self, message: pb.ListBadgeRecordsRequest, context: Any
    ) -> pb.ListBadgeRecordsResponse:
        bound = ("badge_records", message.program_id)
        after = place_of(page_after(message.page_token, *bound))
        records, page = await self.reads.chained(
            message.program_id, after=after, limit=message.page_size or RECORDS
        )
        return pb.ListBadgeRecordsResponse(
            records=map(chained_message, records),
            next_page_token="" if page.following is None else page_token(place_text(page.following), *bound),
            position=page.position,
            position_last=page.position_last,
        )


def _verified(found: VerifiedBadge, program: Program) -> pb.VerifiedBadge:
    shown = {"shows_owner": found.shows_owner, "shows_act": found.shows_act}
    issue, *revocation = (proof_message(each.content, each.by, **shown) for each in found.proofs)
    return pb.VerifiedBadge(
        badge=badge_message(found.badge, program, shows_owner=found.shows_owner),
        issue=issue,
        revocation=revocation[0] if revocation else None,
    )
