"""What the benefits service keeps, bound to the transaction it is used in."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo import UpdateOne

from libs.common import mongo, outbox
from libs.common.errors import IdempotencyKeyReused
from libs.common.mongo import Database, Document, Request, Session
from libs.common.once_each import once_each
from libs.common.outbox import Announcement
from libs.common.program import Program
from services.benefits.domain.memberships import Decision, Membership
from services.benefits.domain.programs import Version
from services.benefits.repository.documents import EffectDocuments, decision_from, membership_from

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

    # Memberships and decisions

    async def memberships(self, member_ids: Iterable[str]) -> dict[str, Membership]:
        """The memberships of members, by membership id."""
        wanted = {"member_id": {"$in": sorted(set(member_ids))}}
        found = self.database.memberships.find(wanted, session=self.session)
        return {document["_id"]: membership_from(document) async for document in found}

    async def membership_versions(self, membership_ids: Collection[str]) -> dict[str, int]:
        """The versions of those of some memberships that there are."""
        found = self.database.memberships.find(
            {"_id": {"$in": sorted(membership_ids)}}, {"version": 1}, session=self.session
        )
        return {
            document["_id"]: document["version"]
            async for document in mongo.at_once(found, len(membership_ids))
        }

    async def memberships_of(self, membership_ids: Iterable[str]) -> list[Membership]:
        """Those of some memberships that there are."""
        found = self.database.memberships.find({"_id": {"$in": sorted(membership_ids)}}, session=self.session)
        return [membership_from(document) async for document in found]

    async def memberships_after(self, program_id: str, after: str, *, limit: int) -> list[Membership]:
        """Memberships of a program in the order of their ids, after one of them."""
        found = self.database.memberships.find(_of_program(program_id, after), session=self.session)
        page = mongo.at_once(found.sort("_id", 1).limit(limit), limit)
        return [membership_from(document) async for document in page]

    async def memberships_between(
        self, program_id: str, members: tuple[str, str], *, after: str | None, limit: int
    ) -> list[Membership]:
        """Memberships of members behind one and up to another, where these are named, in the order of ids."""
        first, last = members
        # What follows / in the order of characters is 0.
        within: Document = {
            "$gt": after or f"{program_id}/{first}{'0' if first else ''}",
            "$lt": f"{program_id}/{last}0" if last else f"{program_id}0",
        }
        found = self.database.memberships.find({"_id": within}, session=self.session)
        return [membership_from(document) async for document in found.sort("_id", 1).limit(limit)]

    async def memberships_count(self, program_id: str) -> int:
        """How many memberships a program has; each is looked at, in the index alone."""
        return await self.database.memberships.count_documents(_of_program(program_id), session=self.session)

    async def memberships_to_review(
        self, program_id: str, *, until: datetime, limit: int
    ) -> list[tuple[str, datetime]]:
        """The memberships whose terms are over by a time, and when that was, the longest first."""
        found = self.database.memberships.find(
            {"program_id": program_id, "review_time": {"$lte": until}}, {"review_time": 1}
        )
        ordered = found.sort([("review_time", 1), ("_id", 1)]).limit(limit)
        return [(each["_id"], each["review_time"]) async for each in ordered]

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

    async def keep_effects(self, documents: EffectDocuments) -> None:
        """Store memberships and decisions of several members."""
        assert self.session is not None, "all of it or nothing"
        await self.database.decisions.insert_many(documents.decisions, session=self.session)
        await mongo.update_each(self.database.memberships, documents.memberships, self.session)

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


def _of_program(program_id: str, after: str = "") -> Document:
    """Memberships of a program, after one of them: ids begin with the program."""
    # What follows / in the order of characters is 0.
    return {"_id": {"$gt": after or f"{program_id}/", "$lt": f"{program_id}0"}}


def _version_from(document: Document) -> Version:
    stored = bytes(document["document"])
    return Version(Program.parse(stored), document["digest"], document["effective_time"], stored)
