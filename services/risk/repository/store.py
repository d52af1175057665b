"""What the risk service keeps, bound to the transaction it is used in."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common import mongo, outbox
from libs.common.mongo import Database, Document, Request, Session
from services.risk.domain.profiles import Change, Profile
from services.risk.domain.reports import Report, Status
from services.risk.domain.standing import REPORTS_MAX, Standing
from services.risk.repository.documents import (
    change_document,
    change_from,
    profile_from,
    profile_update,
    report_from,
    report_update,
)

M = TypeVar("M", bound=Message)

_WITHOUT_NOTE = {"note": 0}


@dataclass(frozen=True, slots=True)
class RiskStore:
    """Reads and writes of one moment: inside a session, or outside any."""

    database: Database
    session: Session | None = None

    async def transaction(self, work: Callable[["RiskStore"], Awaitable[None]]) -> None:
        """Run work in one transaction, again until it commits."""
        await mongo.transaction(self.database.client, lambda session: work(RiskStore(self.database, session)))

    async def once(
        self,
        request: Request[M],
        work: Callable[["RiskStore"], Awaitable[M]],
        *,
        now: Callable[[], datetime],
    ) -> M:
        """Answer from the stored answer, or run work in one transaction and store the answer with it."""
        return await mongo.once(
            self.database, request, lambda session: work(RiskStore(self.database, session)), now=now
        )

    # Profiles

    async def profiles(self, member_ids: Iterable[str]) -> dict[str, Profile]:
        found = self.database.profiles.find({"_id": {"$in": sorted(set(member_ids))}}, session=self.session)
        return {document["_id"]: profile_from(document["_id"], document) async for document in found}

    async def standing(self, program_id: str, member_id: str) -> Standing | None:
        """The profile of a member of the program, with the reports that count towards it."""
        profile = (await self.profiles([member_id])).get(member_id)
        if profile is None or profile.program_id != program_id:
            return None
        counted = self.database.reports.find(
            {"member_id": member_id, "counts": True}, _WITHOUT_NOTE, session=self.session
        )
        reports = [report_from(document) for document in await counted.to_list(REPORTS_MAX)]
        return Standing(profile, tuple(reports))

    async def keep(
        self,
        profiles: Sequence[Profile],
        changes: Sequence[Change],
        reports: Sequence[Report],
        announcements: Sequence[Document],
    ) -> None:
        """Store profiles and reports with every change that there was and what is announced of it."""
        for collection, updates in (
            (self.database.profiles, [profile_update(each) for each in profiles]),
            (self.database.reports, [report_update(each) for each in reports]),
        ):
            if updates:
                await collection.bulk_write(updates, ordered=False, session=self.session)
        if changes:
            documents = [change_document(each) for each in changes]
            await self.database.integrity_changes.insert_many(documents, session=self.session)
        await outbox.announce(self.database, announcements, self.session)

    async def changes(self, member_id: str, limit: int) -> list[Change]:
        """The changes of a member, latest first."""
        found = self.database.integrity_changes.find({"member_id": member_id}, session=self.session)
        return [change_from(document) async for document in found.sort("seq", -1).limit(limit)]

    async def due_members(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Program and id of the members of whom a report has ended by now, who waits longest first."""
        due = self.database.profiles.find({"next_change_time": {"$lte": now}}, {"program_id": 1})
        found = due.sort("next_change_time", 1).limit(limit)
        return [(document["program_id"], document["_id"]) async for document in found]

    # Reports

    async def report(self, program_id: str, report_id: str) -> Report | None:
        wanted = {"_id": report_id, "program_id": program_id}
        found = await self.database.reports.find_one(wanted, _WITHOUT_NOTE, session=self.session)
        return None if found is None else report_from(found)

    async def list_reports(
        self, program_id: str, *, status: Status | None, member_id: str, after: str | None, limit: int
    ) -> list[Report]:
        """Reports with their notes, oldest first."""
        wanted: Document = {"program_id": program_id}
        if status is not None:
            wanted["status"] = status
        if member_id:
            wanted["member_id"] = member_id
        if after is not None:
            wanted["_id"] = {"$gt": after}
        found = self.database.reports.find(wanted).sort("_id", 1).limit(limit)
        return [report_from(document) async for document in found]

    async def positions(self, program_id: str | None) -> dict[str, tuple[int, int]]:
        """Members and the sum of their applied sequences, by program."""
        group: list[dict[str, Any]] = [
            {"$match": {} if program_id is None else {"program_id": program_id}},
            {"$group": {"_id": "$program_id", "count": {"$sum": 1}, "applied": {"$sum": "$applied_seq"}}},
        ]
        return {
            each["_id"]: (each["count"], each["applied"])
            async for each in self.database.profiles.aggregate(group)
        }
