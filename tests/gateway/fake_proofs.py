"""The proofs of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import proofs_pb2 as pb
from laurel.benefits.v1 import proofs_pb2_grpc
from laurel.common.v1 import audit_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context
from tests.gateway.fake_reports import FakeReports

ROOTED, LINKED = "ent_rooted", "ent_linked"
SIGNED: dict[str, Any] = {
    "service": "benefits",
    "program_id": world.PROGRAM,
    "chain": "ledger",
    "chain_hash": "c4" * 32,
    "signed_time": timestamp(world.NOON),
    "key_id": "benefits.key",
    "signature": "51" * 64,
}
DAYS = ("1998-06-28", "1998-06-29", "1998-06-30")


def a_root(date: str) -> pb.LedgerRoot:
    return pb.LedgerRoot(date=date, first_position=1, last_position=2**41, root_hash="70" * 32, **SIGNED)


def a_proof(entry_id: str) -> pb.EntryProof:
    """By the root of a day, by a head, or by both where the id says neither, to show all fields."""
    proof = pb.EntryProof(
        content=pb.EntryContent(
            entry_id=entry_id,
            entry='{"points":"5"}',
            transaction='{"kind":"accrual"}',
            lot="{}",
            leaf="1e" * 32,
        ),
        position=2**40,
        statement='{"chain":"ledger"}',
    )
    if entry_id != ROOTED:
        proof.head.CopyFrom(audit_pb2.AuditHead(position=2**40 + 1, **SIGNED))
        proof.previous_hash = "9f" * 32
        proof.following_leaves.append("1f" * 32)
    if entry_id != LINKED:
        proof.root.CopyFrom(a_root(DAYS[-1]))
        proof.path.extend(["0a" * 32, "0b" * 32])
    return proof


class FakeProofs(FakeReports, proofs_pb2_grpc.ProofServiceServicer):
    async def BatchGetEntryProofs(self, request: pb.BatchGetEntryProofsRequest, context: Context) -> Any:
        await self.begin("BatchGetEntryProofs", request)
        return pb.BatchGetEntryProofsResponse(
            results=[
                pb.EntryProofResult(status=MISSING)
                if entry_id == "ent_none"
                else pb.EntryProofResult(status=FOUND, proof=a_proof(entry_id))
                for entry_id in request.entry_ids
            ]
        )

    async def ListLedgerRoots(self, request: pb.ListLedgerRootsRequest, context: Context) -> Any:
        await self.begin("ListLedgerRoots", request)
        days = [each for each in DAYS if each > request.after_date]
        return pb.ListLedgerRootsResponse(
            roots=map(a_root, days[: request.page_size]), more=len(days) > request.page_size
        )
