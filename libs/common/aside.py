"""What a calendar puts aside: things that fail by themselves, so that they do not hold up all others."""

import time

from libs.common.clock import now
from libs.common.mongo import Database

ASIDE_MAX = 1_000
AGAIN_SECONDS = 600.0
LETTERS = "calendar/"


class AsideFull(Exception):
    """So much fails that it is no longer a matter of single things: the calendar waits."""


class Aside:
    """Keys of one kind in one program that are left out until it is time to try them again.

    Each is a dead letter of the service as long, so that people see it. The
    keys are in memory: another replica, or a restart, tries all of them at once.
    """

    def __init__(self, database: Database, kind: str, program_id: str) -> None:
        self._database, self._kind, self._program_id = database, kind, program_id
        self._again: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._again)

    async def keys(self) -> frozenset[str]:
        """What is left out now."""
        moment = time.monotonic()
        if over := [key for key, again in self._again.items() if again <= moment]:
            letters = [self._letter(key) for key in over]
            await self._database.dead_letters.delete_many({"_id": {"$in": letters}})
            for key in over:
                del self._again[key]
        return frozenset(self._again)

    async def put(self, key: str, error: str) -> None:
        """Leave this one out for some minutes, or raise AsideFull."""
        if len(self._again) >= ASIDE_MAX:
            raise AsideFull(f"{ASIDE_MAX} of kind {self._kind} are put aside in {self._program_id}")
        letter = {
            "stream": f"{LETTERS}{self._kind}",
            "type": self._kind,
            "subject": key,
            "program_id": self._program_id,
            "error": error[:500],
            "recorded_time": now(),
        }
        await self._database.dead_letters.update_one(
            {"_id": self._letter(key)}, {"$setOnInsert": letter}, upsert=True
        )
        self._again[key] = time.monotonic() + AGAIN_SECONDS

    def _letter(self, key: str) -> str:
        return f"{LETTERS}{self._kind}/{self._program_id}/{key}"


async def forget(database: Database) -> None:
    """Forget what was put aside before: who begins anew tries everything."""
    await database.dead_letters.delete_many({"stream": {"$regex": f"^{LETTERS}"}})
