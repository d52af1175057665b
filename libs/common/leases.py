"""Leases: which replica does a piece of work just now.

They only save work. What makes a second holder harmless is that every effect
checks the sequence that it was based on.

A replica holds leases of several groups, each with the replicas that share its
work, and renews all of them at once: one write and one read, and a write more
for each that changes hands.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from libs.common.mongo import Database
from libs.common.telemetry import log

TTL = timedelta(seconds=6)
RENEW_SECONDS = 1.5
# Marks of replicas that are gone are forgotten after so long.
GONE = timedelta(days=1)


class Leases:
    """The fair share of some named leases of a group that a replica holds, while somebody renews it.

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
        self.kept = database.get_collection("leases", write_concern=WriteConcern(w=1, j=False))
        self.group, self.holder, self.now = group, holder, now
        self._names = tuple(names)
        self._held: frozenset[str] = frozenset()
        self._until = now()

    def held(self) -> frozenset[str]:
        """The leases that are ours now."""
        return self._held if self.now() < self._until else frozenset()

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._held = frozenset()

    async def renew(self) -> None:
        """Renew these alone."""
        await renew([self])

    async def settle(self, holders: Mapping[str, str], now: datetime) -> None:
        """Give back what is too much, take what is free; `holders` are those of leases just renewed."""
        mark = f"{self.group}/replica/"
        if f"{mark}{self.holder}" not in holders:
            await self._join(f"{mark}{self.holder}", now)
        replicas = {key for key in holders if key.startswith(mark)} | {f"{mark}{self.holder}"}
        share = -(-len(self._names) // len(replicas))
        renewed = sorted(name for name in self._names if holders.get(self._key(name)) == self.holder)
        for name in renewed[share:]:
            await self.kept.update_one(
                {"_id": self._key(name), "holder": self.holder}, {"$set": {"expires_time": now}}
            )
        mine = set(renewed[:share])
        for name in self._names:
            if len(mine) >= share:
                break
            if self._key(name) not in holders and await self._take(self._key(name), now):
                mine.add(name)
        self._held, self._until = frozenset(mine), now + TTL

    async def _join(self, mark: str, now: datetime) -> None:
        """Share the work from now on; who has not for long is forgotten."""
        marks = {"$regex": f"^{re.escape(self.group)}/replica/"}
        await self.kept.delete_many({"_id": marks, "expires_time": {"$lte": now - GONE}})
        await self._take(mark, now)

    async def _take(self, key: str, now: datetime) -> bool:
        free = {"_id": key, "$or": [{"expires_time": {"$lte": now}}, {"holder": self.holder}]}
        taken = {"holder": self.holder, "group": self.group, "expires_time": now + TTL}
        try:
            await self.kept.update_one(free, {"$set": taken, "$inc": {"epoch": 1}}, upsert=True)
        except DuplicateKeyError:
            return False  # somebody else holds it
        return True

    def _key(self, name: str) -> str:
        return f"{self.group}/{name}"


async def renew(leases: Sequence[Leases]) -> None:
    """Renew leases of one replica, give back what is too much, take what is free."""
    one = leases[0]
    now = one.now()
    alive = {"group": {"$in": [each.group for each in leases]}, "expires_time": {"$gt": now}}
    await one.kept.update_many({**alive, "holder": one.holder}, {"$set": {"expires_time": now + TTL}})
    holders = {each["_id"]: each["holder"] async for each in one.kept.find(alive, {"holder": 1})}
    for each in leases:
        await each.settle(holders, now)


async def renewing(leases: Sequence[Leases]) -> None:
    """Take and renew the leases of one replica until cancelled, then give all back."""
    one, groups = leases[0], [each.group for each in leases]
    try:
        while True:
            try:
                await renew(leases)
            except PyMongoError as error:
                log("leases").warning("not renewed", groups=groups, error=type(error).__name__)
            await asyncio.sleep(RENEW_SECONDS)
    finally:
        for each in leases:
            each.let_go()
        await one.kept.update_many(
            {"holder": one.holder, "group": {"$in": groups}}, {"$set": {"expires_time": one.now()}}
        )
