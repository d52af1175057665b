"""What the benefits service keeps, bound to the transaction it is used in."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo import ReplaceOne, ReturnDocument

from libs.common import mongo
from libs.common.mongo import Database, Document, Request, Session
from libs.common.program import Program
from services.benefits.domain.ledger import Account, Entry, Posting, Transaction
from services.benefits.domain.memberships import Decision, Effect, Membership
from services.benefits.domain.programs import Version
from services.benefits.domain.verification import StoredEntry, StoredLot, StoredTransaction
from services.benefits.repository.documents import (
    account_from,
    decision_document,
    decision_from,
    entry_document,
    entry_from,
    lot_document,
    lot_from,
    membership_document,
    membership_from,
    transaction_document,
    transaction_from,
)

M = TypeVar("M", bound=Message)

PROGRAMS_TOLD = 1_000
SUMMING_MS = 30_000


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

    async def transaction(self, work: Callable[["BenefitsStore"], Awaitable[None]]) -> None:
        """Run work in one transaction, again until it commits."""
        await mongo.transaction(
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
                "document": version.program.canonical(),
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

    async def announce(self, rows: Sequence[Document]) -> None:
        if rows:
            await self.database.outbox.insert_many(list(rows), session=self.session)

    # Ledger

    async def take_issuer(self, issuer: Account, *, points: int, entries: int) -> Account:
        """Move the issuer's stripe by all that a transaction will issue; gives it as it was before.

        First in the transaction, and one update per transaction, so that two
        of them meet here and nowhere later.
        """
        before = await self.database.accounts.find_one_and_update(
            {"_id": issuer.account_id},
            {
                "$inc": {"balance": -points, "seq": entries},
                "$setOnInsert": {
                    "program_id": issuer.program_id,
                    "owner": issuer.owner,
                    "currency": issuer.currency,
                    "stripe": issuer.stripe,
                    "held": 0,
                },
            },
            upsert=True,
            return_document=ReturnDocument.BEFORE,
            session=self.session,
        )
        return issuer if before is None else account_from(before)

    async def accounts(self, account_ids: Iterable[str]) -> dict[str, Account]:
        found = self.database.accounts.find({"_id": {"$in": sorted(set(account_ids))}}, session=self.session)
        return {document["_id"]: account_from(document) async for document in found}

    async def keep_posting(self, posting: Posting, *, but: str) -> None:
        """Store a posting; the account `but` is the issuer's, which was moved already."""
        accounts = [
            ReplaceOne({"_id": account.account_id}, _account_document(account), upsert=True)
            for account in posting.accounts.values()
            if account.account_id != but
        ]
        if accounts:
            await self.database.accounts.bulk_write(accounts, ordered=False, session=self.session)
        await self._insert("transactions", [transaction_document(each) for each in posting.transactions])
        await self._insert("entries", [entry_document(each) for each in posting.entries])
        await self._insert("lots", [lot_document(each) for each in posting.lots])

    async def _insert(self, collection: str, documents: list[Document]) -> None:
        if documents:
            await self.database[collection].insert_many(documents, session=self.session)

    async def latest_entries(self, account_id: str, limit: int) -> list[StoredEntry]:
        """The entries of an account, latest first."""
        found = self.database.entries.find({"account_id": account_id}, session=self.session)
        return [_stored_entry(document) async for document in found.sort("seq", -1).limit(limit)]

    async def ledger_transactions(self, transaction_ids: Iterable[str]) -> dict[str, Transaction]:
        wanted = {"_id": {"$in": sorted(set(transaction_ids))}}
        found = self.database.transactions.find(wanted, session=self.session)
        return {document["_id"]: transaction_from(document) async for document in found}

    # Verification reads whole collections in the order in which they belong together.

    def every_account(self, program_id: str) -> AsyncIterator[Account]:
        cursor = self.database.accounts.find(_of_program("_id", program_id), session=self.session)
        return (account_from(document) async for document in cursor.sort("_id", 1))

    def every_entry_by_account(self, program_id: str) -> AsyncIterator[StoredEntry]:
        cursor = self.database.entries.find(_of_program("account_id", program_id), session=self.session)
        return (_stored_entry(document) async for document in cursor.sort([("account_id", 1), ("seq", 1)]))

    def every_lot(self, program_id: str) -> AsyncIterator[StoredLot]:
        cursor = self.database.lots.find(_of_program("account_id", program_id), session=self.session)
        return (
            StoredLot(lot_from(document), document["digest"])
            async for document in cursor.sort("account_id", 1)
        )

    def every_transaction(self, program_id: str) -> AsyncIterator[StoredTransaction]:
        wanted = {"program_id": program_id} if program_id else {}
        cursor = self.database.transactions.find(wanted, session=self.session).sort("_id", 1)
        return (
            StoredTransaction(transaction_from(document), document["digest"]) async for document in cursor
        )

    def every_entry_by_transaction(self, program_id: str) -> AsyncIterator[Entry]:
        wanted = {"program_id": program_id} if program_id else {}
        cursor = self.database.entries.find(wanted, session=self.session).sort("transaction_id", 1)
        return (entry_from(document) async for document in cursor)

    async def entry_count(self, program_id: str) -> int:
        return await self.database.entries.count_documents(
            _of_program("account_id", program_id), session=self.session
        )

    async def balance_sums(self) -> dict[str, int]:
        """The sum of all balances by program, the most wrong ones first if there are too many to tell."""
        summed: list[dict[str, Any]] = [
            {"$group": {"_id": "$program_id", "sum": {"$sum": "$balance"}}},
            {"$set": {"wrong": {"$abs": "$sum"}}},
            {"$sort": {"wrong": -1, "_id": 1}},
            {"$limit": PROGRAMS_TOLD},
        ]
        found = self.database.accounts.aggregate(summed, session=self.session, maxTimeMS=SUMMING_MS)
        return {each["_id"]: each["sum"] async for each in found}

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


def _of_program(field: str, program_id: str) -> Document:
    """Account ids begin with their program."""
    return {field: {"$gte": f"{program_id}/", "$lt": f"{program_id}0"}} if program_id else {}


def _account_document(account: Account) -> Document:
    return {
        "_id": account.account_id,
        "program_id": account.program_id,
        "owner": account.owner,
        "currency": account.currency,
        "stripe": account.stripe,
        "balance": account.balance,
        "held": account.held,
        "seq": account.seq,
    }


def _stored_entry(document: Document) -> StoredEntry:
    return StoredEntry(entry_from(document), document["digest"])


def _version_from(document: Document) -> Version:
    return Version(Program.parse(bytes(document["document"])), document["digest"], document["effective_time"])
