"""The sequencer: gives records their place in the chain of their program, and signs the head."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path

from prometheus_client import Gauge
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from libs.common import mongo
from libs.common.chains.anchors import Anchors
from libs.common.chains.chain import Head, link, origin
from libs.common.chains.documents import head_document, head_from
from libs.common.chains.keys import ChainSigner
from libs.common.failures import kind
from libs.common.leases import Leases
from libs.common.mongo import Collection, Database, Document, Session
from libs.common.telemetry import log

SEQUENCER = "sequencer"
BATCH = 500
TICK_SECONDS = 0.25
COUNTED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Chained:
    """Records that are chained: where they, the heads of their chains and the roots of their days are.

    A record has `program_id`, `recorded_time`, a digest of what is covered in
    the field `digest`, and the mark `unsequenced` until it has its place.
    `roots` is empty where days get none.
    """

    chain: str
    records: str
    heads: str
    digest: str
    waiting_count: Gauge
    waiting_seconds: Gauge
    sweep_seconds: float = 1.0
    roots: str = ""


class Sequencer:
    """Chains what waits, a batch per program and sweep, and keeps the signed heads apart.

    Positions and head are stored in one transaction. Two sequencers at once,
    as when a lease changes hands, begin at the same end of the chain; the
    positions are unique, so the transaction of one of them fails and begins
    again behind the other's.
    """

    def __init__(
        self,
        chained: Chained,
        database: Database,
        leases: Leases,
        signer: ChainSigner,
        *,
        heads_file: Path | None,
        now: Callable[[], datetime],
    ) -> None:
        self._chained, self._database, self._leases = chained, database, leases
        self._signer, self._now = signer, now
        self._records, self._heads = database[chained.records], database[chained.heads]
        self._anchors = Anchors(database, chained.heads, heads_file, head_from)

    async def run(self) -> None:
        """Chain until cancelled; what is down is waited for."""
        while True:
            held = SEQUENCER in self._leases.held()
            try:
                while SEQUENCER in self._leases.held() and await self.sweep() >= BATCH:
                    pass  # there may be more; a few are left for the next sweep, as each makes a head
            except (PyMongoError, OSError) as error:
                log("audit").warning("sweep interrupted", chain=self._chained.records, error=kind(error))
            await self._measure()
            await self._rest(held=held)

    async def _rest(self, *, held: bool) -> None:
        """Wait for the next sweep, or until the lease becomes ours: then something may have waited long."""
        ticks = max(1, round(self._chained.sweep_seconds / TICK_SECONDS))
        for _ in range(ticks):
            await asyncio.sleep(self._chained.sweep_seconds / ticks)
            if not held and SEQUENCER in self._leases.held():
                return

    async def sweep(self) -> int:
        """Chain a batch of every program with records waiting, then keep the heads apart; gives how many."""
        count = 0
        for program_id in await self._records.distinct("program_id", {"unsequenced": True}):
            try:
                count += await self._chain(program_id)
            except Exception:  # one program's trouble must not hold up the others
                log("audit").exception("not chained", chain=self._chained.records, program_id=str(program_id))
        await self._anchors.keep()
        return count

    async def _chain(self, program_id: str) -> int:
        """Chain a batch of one program; gives how many records it had."""

        async def attempt(session: Session) -> int:
            position, chain_hash = await self._end(program_id, session)
            waiting = {"unsequenced": True, "program_id": program_id, "position": {"$exists": False}}
            digest = self._chained.digest
            found = self._records.find(waiting, {digest: 1}, session=session).sort("_id", 1)
            placed = []
            async for each in found.limit(BATCH):
                position += 1
                chain_hash = link(chain_hash, position=position, record_digest=str(each.get(digest)))
                place = {"position": position, "chain_hash": chain_hash}
                placed.append(UpdateOne({"_id": each["_id"]}, {"$set": place, "$unset": {"unsequenced": ""}}))
            if placed:
                await self._records.bulk_write(placed, session=session)
                head = self._signer.signed(self._head(program_id, position, chain_hash))
                await self._heads.insert_one(head_document(head), session=session)
            return len(placed)

        return await mongo.transaction(self._database.client, attempt)

    def _head(self, program_id: str, position: int, chain_hash: str) -> Head:
        return Head(
            service=self._signer.service,
            program_id=program_id,
            position=position,
            chain_hash=chain_hash,
            signed_time=self._now(),
            chain=self._chained.chain,
        )

    async def _end(self, program_id: str, session: Session) -> tuple[int, str]:
        """Where the chain ends: at its last head, which is its last record.

        Unless somebody has tampered with them: then it goes on from the
        further one, so that what was taken away leaves a gap.
        """
        ends = [
            (int(found["position"]), str(found.get("chain_hash")))
            for found in (
                await self._last(self._heads, program_id, session),
                await self._last(self._records, program_id, session),
            )
            if found is not None
        ]
        if not ends:
            return 0, origin(service=self._signer.service, program_id=program_id, chain=self._chained.chain)
        if len(ends) == 1 or ends[0] != ends[1]:
            log("audit").error(
                "the chain differs from its head, verify it",
                chain=self._chained.records,
                program_id=program_id,
            )
        return max(ends, key=itemgetter(0))

    async def _last(self, collection: Collection, program_id: str, session: Session) -> Document | None:
        chained = {"program_id": program_id, "position": {"$gt": 0}}
        fields = {"position": 1, "chain_hash": 1}
        return await collection.find_one(chained, fields, sort=[("position", -1)], session=session)

    async def _measure(self) -> None:
        """How many records wait, counted up to a bound, and how long the oldest has waited."""
        age = {"$max": {"$subtract": ["$$NOW", "$recorded_time"]}}
        waiting: list[Document] = [
            {"$match": {"unsequenced": True, "recorded_time": {"$type": "date"}}},
            {"$limit": COUNTED_MAX},
            {"$group": {"_id": None, "count": {"$sum": 1}, "age_ms": age}},
        ]
        service = self._signer.service
        try:
            found = [each async for each in self._records.aggregate(waiting)]
        except PyMongoError:
            for gauge in (self._chained.waiting_count, self._chained.waiting_seconds):
                gauge.remove(service)  # an old number looks like a new one
            return
        count, age_ms = (found[0]["count"], found[0]["age_ms"]) if found else (0, 0)
        self._chained.waiting_count.labels(service).set(count)
        self._chained.waiting_seconds.labels(service).set(max(age_ms, 0) / 1000)
