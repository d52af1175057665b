"""What the benefits service keeps, bound to the transaction it is used in."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo import ReplaceOne, UpdateOne

from libs.common import mongo, outbox
from libs.common.errors import IdempotencyKeyReused
from libs.common.mongo import Database, Document, Request, Session
from libs.common.once_each import once_each
from libs.common.outbox import Announcement
from libs.common.program import Program
from services.benefits.domain.effects import Effect
from services.benefits.domain.memberships import Decision, Membership
from services.benefits.domain.programs import Version
from services.benefits.repository.documents import (
    decision_document,
    decision_from,
    membership_document,
    membership_from,
)

M = TypeVar("M", bound=Message)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BenefitsStore:
    """Reads and writes of one moment: inside a session, or outside any."""

    database: Database
    session: Session | None = None

    async def once(
        self,
        request: Request[M],
        work: Callable[["BenefitsStore"], Awaitable[M]],
        *,
        now: Callable[[], datetime],
    ) -> M:
        """Answer from the stored answer, or run work in one transaction and store the answer with it."""
        return await mongo.once(
            self.database, request, lambda session: work(BenefitsStore(self.database, session)), now=now
        )

    async def once_each(
        self,
        requests: Sequence[Request[M]],
        work: Callable[["BenefitsStore", Sequence[int]], Awaitable[Sequence[M]]],
        *,
        now: Callable[[], datetime],
    ) -> list[M | IdempotencyKeyReused]:
        """Answer requests from stored answers, or run work for those that are new, in one transaction."""
        return await once_each(
            self.database,
            requests,
            lambda session, new: work(BenefitsStore(self.database, session), new),
            now=now,
        )

    async def transaction(self, work: Callable[["BenefitsStore"], Awaitable[T]]) -> T:
        """Run work in one transaction, again until it commits."""
        return await mongo.transaction(
            self.database.client, lambda session: work(BenefitsStore(self.database, session))
        )

    # Programs

    async def live_programs(self, program_ids: Iterable[str]) -> dict[str, Version]:
        """The live version of each program that there is."""
        latest: list[dict[str, Any]] = [
            {"$match": {"program_id": {"$in": sorted(set(program_ids))}, "status": "live"}},
            {"$sort": {"program_id": 1, "version": -1}},
            {"$group": {"_id": "$program_id", "found": {"$first": "$$ROOT"}}},
        ]
        found = self.database.programs.aggregate(latest, session=self.session)
        return {each["_id"]: _version_from(each["found"]) async for each in found}

    async def program_ids(self) -> list[str]:
        """The programs that there are."""
        return sorted(await self.database.programs.distinct("program_id", session=self.session))

    async def add_program(self, version: Version, now: datetime) -> None:
        """Keep a version that is live from now on; one of the same number lets nobody in twice."""
        await self.database.programs.update_many(
            {"program_id": version.program_id, "status": "live"},
            {"$set": {"status": "retired"}},
            session=self.session,
        )
        await self.database.programs.insert_one(
            {
                "_id": f"{version.program_id}@{version.program.version}",
                "program_id": version.program_id,
                "version": version.program.version,
                "document": version.document,
                "digest": version.digest,
                "status": "live",
                "effective_time": version.effective_time,
                "recorded_time": now,
            },
            session=self.session,
        )

    # Memberships and decisions

    async def memberships(self, member_ids: Iterable[str]) -> dict[str, Membership]:
        """The memberships of members, by membership id."""
        wanted = {"member_id": {"$in": sorted(set(member_ids))}}
        found = self.database.memberships.find(wanted, session=self.session)
        return {document["_id"]: membership_from(document) async for document in found}

    async def decisions(self, decision_ids: Iterable[str]) -> dict[str, Decision]:
        found = self.database.decisions.find(
            {"_id": {"$in": sorted(set(decision_ids))}}, session=self.session
        )
        return {document["_id"]: decision_from(document) async for document in found}

    async def tier_changes(self, membership_id: str, limit: int) -> list[Decision]:
        """The decisions that changed the tier, latest first."""
        changed = {"membership": membership_id, "changed": True}
        found = self.database.decisions.find(changed, session=self.session).sort("seq", -1).limit(limit)
        return [decision_from(document) async for document in found]

    async def keep_effects(self, effects: Sequence[Effect], now: datetime) -> None:
        """Store memberships and decisions of several members."""
        decisions = [decision_document(decision, now) for effect in effects for decision in effect.decisions]
        memberships = [
            ReplaceOne({"_id": after.membership_id}, membership_document(after), upsert=True)
            for effect in effects
            for after in effect.after
        ]
        await self.database.decisions.insert_many(decisions, session=self.session)
        await self.database.memberships.bulk_write(memberships, ordered=False, session=self.session)

    async def announce(self, announcements: Sequence[Announcement], now: datetime) -> list[int]:
        """Store announcements, each with the next place among its member's changes; gives these places."""
        if not announcements:
            return []
        places = await self._change_places(Counter(each.member_id for each in announcements))
        taken = [next(places[each.member_id]) for each in announcements]
        rows = [each.row(place, now) for each, place in zip(announcements, taken, strict=True)]
        await outbox.announce(self.database, rows, self.session)
        return taken

    async def change_place(self, member_id: str) -> int:
        """The place of a member's latest change; 0 before the first."""
        found = await self.database.member_changes.find_one({"_id": member_id}, session=self.session)
        return 0 if found is None else int(found["seq"])

    async def _change_places(self, taken: Mapping[str, int]) -> dict[str, Iterator[int]]:
        """Take so many places of each member: what counts from the next one on."""
        changes = self.database.member_changes
        found = changes.find({"_id": {"$in": sorted(taken)}}, session=self.session)
        last = {document["_id"]: document["seq"] async for document in found}
        await changes.bulk_write(
            [
                UpdateOne({"_id": member_id}, {"$inc": {"seq": taken[member_id]}}, upsert=True)
                for member_id in sorted(taken)
            ],
            ordered=False,
            session=self.session,
        )
        return {member_id: count(last.get(member_id, 0) + 1) for member_id in taken}

    async def positions(self, program_id: str | None) -> dict[str, tuple[int, int]]:
        """Members and the sum of their applied sequences, by program.

        A member with several tier sets counts once, with the sequence that
        all of them have applied.
        """
        group: list[dict[str, Any]] = [
            {"$match": {} if program_id is None else {"program_id": program_id}},
            {
                "$group": {
                    "_id": {"program": "$program_id", "member": "$member_id"},
                    "applied": {"$min": "$applied_seq"},
                }
            },
            {"$group": {"_id": "$_id.program", "count": {"$sum": 1}, "applied": {"$sum": "$applied"}}},
        ]
        totals: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        async for each in self.database.memberships.aggregate(group, allowDiskUse=True):
            totals[each["_id"]] = (each["count"], each["applied"])
        return dict(totals)


def _version_from(document: Document) -> Version:
    stored = bytes(document["document"])
    return Version(Program.parse(stored), document["digest"], document["effective_time"], stored)
