"""The sequencer: gives audit records their place in the chain of their program, and signs the head."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from pathlib import Path

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from libs.common import mongo
from libs.common.audit.chain import Head, link, origin
from libs.common.audit.heads import append_heads
from libs.common.audit.keys import HeadSigner
from libs.common.audit.records import CODEC, head_document, head_from
from libs.common.failures import kind
from libs.common.leases import Leases
from libs.common.mongo import Collection, Database, Document, Session
from libs.common.telemetry import AUDIT_UNSEQUENCED, AUDIT_UNSEQUENCED_AGE_SECONDS, log

SEQUENCER = "sequencer"
BATCH = 500
SWEEP_SECONDS = 1.0
COUNTED_MAX = 100_000


class Sequencer:
    """Chains what waits, a batch per program and sweep, and keeps the signed heads apart.

    Positions and head are stored in one transaction. Two sequencers at once,
    as when a lease changes hands, begin at the same end of the chain; the
    positions are unique, so the transaction of one of them fails and begins
    again behind the other's.
    """

    def __init__(
        self,
        database: Database,
        leases: Leases,
        signer: HeadSigner,
        *,
        service: str,
        heads_file: Path | None,
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._leases, self._signer = database, leases, signer
        self._service, self._heads_file, self._now = service, heads_file, now

    async def run(self) -> None:
        """Chain until cancelled; what is down is waited for."""
        while True:
            try:
                while SEQUENCER in self._leases.held() and await self.sweep():
                    pass
            except (PyMongoError, OSError) as error:
                log("audit").warning("sweep interrupted", error=kind(error))
            await self._measure()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Chain a batch of every program with records waiting, then keep the heads apart; gives how many."""
        count = 0
        for program_id in await self._database.audit.distinct("program_id", {"unsequenced": True}):
            try:
                count += await self._chain(program_id)
            except Exception:  # one program's trouble must not hold up the others
                log("audit").exception("not chained", program_id=str(program_id))
        await self.anchor()
        return count

    async def _chain(self, program_id: str) -> int:
        """Chain a batch of one program; gives how many records it had."""

        async def attempt(session: Session) -> int:
            position, chain_hash = await self._end(program_id, session)
            waiting = {"unsequenced": True, "program_id": program_id, "position": {"$exists": False}}
            found = self._database.audit.find(waiting, {"digest": 1}, session=session).sort("_id", 1)
            placed = []
            async for each in found.limit(BATCH):
                position += 1
                chain_hash = link(chain_hash, position=position, record_digest=str(each.get("digest")))
                place = {"position": position, "chain_hash": chain_hash}
                placed.append(UpdateOne({"_id": each["_id"]}, {"$set": place, "$unset": {"unsequenced": ""}}))
            if placed:
                await self._database.audit.bulk_write(placed, session=session)
                head = self._signer.head(
                    program_id=program_id, position=position, chain_hash=chain_hash, now=self._now()
                )
                await self._database.audit_heads.insert_one(head_document(head), session=session)
            return len(placed)

        return await mongo.transaction(self._database.client, attempt)

    async def _end(self, program_id: str, session: Session) -> tuple[int, str]:
        """Where the chain ends: at its last head, which is its last record.

        Unless somebody has tampered with them: then it goes on from the
        further one, so that what was taken away leaves a gap.
        """
        ends = [
            (int(found["position"]), str(found.get("chain_hash")))
            for found in (
                await self._last(self._database.audit_heads, program_id, session),
                await self._last(self._database.audit, program_id, session),
            )
            if found is not None
        ]
        if not ends:
            return 0, origin(service=self._service, program_id=program_id)
        if len(ends) == 1 or ends[0] != ends[1]:
            log("audit").error("the chain differs from its head, verify it", program_id=program_id)
        return max(ends, key=itemgetter(0))

    async def _last(self, collection: Collection, program_id: str, session: Session) -> Document | None:
        chained = {"program_id": program_id, "position": {"$gt": 0}}
        fields = {"position": 1, "chain_hash": 1}
        return await collection.find_one(chained, fields, sort=[("position", -1)], session=session)

    async def anchor(self) -> None:
        """Keep apart the heads that are not yet: in the file, if there is one, and in the log.

        Those that a crash has kept from being marked are appended again.
        """
        heads = self._database.get_collection("audit_heads", codec_options=CODEC)
        order = [("program_id", 1), ("position", 1)]
        while found := [each async for each in heads.find({"unanchored": True}).sort(order).limit(BATCH)]:
            signed = [head_from(each) for each in found]
            if self._heads_file is not None:
                await asyncio.to_thread(append_heads, self._heads_file, signed)
            for head in signed:
                self._tell(head)
            kept = {"_id": {"$in": [each["_id"] for each in found]}}
            await heads.update_many(kept, {"$unset": {"unanchored": ""}})

    def _tell(self, head: Head) -> None:
        log("audit").info(
            "audit head",
            program_id=head.program_id,
            position=head.position,
            chain_hash=head.chain_hash,
            signed_time=head.signed_time.isoformat(),
            key_id=head.key_id,
            signature=head.signature,
        )

    async def _measure(self) -> None:
        """How many records wait, counted up to a bound, and how long the oldest has waited."""
        age = {"$max": {"$subtract": ["$$NOW", "$recorded_time"]}}
        waiting: list[Document] = [
            {"$match": {"unsequenced": True, "recorded_time": {"$type": "date"}}},
            {"$limit": COUNTED_MAX},
            {"$group": {"_id": None, "count": {"$sum": 1}, "age_ms": age}},
        ]
        try:
            found = [each async for each in self._database.audit.aggregate(waiting)]
        except PyMongoError:
            for gauge in (AUDIT_UNSEQUENCED, AUDIT_UNSEQUENCED_AGE_SECONDS):
                gauge.remove(self._service)  # an old number looks like a new one
            return
        count, age_ms = (found[0]["count"], found[0]["age_ms"]) if found else (0, 0)
        AUDIT_UNSEQUENCED.labels(self._service).set(count)
        AUDIT_UNSEQUENCED_AGE_SECONDS.labels(self._service).set(max(age_ms, 0) / 1000)
