"""Loads from benefits: what events that did not happen would earn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from laurel.benefits.v1 import earning_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import DataLoader, found

if TYPE_CHECKING:
    from laurel.benefits.v1.earning_pb2_grpc import EarningServiceAsyncStub

EVENTS_MAX = 100


@dataclass(frozen=True, slots=True)
class PreviewKey:
    """An event that did not happen, of a kind by its number."""

    member_id: str
    kind: int
    amount_minor: int
    occurred_time: datetime | None
    store_id: str
    source: str
    attributes: tuple[tuple[str, str], ...]
    quantity: int = 0

    def message(self) -> pb.PossibleEvent:
        """As benefits is asked."""
        return pb.PossibleEvent(
            member_id=self.member_id,
            kind=self.kind,  # type: ignore[arg-type]  # the number of a value of the enum
            amount_minor=self.amount_minor,
            occurred_time=None if self.occurred_time is None else timestamp(self.occurred_time),
            store_id=self.store_id,
            source=self.source,
            attributes=dict(self.attributes),
            quantity=self.quantity,
        )


class EarningLoaders:
    """What one request reads of earning."""

    def __init__(self, earning: "EarningServiceAsyncStub", program_id: str) -> None:
        self._earning, self._program_id = earning, program_id
        self.previews = DataLoader(self._load_previews, max_batch_size=EVENTS_MAX)

    async def _load_previews(self, keys: list[PreviewKey]) -> Sequence[pb.PointsPreview | Exception | None]:
        request = pb.BatchPreviewPointsRequest(
            program_id=self._program_id, events=[key.message() for key in keys]
        )
        response = await self._earning.BatchPreviewPoints(request, timeout=READ_SECONDS)
        return [found(result.status, result.preview) for result in response.results]
