"""Loads from benefits: documents of versions of the program."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import programs_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.errors import InvalidInput
from services.gateway.loading import DataLoader, found

if TYPE_CHECKING:
    from laurel.benefits.v1.programs_pb2_grpc import ProgramsServiceAsyncStub

TOGETHER_MAX = 3
"""A document may have 1 MiB, and an answer 4."""
DOCUMENTS_MAX = 20


class ProgramVersionsLoaders:
    """What one request reads of versions: no more documents than a page of people reads."""

    def __init__(self, programs: "ProgramsServiceAsyncStub", program_id: str) -> None:
        self._programs, self._program_id = programs, program_id
        self._documents = 0
        self.document = DataLoader(self._load_documents, max_batch_size=TOGETHER_MAX)

    async def _load_documents(self, versions: list[int]) -> Sequence[bytes | Exception | None]:
        self._documents += len(versions)
        if self._documents > DOCUMENTS_MAX:
            raise InvalidInput(f"at most {DOCUMENTS_MAX} documents are shown in one request")
        request = pb.BatchGetProgramVersionsRequest(program_id=self._program_id, versions=versions)
        response = await self._programs.BatchGetProgramVersions(request, timeout=READ_SECONDS)
        return [found(result.status, result.document) for result in response.results]
