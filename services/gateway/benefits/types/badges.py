"""What the graph shows of badges: who has which number, and what proves it."""

from datetime import datetime
from enum import Enum

import strawberry

from laurel.benefits.v1 import badges_pb2 as pb
from services.gateway.benefits.types.proofs import LedgerHead, LedgerRoot, head_of, root_of
from services.gateway.values import LocalName, Long, known, time_of


@strawberry.enum(description="How a badge stands.")
class BadgeState(Enum):
    HELD = strawberry.enum_value(pb.BADGE_STATE_HELD, description="Its member has it.")
    REVOKED = strawberry.enum_value(pb.BADGE_STATE_REVOKED, description="It was taken back.")


@strawberry.type(description="A badge with a number that no other one of its key has.")
class Badge:
    id: strawberry.ID = strawberry.field(description="Id of the badge.")
    key: str = strawberry.field(description="Key in the program.")
    name: LocalName = strawberry.field(description="Name for people.")
    serial: Long = strawberry.field(description="Its number: 1, 2, 3, …")
    limit: Long | None = strawberry.field(description="How many there ever are; null where there is no end.")
    member_id: strawberry.ID | None = strawberry.field(
        description="Whose it is: `mem_…`; null for who may not see the member."
    )
    state: BadgeState | None = strawberry.field(description="How it stands.")
    issued_time: datetime | None = strawberry.field(description="When it was issued.")
    revoked_time: datetime | None = strawberry.field(description="When it was taken back, if it was.")


@strawberry.type(
    description=(
        "Proof of one record of a badge: whoever has the published keys checks it with "
        "examples/proof/verify.py. Without `root` and `head` it waits for one, which takes seconds."
    )
)
class BadgeProof:
    record_id: strawberry.ID = strawberry.field(description="Id of the record.")
    badge: str = strawberry.field(description="Which badge, issued or revoked, as canonical JSON (RFC 8785).")
    owner: str = strawberry.field(description="Whose it is, salted; empty for who may not see the member.")
    owner_digest: str = strawberry.field(description="SHA-256 of `owner`, in hex.")
    act: str = strawberry.field(description="Who did it and why, salted; empty but for the staff.")
    act_digest: str = strawberry.field(description="SHA-256 of `act`, in hex.")
    leaf: str = strawberry.field(
        description="What the chain covers: SHA-256 over the digests of the three, in hex."
    )
    position: Long = strawberry.field(description="Its position in the chain; 0 while it waits for one.")
    root: LedgerRoot | None = strawberry.field(
        description="Of a record whose day is closed: that day's root."
    )
    path: list[str] = strawberry.field(
        description="What the leaf's hash is hashed with to get to the root, from the bottom up."
    )
    head: LedgerHead | None = strawberry.field(
        description="Of a record whose day is not closed yet: the next signed head."
    )
    previous_hash: str = strawberry.field(description="With a head: the chain hash before the record.")
    following_leaves: list[str] = strawberry.field(
        description="With a head: the leaves behind the record, up to the head's."
    )
    statement: str = strawberry.field(description="What is signed, as canonical JSON.")


@strawberry.type(description="A genuine badge with what proves it.")
class VerifiedBadge:
    badge: Badge = strawberry.field(description="The badge.")
    issue: BadgeProof = strawberry.field(description="The proof that it was issued.")
    revocation: BadgeProof | None = strawberry.field(
        description="The proof that it was taken back; null while it is held."
    )


def badge_of(badge: pb.Badge) -> Badge:
    """A badge as the graph shows it."""
    return Badge(
        id=strawberry.ID(badge.badge_id),
        key=badge.key,
        name=LocalName(zh=badge.name_zh, en=badge.name_en),
        serial=Long(badge.serial),
        limit=Long(badge.limit) if badge.limit else None,
        member_id=strawberry.ID(badge.member_id) if badge.member_id else None,
        state=known(BadgeState, badge.state),
        issued_time=time_of(badge, "issued_time"),
        revoked_time=time_of(badge, "revoked_time"),
    )


def verified_of(verified: pb.VerifiedBadge) -> VerifiedBadge:
    """A badge with its proofs as the graph shows it."""
    return VerifiedBadge(
        badge=badge_of(verified.badge),
        issue=_proof(verified.issue),
        revocation=_proof(verified.revocation) if verified.HasField("revocation") else None,
    )


def _proof(proof: pb.BadgeProof) -> BadgeProof:
    content = proof.content
    return BadgeProof(
        record_id=strawberry.ID(content.record_id),
        badge=content.badge,
        owner=content.owner,
        owner_digest=content.owner_digest,
        act=content.act,
        act_digest=content.act_digest,
        leaf=content.leaf,
        position=Long(proof.position),
        root=root_of(proof.root) if proof.HasField("root") else None,
        path=list(proof.path),
        head=head_of(proof.head) if proof.HasField("head") else None,
        previous_hash=proof.previous_hash,
        following_leaves=list(proof.following_leaves),
        statement=proof.statement,
    )
