"""What the members service keeps, bound to the transaction it is used in."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo import UpdateOne

from libs.common import mongo, outbox
from libs.common.errors import IdempotencyKeyReused
from libs.common.mongo import Database, Document, Request, Session
from libs.common.once_each import once_each
from services.members.domain.facts import Counts
from services.members.domain.intake import BusinessKey, Event, KnownEvent, Recording
from services.members.domain.members import Member, Partner, ProgramCalendar, Store
from services.members.repository.documents import (
    asleep_update,
    birthday_update,
    day_update,
    event_document,
    event_from,
    member_document,
    member_from,
    member_update,
    midnight,
    program_from,
    program_update,
    seen_update,
    tally_from,
)

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class MembersStore:
    """Reads and writes of one moment: inside a session, or outside any."""

    database: Database
    session: Session | None = None

    async def once(
        self,
        request: Request[M],
        work: Callable[["MembersStore"], Awaitable[M]],
        *,
        now: Callable[[], datetime],
    ) -> M:
        """Answer from the stored answer, or run work in one transaction and store the answer with it."""
        return await mongo.once(
            self.database, request, lambda session: work(MembersStore(self.database, session)), now=now
        )

    async def once_each(
        self,
        requests: Sequence[Request[M]],
        work: Callable[["MembersStore", Sequence[int]], Awaitable[Sequence[M]]],
        *,
        now: Callable[[], datetime],
    ) -> list[M | IdempotencyKeyReused]:
        """Answer requests from stored answers, or run work for those that are new, in one transaction."""
        return await once_each(
            self.database,
            requests,
            lambda session, new: work(MembersStore(self.database, session), new),
            now=now,
        )

    # Programs, stores, partners

    async def programs(self, program_ids: Iterable[str] | None = None) -> dict[str, ProgramCalendar]:
        """Those of these programs that are known, or all that are."""
        wanted: Document = {} if program_ids is None else {"_id": {"$in": sorted(set(program_ids))}}
        found = self.database.programs.find(wanted, session=self.session)
        return {each["_id"]: program_from(each) async for each in found}

    async def keep_programs(self, programs: Iterable[ProgramCalendar]) -> None:
        """Remember programs as they are now; the clocks of those that are remembered go on."""
        updates = [program_update(each) for each in programs]
        if updates:
            await self.database.programs.bulk_write(updates, ordered=False)

    async def move_clock(self, program_id: str, by: timedelta) -> None:
        """Move a replayed clock forward; of two at once, one runs again on what the other left."""
        moved = {"$inc": {"moved_ms": by // timedelta(milliseconds=1)}}
        await self.database.programs.update_one({"_id": program_id}, moved, session=self.session)

    async def start_clock(self, program_id: str, now: datetime) -> None:
        """Let a replayed clock tick from now on, unless it ticks already."""
        stopped = {"_id": program_id, "replay_from": {"$ne": None}, "started_time": None}
        await self.database.programs.update_one(
            stopped, {"$set": {"started_time": now}}, session=self.session
        )

    async def sharing_groups(self, program_id: str) -> dict[str, str]:
        """The stores of a program, with the sharing group of each."""
        stores = self.database.stores.find({"program_id": program_id}, session=self.session)
        return {store["store_id"]: store["sharing_group"] async for store in stores}

    async def store(self, program_id: str, store_id: str) -> Store | None:
        found = await self.database.stores.find_one({"_id": f"{program_id}/{store_id}"}, session=self.session)
        if found is None:
            return None
        return Store(program_id, store_id, found["display_name"], found["sharing_group"])

    async def add_store(self, store: Store) -> None:
        await self.database.stores.insert_one(
            {
                "_id": f"{store.program_id}/{store.store_id}",
                "program_id": store.program_id,
                "store_id": store.store_id,
                "display_name": store.display_name,
                "sharing_group": store.sharing_group,
            },
            session=self.session,
        )

    async def partner(self, program_id: str, partner_id: str) -> Partner | None:
        found = await self.database.partners.find_one(
            {"_id": f"{program_id}/{partner_id}"}, session=self.session
        )
        if found is None:
            return None
        return Partner(program_id, partner_id, found["display_name"], tuple(found["store_ids"]))

    async def add_partner(self, partner: Partner) -> None:
        await self.database.partners.insert_one(
            {
                "_id": f"{partner.program_id}/{partner.partner_id}",
                "program_id": partner.program_id,
                "display_name": partner.display_name,
                "store_ids": list(partner.store_ids),
            },
            session=self.session,
        )

    # Members

    async def members(self, program_id: str, member_ids: Iterable[str]) -> dict[str, Member]:
        ids = sorted(set(member_ids))
        wanted = {"_id": {"$in": ids}, "program_id": program_id}
        found = mongo.at_once(self.database.members.find(wanted, session=self.session), len(ids))
        return {document["_id"]: member_from(document) async for document in found}

    async def members_of_source(
        self, program_id: str, source: str, external_ids: Iterable[str]
    ) -> dict[str, Member]:
        """The members that a source has registered, by its own ids."""
        ids = sorted(set(external_ids))
        if not ids:
            return {}
        identity = {"$elemMatch": {"source": source, "external_id": {"$in": ids}}}
        wanted: Document = {
            "program_id": program_id,
            "identities.source": source,
            "identities.external_id": {"$in": ids},
            "identities": identity,
        }
        found = mongo.at_once(self.database.members.find(wanted, session=self.session), len(ids))
        members = [member_from(each) async for each in found]
        return {
            identity.external_id: member
            for member in members
            for identity in member.identities
            if identity.source == source
        }

    async def list_members(
        self,
        program_id: str,
        *,
        after: str | None,
        tier: tuple[str, str] | None,
        homes: Document,
        limit: int,
    ) -> list[Member]:
        """Members of these homes in the order of their ids, which is that of their registration here."""
        wanted: Document = {"program_id": program_id, **homes}
        if after is not None:
            wanted["_id"] = {"$gt": after}
        if tier is not None:
            wanted[f"tiers.{tier[0]}.tier"] = tier[1]
        found = self.database.members.find(wanted, session=self.session).sort("_id", 1).limit(limit)
        return [member_from(document) async for document in found]

    async def add_members(self, members: Sequence[Member]) -> None:
        if members:
            await self.database.members.insert_many(
                [member_document(each) for each in members], session=self.session
            )

    async def absent(self, program_id: str, until: datetime, limit: int) -> list[tuple[str, datetime]]:
        """Members who may not have been seen since then, and since when; they may have been seen later."""
        wanted = {"program_id": program_id, "absent_since": {"$lte": until}}
        found = self.database.members.find(wanted, {"absent_since": 1}, session=self.session)
        longest_first = found.sort([("absent_since", 1), ("_id", 1)]).limit(limit)
        return [(each["_id"], each["absent_since"]) async for each in longest_first]

    async def keep_absent(self, asleep: Sequence[Member], seen: Sequence[Member]) -> None:
        """Store who fell asleep, and from when on to look after those who were seen meanwhile."""
        updates = [*map(asleep_update, asleep), *map(seen_update, seen)]
        if updates:
            await self.database.members.bulk_write(updates, session=self.session)

    async def keep_birthday(self, member: Member) -> None:
        """Store a member's birthday."""
        await self.database.members.bulk_write([birthday_update(member)], session=self.session)

    async def set_birthdays_used(self, used: Mapping[str, datetime]) -> None:
        """Project from benefits when each got something for their birthday last; old news change nothing."""
        updates = [
            UpdateOne({"_id": member_id}, {"$max": {"birthday_used_time": time}})
            for member_id, time in sorted(used.items())
        ]
        if updates:
            await self.database.members.bulk_write(updates, ordered=False, session=self.session)

    async def set_tiers(self, held: Sequence[tuple[str, str, str, int]]) -> None:
        """Project (member, tier set, tier, seq) from benefits; an older one changes nothing."""
        updates = [
            UpdateOne(
                {
                    "_id": member_id,
                    "$or": [
                        {f"tiers.{tier_set}": {"$exists": False}},
                        {f"tiers.{tier_set}.seq": {"$lt": seq}},
                    ],
                },
                {"$set": {f"tiers.{tier_set}": {"tier": tier, "seq": seq}}},
            )
            for member_id, tier_set, tier, seq in held
        ]
        if updates:
            await self.database.members.bulk_write(updates, ordered=False, session=self.session)

    # Events

    async def known_events(
        self, program_id: str, source: str, keys: Iterable[BusinessKey]
    ) -> dict[BusinessKey, KnownEvent]:
        """What a source has sent under these keys."""
        wanted_keys = list(keys)
        wanted = {
            "program_id": program_id,
            "source": source,
            # A till may use one reference all day, so its lines and kinds bound what is read.
            "external_ref": {"$in": sorted({key.external_ref for key in wanted_keys})},
            "line": {"$in": sorted({key.line for key in wanted_keys})},
            "kind": {"$in": sorted({key.kind for key in wanted_keys})},
        }
        wanted_fields = ("external_ref", "line", "kind", "payload_digest", "member_id", "seq", "amount_minor")
        cursor = self.database.events.find(wanted, dict.fromkeys(wanted_fields, 1), session=self.session)
        found = mongo.at_once(cursor, len(wanted_keys))
        return {
            BusinessKey(each["external_ref"], each["line"], each["kind"]): KnownEvent(
                each["_id"], each["member_id"], each["seq"], each["amount_minor"], each["payload_digest"]
            )
            async for each in found
        }

    async def refunded(
        self, program_id: str, source: str, purchases: Iterable[BusinessKey]
    ) -> dict[BusinessKey, int]:
        """What a source has refunded of these purchases already."""
        references = sorted({purchase.external_ref for purchase in purchases})
        if not references:
            return {}
        of_purchases = {
            "program_id": program_id,
            "source": source,
            "original.external_ref": {"$in": references},
        }
        given_back: dict[BusinessKey, int] = defaultdict(int)
        async for each in self.database.events.find(
            of_purchases, {"original": 1, "amount_minor": 1}, session=self.session
        ):
            original = each["original"]
            given_back[BusinessKey(original["external_ref"], original["line"], "purchase")] += each[
                "amount_minor"
            ]
        return dict(given_back)

    async def keep_recording(
        self,
        recording: Recording,
        before: Mapping[str, Member],
        announcements: Callable[[], Sequence[Document]],
    ) -> None:
        """Store new events with what they change of members as they were before: these, days and the outbox.

        What is written next is made while the database is busy with the last.
        """
        if not recording.events:
            return
        assert self.session is not None, "all of it or nothing"
        events = [event_document(each) for each in recording.events]
        members, days = await mongo.meanwhile(
            self.database.events.insert_many(events, session=self.session),
            lambda: _updates(recording, before),
        )
        rows = await mongo.meanwhile(
            mongo.update_each(self.database.members, members, self.session), announcements
        )
        await mongo.update_each(self.database.member_days, days, self.session)
        await self.announce(rows)

    async def announce(self, rows: Sequence[Document]) -> None:
        await outbox.announce(self.database, rows, self.session)

    async def list_events(self, member_id: str, *, after_seq: int, limit: int) -> list[Event]:
        wanted = {"member_id": member_id, "seq": {"$gt": after_seq}}
        found = self.database.events.find(wanted, session=self.session).sort("seq", 1).limit(limit)
        return [event_from(document) async for document in found]

    async def days_before(self, upto: dict[str, date]) -> dict[str, dict[date, dict[str, Counts]]]:
        """The tallies of each member's days before a day of theirs."""
        days: dict[str, dict[date, dict[str, Counts]]] = defaultdict(dict)
        wanted = {"member_id": {"$in": sorted(upto)}, "date": {"$lt": midnight(max(upto.values()))}}
        async for found in self.database.member_days.find(wanted, session=self.session):
            day = found["date"].date()
            if day < upto[found["member_id"]]:
                days[found["member_id"]][day] = tally_from(found["kinds"])
        return dict(days)

    async def events_of_days(self, upto: dict[str, set[date]]) -> dict[str, list[Event]]:
        """The events of some days of members."""
        events: dict[str, list[Event]] = defaultdict(list)
        wanted = {
            "member_id": {"$in": sorted(upto)},
            "business_date": {"$in": [midnight(day) for day in sorted(set().union(*upto.values()))]},
        }
        async for found in self.database.events.find(wanted, session=self.session):
            if found["business_date"].date() in upto[found["member_id"]]:
                events[found["member_id"]].append(event_from(found))
        return dict(events)

    async def events_after(self, seqs: dict[str, int], upto: dict[str, date]) -> dict[str, list[Event]]:
        """The events of members after a sequence of theirs that are of days before a day of theirs."""
        events: dict[str, list[Event]] = defaultdict(list)
        if not seqs:
            return {}
        each_member = [
            {"member_id": member_id, "seq": {"$gt": seq}, "business_date": {"$lt": midnight(upto[member_id])}}
            for member_id, seq in sorted(seqs.items())
        ]
        async for found in self.database.events.find({"$or": each_member}, session=self.session):
            events[found["member_id"]].append(event_from(found))
        return dict(events)

    async def positions(self, program_id: str | None) -> dict[str, tuple[int, int]]:
        """Members and the sum of their sequences, by program."""
        group: list[dict[str, Any]] = [
            {"$match": {} if program_id is None else {"program_id": program_id}},
            {"$group": {"_id": "$program_id", "count": {"$sum": 1}, "seq": {"$sum": "$seq"}}},
        ]
        return {
            each["_id"]: (each["count"], each["seq"]) async for each in self.database.members.aggregate(group)
        }


def _updates(recording: Recording, before: Mapping[str, Member]) -> tuple[list[Document], list[Document]]:
    """What new events change of members, and of their days."""
    members = [member_update(before[each], recording.members[each]) for each in sorted(recording.members)]
    days = [day_update(*day, kinds) for day, kinds in sorted(recording.days().items())]
    return members, days
