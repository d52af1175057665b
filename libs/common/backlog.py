"""What waits between a service and its readers, as metrics: announcements unsent, entries unread."""

from collections.abc import Mapping
from datetime import datetime

from libs.common.mongo import Database, Document
from libs.common.telemetry import OUTBOX_AGE_SECONDS, OUTBOX_UNSENT, STREAM_LAG, STREAM_PENDING


class Backlog:
    """Says how much waits. What is not known now is not said: an old number looks like a new one."""

    def __init__(self, service: str, stream: str) -> None:
        self._service, self._stream = service, stream
        self._groups: set[str] = set()

    def unsent(self, count: int, oldest_seconds: float) -> None:
        """How many announcements are not on the stream, and for how long the oldest is not."""
        OUTBOX_UNSENT.labels(self._service).set(count)
        OUTBOX_AGE_SECONDS.labels(self._service).set(oldest_seconds)

    def unsent_unknown(self) -> None:
        for gauge in (OUTBOX_UNSENT, OUTBOX_AGE_SECONDS):
            gauge.remove(self._service)

    def unread(self, lag: Mapping[str, int], pending: Mapping[str, int]) -> None:
        """How many entries each group has still to read, and to acknowledge."""
        self._groups = set(lag)
        for group in lag:
            STREAM_LAG.labels(self._stream, group).set(lag[group])
            STREAM_PENDING.labels(self._stream, group).set(pending[group])

    def unread_unknown(self) -> None:
        """Say nothing of the groups: another replica does, or nobody can."""
        for group in self._groups:
            STREAM_LAG.remove(self._stream, group)
            STREAM_PENDING.remove(self._stream, group)
        self._groups = set()


async def unsent_count(database: Database) -> int:
    """Announcements that are not yet on the stream: the heads of their parcels count the others."""
    rows = {"$add": [1, {"$ifNull": ["$following", 0]}]}
    total: list[Document] = [{"$match": {"unsent": True}}, {"$group": {"_id": None, "rows": {"$sum": rows}}}]
    found = await database.outbox.aggregate(total).to_list(1)
    return found[0]["rows"] if found else 0


async def unsent_seconds(database: Database, now: datetime) -> float:
    """For how long the oldest announcement has not been on the stream; 0 if all are."""
    oldest = await database.outbox.find_one({"unsent": True}, {"recorded_time": 1}, sort=[("_id", 1)])
    return 0.0 if oldest is None else max(0.0, (now - oldest["recorded_time"]).total_seconds())
