"""Leases: which replica does a piece of work just now.

They only save work. What makes a second holder harmless is that every effect
checks the sequence that it was based on.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from libs.common.mongo import Database
from libs.common.telemetry import log

TTL = timedelta(seconds=6)
RENEW_SECONDS = 1.5


class Leases:
    """Holds its fair share of some named leases, and renews them until it is stopped.

    `holder` names the replica and stays the same over a restart of it, so
    that a restarted one goes on at once instead of waiting for its own lease
    to end.
    """

    def __init__(
        self,
        database: Database,
        names: Sequence[str],
        *,
        group: str,
        holder: str,
        now: Callable[[], datetime],
    ) -> None:
        # A lease that is lost with the primary is taken again; it need not wait for a majority's disks.
        self._leases = database.get_collection("leases", write_concern=WriteConcern(w=1, j=False))
        self._names, self._group, self._holder, self._now = tuple(names), group, holder, now
        self._held: frozenset[str] = frozenset()
        self._until = now()

    def held(self) -> frozenset[str]:
        """The leases that are ours now."""
        return self._held if self._now() < self._until else frozenset()

    async def run(self) -> None:
        """Take and renew until cancelled, then give all back."""
        try:
            while True:
                try:
                    await self.renew()
                except PyMongoError as error:
                    log("leases").warning("not renewed", group=self._group, error=type(error).__name__)
                await asyncio.sleep(RENEW_SECONDS)
        finally:
            self._held = frozenset()
            await self._leases.update_many(
                {"holder": self._holder, "group": self._group}, {"$set": {"expires_time": self._now()}}
            )

    async def renew(self) -> None:
        """Renew what is held, give back what is too much, take what is free."""
        now = self._now()
        await self._take(f"{self._group}/replica/{self._holder}", now)
        share = -(-len(self._names) // max(1, await self._replicas(now)))
        mine = await self._mine(now)
        for name in sorted(mine)[share:]:
            await self._leases.update_one(
                {"_id": self._key(name), "holder": self._holder}, {"$set": {"expires_time": now}}
            )
        mine = set(sorted(mine)[:share])
        for name in self._names:
            if len(mine) >= share:
                break
            if name not in mine and await self._take(self._key(name), now):
                mine.add(name)
        self._held, self._until = frozenset(mine), now + TTL

    async def _mine(self, now: datetime) -> set[str]:
        """Renew in one write, and read back what is still ours."""
        owned = {"holder": self._holder, "group": self._group, "expires_time": {"$gt": now}}
        await self._leases.update_many(owned, {"$set": {"expires_time": now + TTL}})
        keys = {self._key(name): name for name in self._names}
        return {
            keys[lease["_id"]] async for lease in self._leases.find(owned, {"_id": 1}) if lease["_id"] in keys
        }

    async def _replicas(self, now: datetime) -> int:
        alive = {"_id": {"$regex": f"^{re.escape(self._group)}/replica/"}, "expires_time": {"$gt": now}}
        return await self._leases.count_documents(alive)

    async def _take(self, key: str, now: datetime) -> bool:
        free = {"_id": key, "$or": [{"expires_time": {"$lte": now}}, {"holder": self._holder}]}
        taken = {
            "$set": {"holder": self._holder, "group": self._group, "expires_time": now + TTL},
            "$inc": {"epoch": 1},
        }
        try:
            await self._leases.find_one_and_update(
                free, taken, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            return False  # somebody else holds it
        return True

    def _key(self, name: str) -> str:
        return f"{self._group}/{name}"
