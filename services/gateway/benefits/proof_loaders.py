"""Loads from benefits: the proofs of ledger entries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import proofs_pb2 as pb
from services.gateway.clients import LIST_SECONDS
from services.gateway.loading import DataLoader, found

if TYPE_CHECKING:
    from laurel.benefits.v1.proofs_pb2_grpc import ProofServiceAsyncStub

PROOFS_MAX = 50


class ProofLoaders:
    """What one request reads of proofs."""

    def __init__(self, proofs: "ProofServiceAsyncStub", program_id: str) -> None:
        self._proofs, self._program_id = proofs, program_id
        self.proof = DataLoader(self._load_proofs, max_batch_size=PROOFS_MAX)

    async def _load_proofs(self, ids: list[str]) -> Sequence[pb.EntryProof | Exception | None]:
        request = pb.BatchGetEntryProofsRequest(program_id=self._program_id, entry_ids=ids)
        response = await self._proofs.BatchGetEntryProofs(request, timeout=LIST_SECONDS)
        return [found(result.status, result.proof) for result in response.results]
