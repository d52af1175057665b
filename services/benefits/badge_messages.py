"""Between the messages of badges and the domain."""

import hashlib

from laurel.benefits.v1 import badges_pb2 as pb
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from services.benefits.domain.badges import BadgeContent, HeldBadge
from services.benefits.domain.proofs import Linked, Rooted
from services.benefits.proof_messages import put_proving


def badge_message(badge: HeldBadge, program: Program, *, shows_owner: bool = True) -> pb.Badge:
    """A badge, named as the program names it now."""
    issued, revoked = badge.issued, badge.revoked
    terms = program.badge(issued.key)
    return pb.Badge(
        badge_id=issued.badge_id,
        key=issued.key,
        serial=issued.serial,
        limit=issued.limit,
        member_id=issued.member_id if shows_owner else "",
        name_zh=issued.key if terms is None else terms.name.zh,
        name_en=issued.key if terms is None else terms.name.en,
        state=pb.BADGE_STATE_HELD if revoked is None else pb.BADGE_STATE_REVOKED,
        issued_time=timestamp(issued.recorded_time),
        revoked_time=None if revoked is None else timestamp(revoked.recorded_time),
    )


def content_message(
    content: BadgeContent, *, shows_owner: bool = True, shows_act: bool = True
) -> pb.BadgeContent:
    """What the chain covers of a record; of a part that is not shown its digest alone."""
    return pb.BadgeContent(
        record_id=content.record_id,
        badge=content.badge,
        owner=content.owner if shows_owner else "",
        owner_digest=_sha256(content.owner),
        act=content.act if shows_act else "",
        act_digest=_sha256(content.act),
        leaf=content.leaf,
    )


def proof_message(
    content: BadgeContent, by: Rooted | Linked | None, *, shows_owner: bool, shows_act: bool
) -> pb.BadgeProof:
    """The proof of a record, by a root or by a head."""
    shown = content_message(content, shows_owner=shows_owner, shows_act=shows_act)
    message = pb.BadgeProof(content=shown, position=content.position)
    put_proving(message, by)
    return message


def chained_message(content: BadgeContent) -> pb.ChainedBadgeRecord:
    """A record with its place in the chain."""
    return pb.ChainedBadgeRecord(
        content=content_message(content),
        recorded_time=timestamp(content.recorded_time),
        position=content.position,
        chain_hash=content.chain_hash,
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
