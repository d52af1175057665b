"""What the graph shows of proofs: an entry's content, and how it leads to what was signed."""

from datetime import datetime

import strawberry
from strawberry import relay

from laurel.benefits.v1 import proofs_pb2 as pb
from laurel.common.v1 import audit_pb2
from services.gateway.pages import Cursor, page_info
from services.gateway.values import Long, time_of


@strawberry.type(
    description="The signed root of the ledger entries, or the records of badges, of one business day."
)
class LedgerRoot:
    service: str = strawberry.field(description="Service whose ledger it is.")
    chain: str = strawberry.field(description="Which of the service's chains: `ledger`, or `badges`.")
    date: str = strawberry.field(description="The day, such as 2026-11-23, where the program does business.")
    first_position: Long = strawberry.field(description="Position of its first entry in the chain.")
    last_position: Long = strawberry.field(description="Position of its last entry.")
    root_hash: str = strawberry.field(
        description="Root of the Merkle tree of its entries (RFC 6962), in hex."
    )
    chain_hash: str = strawberry.field(description="Chain hash of its last entry.")
    signed_time: datetime | None = strawberry.field(description="When it was signed.")
    key_id: str = strawberry.field(description="Key of the published key set that verifies it.")
    signature: str = strawberry.field(description="Ed25519 over the proof's statement, in hex.")


@strawberry.type(description="A root in a list.")
class LedgerRootEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: LedgerRoot = strawberry.field(description="The root.")


@strawberry.type(description="A page of roots.")
class LedgerRootConnection:
    edges: list[LedgerRootEdge] = strawberry.field(description="The roots with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


@strawberry.type(description="The end of a chain, of the ledger or of the badges, signed within seconds.")
class LedgerHead:
    position: Long = strawberry.field(description="Position of the last entry under it.")
    chain_hash: str = strawberry.field(description="Chain hash of that entry.")
    signed_time: datetime | None = strawberry.field(description="When it was signed.")
    key_id: str = strawberry.field(description="Key of the published key set that verifies it.")
    signature: str = strawberry.field(description="Ed25519 over the proof's statement, in hex.")


@strawberry.type(
    description=(
        "Proof that an entry is in the ledger as it was posted: whoever has the published keys checks it "
        "with examples/proof/verify.py. Without `root` and `head` it waits for one, which takes seconds."
    )
)
class EntryProof:
    entry_id: strawberry.ID = strawberry.field(description="Id of the entry.")
    entry: str = strawberry.field(description="The entry as canonical JSON (RFC 8785).")
    transaction: str = strawberry.field(description="Its transaction as canonical JSON: why points moved.")
    lot: str = strawberry.field(
        description="The lot that it made as canonical JSON; empty when it made none."
    )
    leaf: str = strawberry.field(
        description="What the chain covers: SHA-256 over the digests of the three, in hex."
    )
    position: Long = strawberry.field(description="Its position in the chain; 0 while it waits for one.")
    root: LedgerRoot | None = strawberry.field(
        description="Of an entry whose day is closed: that day's root."
    )
    path: list[str] = strawberry.field(
        description="What the leaf's hash is hashed with to get to the root, from the bottom up."
    )
    head: LedgerHead | None = strawberry.field(
        description="Of an entry whose day is not closed yet: the next signed head."
    )
    previous_hash: str = strawberry.field(description="With a head: the chain hash before the entry.")
    following_leaves: list[str] = strawberry.field(
        description="With a head: the leaves behind the entry, up to the head's."
    )
    statement: str = strawberry.field(description="What is signed, as canonical JSON.")


def proof_of(proof: pb.EntryProof) -> EntryProof:
    """A proof as the graph shows it."""
    content = proof.content
    return EntryProof(
        entry_id=strawberry.ID(content.entry_id),
        entry=content.entry,
        transaction=content.transaction,
        lot=content.lot,
        leaf=content.leaf,
        position=Long(proof.position),
        root=root_of(proof.root) if proof.HasField("root") else None,
        path=list(proof.path),
        head=head_of(proof.head) if proof.HasField("head") else None,
        previous_hash=proof.previous_hash,
        following_leaves=list(proof.following_leaves),
        statement=proof.statement,
    )


def page_of_roots(page: pb.ListLedgerRootsResponse, after: str | None) -> LedgerRootConnection:
    """A page as the graph shows it: the list goes on after the day of each root."""
    places = [Cursor(root.date).encode() for root in page.roots]
    return LedgerRootConnection(
        edges=[
            LedgerRootEdge(cursor=cursor, node=root_of(root))
            for cursor, root in zip(places, page.roots, strict=True)
        ],
        page_info=page_info(places, page.roots[-1].date if page.more else "", after),
    )


def root_of(root: pb.LedgerRoot) -> LedgerRoot:
    """A root as the graph shows it."""
    return LedgerRoot(
        service=root.service,
        chain=root.chain,
        date=root.date,
        first_position=Long(root.first_position),
        last_position=Long(root.last_position),
        root_hash=root.root_hash,
        chain_hash=root.chain_hash,
        signed_time=time_of(root, "signed_time"),
        key_id=root.key_id,
        signature=root.signature,
    )


def head_of(head: audit_pb2.AuditHead) -> LedgerHead:
    """A head as the graph shows it."""
    return LedgerHead(
        position=Long(head.position),
        chain_hash=head.chain_hash,
        signed_time=time_of(head, "signed_time"),
        key_id=head.key_id,
        signature=head.signature,
    )
