"""The gRPC edge of proofs: messages to reads and back. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import proofs_pb2 as pb
from laurel.benefits.v1 import proofs_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.audit.messages import head_message
from libs.common.chains.reading import place_of, place_text
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from services.benefits.domain.leaves import LEDGER
from services.benefits.handlers.proofs import ProofHandlers
from services.benefits.proof_messages import chained_message, proof_message, root_message

STATEMENTS = 100
ENTRIES = 50
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class ProofsServicer(proofs_pb2_grpc.ProofServiceServicer):
    """ProofService over the chain of the ledger."""

    handlers: ProofHandlers

    async def BatchGetEntryProofs(
        self, message: pb.BatchGetEntryProofsRequest, context: Any
    ) -> pb.BatchGetEntryProofsResponse:
        found = await self.handlers.prove(message.program_id, message.entry_ids)
        return pb.BatchGetEntryProofsResponse(
            results=in_order(
                message.entry_ids,
                found,
                lambda each: pb.EntryProofResult(status=FOUND, proof=proof_message(each)),
                missing=pb.EntryProofResult(status=MISSING),
            )
        )

    async def ListLedgerRoots(
        self, message: pb.ListLedgerRootsRequest, context: Any
    ) -> pb.ListLedgerRootsResponse:
        roots, more = await self.handlers.roots(
            message.program_id,
            message.chain or LEDGER,
            after_date=message.after_date,
            limit=message.page_size or STATEMENTS,
        )
        return pb.ListLedgerRootsResponse(roots=map(root_message, roots), more=more)

    async def ListLedgerHeads(
        self, message: pb.ListLedgerHeadsRequest, context: Any
    ) -> pb.ListLedgerHeadsResponse:
        heads, more = await self.handlers.heads(
            message.program_id,
            message.chain or LEDGER,
            after_position=message.after_position,
            limit=message.page_size or STATEMENTS,
        )
        return pb.ListLedgerHeadsResponse(heads=map(head_message, heads), more=more)

    async def ListChainedEntries(
        self, message: pb.ListChainedEntriesRequest, context: Any
    ) -> pb.ListChainedEntriesResponse:
        bound = ("chained", message.program_id)
        after = place_of(page_after(message.page_token, *bound))
        entries, page = await self.handlers.chained(
            message.program_id, after=after, limit=message.page_size or ENTRIES
        )
        return pb.ListChainedEntriesResponse(
            entries=map(chained_message, entries),
            next_page_token="" if page.following is None else page_token(place_text(page.following), *bound),
            position=page.position,
            position_last=page.position_last,
        )
