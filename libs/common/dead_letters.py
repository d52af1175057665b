"""Dead letters: messages of a stream that fail by themselves, kept until a restart brings the repair."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from libs.common.mongo import Database
from libs.common.redis import StreamMessage
from libs.common.telemetry import DEAD_LETTERS
from libs.common.tracing import TRACEPARENT

RETRIED_MAX = 10_000
COUNTED_SECONDS = 10.0


class DeadLetters:
    """What could not be applied of one stream, by the key of its partition."""

    def __init__(self, database: Database, stream: str, now: Callable[[], datetime]) -> None:
        self._letters, self._service, self._stream = database.dead_letters, database.name, stream
        self._now = now
        self._counted = float("-inf")

    async def kept(self) -> AsyncIterator[tuple[str, StreamMessage]]:
        """What is kept, the oldest first."""
        found = self._letters.find({"stream": self._stream}).sort("recorded_time", 1).limit(RETRIED_MAX)
        async for letter in found:
            key, entry_id = letter["_id"].rsplit("/", 1)
            trace = letter.get(TRACEPARENT, "")
            yield key, StreamMessage(entry_id, letter["type"], letter["payload"], letter["subject"], trace)

    async def keep(self, key: str, message: StreamMessage, error: Exception) -> None:
        """Keep a message that cannot be applied, once however often it comes."""
        letter = {
            "stream": self._stream,
            "type": message.type,
            "subject": message.subject,
            "payload": message.payload,
            TRACEPARENT: message.traceparent,
            "error": f"{type(error).__name__}: {error}"[:500],
            "recorded_time": self._now(),
        }
        await self._letters.update_one({"_id": _id(key, message)}, {"$setOnInsert": letter}, upsert=True)

    async def forget(self, key: str, message: StreamMessage) -> None:
        """It was applied after all."""
        await self._letters.delete_one({"_id": _id(key, message)})

    async def tell(self) -> None:
        """Say now and then how many there are, whoever has put them aside."""
        if time.monotonic() - self._counted < COUNTED_SECONDS:
            return
        self._counted = time.monotonic()
        count = await self._letters.count_documents({"stream": self._stream})
        DEAD_LETTERS.labels(self._service, self._stream).set(count)


def _id(key: str, message: StreamMessage) -> str:
    return f"{key}/{message.entry_id}"
