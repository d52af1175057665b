"""The badges of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import badges_pb2 as pb
from laurel.benefits.v1 import badges_pb2_grpc
from laurel.common.v1 import audit_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake
from tests.gateway.fake_proofs import DAYS, SIGNED, a_root

ISSUED = 7
"""The last number that was issued; the owner of the first is not for everybody."""


def a_badge(owner: str, serial: int = 1, **fields: Any) -> pb.Badge:
    """A founder's badge that was revoked, which could show everything a badge may."""
    given: dict[str, Any] = {
        "badge_id": f"bdg_{serial:032x}",
        "key": "founder",
        "serial": serial,
        "limit": 20,
        "name_zh": "创始会员",
        "name_en": "Founding member",
        "state": pb.BADGE_STATE_REVOKED,
        "issued_time": timestamp(world.NOON),
        "revoked_time": timestamp(world.NOON),
        **fields,
    }
    return pb.Badge(member_id=owner, **given)


def a_proof(serial: int, act: str, *, shown: bool) -> pb.BadgeProof:
    """By the root of a day, and by a head, to show all fields."""
    return pb.BadgeProof(
        content=pb.BadgeContent(
            record_id=f"bdr_{serial}_{act}",
            badge=f'{{"act":"{act}","serial":{serial}}}',
            owner='{"salt":"s"}' if shown else "",
            owner_digest="0e" * 32,
            act='{"by":"mia"}' if shown else "",
            act_digest="ac" * 32,
            leaf="1e" * 32,
        ),
        position=2**40,
        root=a_root(DAYS[-1]),
        path=["0a" * 32],
        head=audit_pb2.AuditHead(position=2**40 + 1, **SIGNED),
        previous_hash="9f" * 32,
        following_leaves=["1f" * 32],
        statement='{"chain":"badges"}',
    )


def a_verified(serial: int) -> pb.VerifiedBadge:
    """Of a member whom the caller sees; the first one of somebody else, and held."""
    if serial == 1:
        badge = a_badge("", state=pb.BADGE_STATE_HELD, limit=0, revoked_time=None)
        return pb.VerifiedBadge(badge=badge, issue=a_proof(1, "issued", shown=False))
    return pb.VerifiedBadge(
        badge=a_badge(world.member_id(1), serial),
        issue=a_proof(serial, "issued", shown=True),
        revocation=a_proof(serial, "revoked", shown=True),
    )


class FakeBadges(Fake, badges_pb2_grpc.BadgesServiceServicer):
    async def BatchListBadges(self, request: pb.BatchListBadgesRequest, context: Context) -> Any:
        await self.begin("BatchListBadges", request)
        results = self.per_member(
            lambda owner: pb.BadgesResult(status=FOUND, badges=[a_badge(owner)]),
            pb.BadgesResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListBadgesResponse(results=results)

    async def BatchVerifyBadges(self, request: pb.BatchVerifyBadgesRequest, context: Context) -> Any:
        await self.begin("BatchVerifyBadges", request)
        return pb.BatchVerifyBadgesResponse(
            results=[
                pb.VerifiedBadgeResult(status=FOUND, verified=a_verified(each.serial))
                if each.key == "founder" and each.serial <= ISSUED
                else pb.VerifiedBadgeResult(status=MISSING)
                for each in request.keys
            ]
        )

    async def GrantBadge(self, request: pb.GrantBadgeRequest, context: Context) -> Any:
        await self.begin("GrantBadge", request)
        badge = a_badge(request.member_id, ISSUED + 1, state=pb.BADGE_STATE_HELD, revoked_time=None)
        return pb.GrantBadgeResponse(badge=badge)

    async def RevokeBadge(self, request: pb.RevokeBadgeRequest, context: Context) -> Any:
        await self.begin("RevokeBadge", request)
        return pb.RevokeBadgeResponse(badge=a_badge(world.member_id(1), badge_id=request.badge_id))
